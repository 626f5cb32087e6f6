"""A real Airflow for tests: its processes and PostgreSQL.

`with Cluster() as address:`. One serves all processes of a test run: whoever needs it first starts a
keeper, which is this module run as a program. The keeper starts again what dies, as a service manager
does, and ends everything when nobody uses it any more.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tests.databases import PostgresServer
from tests.environments import ROOT, make_environment
from tests.integration.airflow.repository import make_repository
from tests.integration.airflow.settings import Address, environment_of, new_address, programs_of

__all__ = ["Cluster"]

_START = 600.0  # a machine with much else to do takes ten times as long
_STOP = 6.0
_LOOK = 0.2


class Cluster:
    """An Airflow, shared by all processes of a test run.

    Args:
        version: 3 or 2.
        name: Another name for one that isn't shared with those who use this one.
    """

    def __init__(self, version: int = 3, name: str = "shared") -> None:
        self._version = version
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
        self._folder = Path(tempfile.gettempdir()) / f"aqueduct-{run}-airflow{version}-{name}"

    def __enter__(self) -> Address:
        while not self._join():
            pass  # the keeper was just leaving
        return Address(**json.loads((self._folder / "address.json").read_text()))

    def __exit__(self, *_: object) -> None:
        self._use.close()

    def _join(self) -> bool:
        """Become one of the users; False if the folder was removed meanwhile."""
        self._folder.mkdir(mode=0o755, exist_ok=True)
        try:
            with (self._folder / "start").open("w") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                # Held until this process ends or leaves; the keeper waits for the last one.
                self._use = (self._folder / "users").open("w")
                fcntl.flock(self._use, fcntl.LOCK_SH)
                if not os.fstat(self._use.fileno()).st_nlink:
                    self._use.close()
                    return False
                if not (self._folder / "address.json").exists():
                    _start_keeper(self._folder, self._version)
        except FileNotFoundError:
            return False
        return True


def _start_keeper(folder: Path, version: int) -> None:
    command = ["-m", "tests.integration.airflow.cluster", str(folder), str(version)]
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout as output:
        if output.readline().strip() != b"ready":
            raise RuntimeError(f"Airflow did not start: {(folder / 'keeper.log').read_text()}")
    keeper.returncode = 0  # it outlives this process, which isn't to wait for it


def keep(folder: Path, version: int) -> None:
    """Run Airflow as long as somebody uses it."""
    with PostgresServer() as server:
        keeper = _Keeper(new_address(version, folder), server)
        try:
            keeper.start()
            print("ready", flush=True)
            os.close(1)
            keeper.look_after()
        finally:
            keeper.stop()
            shutil.rmtree(folder, ignore_errors=True)


class _Keeper:
    """Starts Airflow's processes, starts them again, and ends them."""

    def __init__(self, address: Address, server: PostgresServer) -> None:
        self._address = address
        self._folder = Path(address.folder)
        for name in ("home", "dags", "out", "modules"):
            (self._folder / name).mkdir()
        database = server.create().replace("://", "+psycopg2://")
        self._environment = environment_of(address, database)
        lock = Path(__file__).with_name(f"airflow-{address.version}.lock")
        self._program = str(make_environment(lock) / "airflow")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        address = self._address
        make_repository(Path(address.repository))
        self._call("db", "migrate")
        if address.version == 2:
            who = ("-u", address.username, "-p", address.password, "-r", "Admin")
            self._call("users", "create", *who, *("-f", "A", "-l", "B", "-e", "a@example.org"))
        for name in programs_of(address.version):
            self._start(name)
        self._wait(lambda: _is_healthy(address))
        if address.version == 3:
            # Built by its first request, which would otherwise be that of the first task.
            _get(f"{address.url}/execution/health")
        (self._folder / "address.json").write_text(json.dumps(asdict(address)))

    def look_after(self) -> None:
        """Start again what has died, until nobody uses it any more."""
        self._users = (self._folder / "users").open("w")  # locked until all is over
        while not _is_free(self._users.fileno()):
            for name, process in list(self._processes.items()):
                if process.poll() is not None:
                    self._start(name)
            time.sleep(_LOOK)

    def stop(self) -> None:
        """Each leads a process group, which the executor's workers belong to."""
        processes = self._processes.values()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in processes:
                if process.poll() is None:
                    os.killpg(process.pid, number)
            deadline = time.monotonic() + _STOP
            while time.monotonic() < deadline and any(p.poll() is None for p in processes):
                time.sleep(0.1)
        for number in _working_in(self._folder):  # tasks that lost what had started them
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def _start(self, name: str) -> None:
        command = [self._program, *programs_of(self._address.version)[name]]
        with (self._folder / "out" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._processes[name] = process
        (self._folder / f"{name}.pid").write_text(str(process.pid))

    def _call(self, *command: str) -> None:
        done = subprocess.run(
            [self._program, *command], env=self._environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"airflow {command[0]}: {done.stdout}{done.stderr}")

    def _wait(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START
        while not is_done():
            for name, process in self._processes.items():
                if process.poll() is not None or time.monotonic() > deadline:
                    log = self._folder / "out" / f"{name}.log"
                    sys.exit(log.read_text(errors="replace")[-5000:])
            time.sleep(0.25)


def _working_in(folder: Path) -> Iterator[int]:
    """The processes whose current folder it is."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if (process / "cwd").readlink() == folder:
                yield int(process.name)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_healthy(address: Address) -> bool:
    path = "/api/v1/health" if address.version == 2 else "/api/v2/monitor/health"
    try:
        health: Mapping[str, Mapping[str, str]] = json.loads(_get(f"{address.url}{path}"))
    except (OSError, ValueError):
        return False
    parts = ["metadatabase", "scheduler", *(["dag_processor"] if address.version == 3 else [])]
    return all((health.get(name) or {}).get("status") == "healthy" for name in parts)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep(Path(sys.argv[1]), int(sys.argv[2]))
