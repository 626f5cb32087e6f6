"""A real Airflow 3 for tests: API server, scheduler, DAG processor and PostgreSQL.

`with Cluster() as cluster:`. One serves all processes of a test run: whoever needs it first starts a
keeper, which is this module run as a program, and which ends it when nobody uses it any more.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.databases import PostgresServer
from tests.environments import ROOT, make_environment

# What only the tests' own processes are to know.
_KEPT_BACK = ("AIRFLOW", "AQUEDUCT", "PYTEST", "PYTHON", "VIRTUAL_ENV")

__all__ = ["SIGNING_KEY", "Address", "Cluster"]

_START = 180.0
_STOP = 6.0
SIGNING_KEY = bytes(range(32))  # its connection `aqueduct` holds it


@dataclass(frozen=True, slots=True)
class Address:
    """Where it is, and how to get in."""

    url: str
    username: str
    password: str
    folder: str

    @property
    def dags(self) -> str:
        """Where it reads DAG files."""
        return f"{self.folder}/dags"

    @property
    def environments(self) -> str:
        """Where its workers keep environments of operators."""
        return f"{self.folder}/environments"

    @property
    def xcom(self) -> str:
        """Where its XCom backend keeps data."""
        return f"{self.folder}/xcom"

    @property
    def warehouse(self) -> str:
        """The SQLite database of its connection `warehouse_file`."""
        return f"{self.folder}/warehouse.db"


class Cluster:
    """Airflow, shared by all processes of a test run."""

    def __enter__(self) -> Address:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
        self._folder = Path(tempfile.gettempdir()) / f"aqueduct-{run}-airflow"
        self._folder.mkdir(mode=0o755, exist_ok=True)
        with (self._folder / "start").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._use = (self._folder / "users").open("w")
            fcntl.flock(self._use, fcntl.LOCK_SH)  # the keeper waits for the last one
            if not (self._folder / "address.json").exists():
                _start_keeper(self._folder)
        return Address(**json.loads((self._folder / "address.json").read_text()))

    def __exit__(self, *_: object) -> None:
        self._use.close()


def _start_keeper(folder: Path) -> None:
    with (folder / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.airflow.cluster", str(folder)],
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


def keep(folder: Path) -> None:
    """Run Airflow as long as somebody uses it."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with PostgresServer() as server:
        try:
            address, environment = _settings(folder, server)
            programs = make_environment(Path(__file__).with_name("airflow-3.lock"))
            _call(programs, environment, "db", "migrate")
            commands = {
                "api-server": ["api-server"],
                "scheduler": ["scheduler", "--skip-serve-logs"],
                "dag-processor": ["dag-processor"],
            }
            for name, command in commands.items():
                processes[name] = _start(programs, environment, folder, name, command)
            _wait(processes, folder, lambda: _is_healthy(address.url))
            # Built by its first request, which would otherwise be that of the first task.
            _get(f"{address.url}/execution/health")
            (folder / "address.json").write_text(json.dumps(asdict(address)))
            print("ready", flush=True)
            os.close(1)
            users = (folder / "users").open("w")
            fcntl.flock(users, fcntl.LOCK_EX)
        finally:
            _stop(processes)
            shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, server: PostgresServer) -> tuple[Address, dict[str, str]]:
    for name in ("home", "dags", "out"):
        (folder / name).mkdir()
    url = f"http://127.0.0.1:{_free_port()}"
    address = Address(url, "admin", secrets.token_hex(8), str(folder))
    (folder / "passwords.json").write_text(json.dumps({"admin": address.password}))
    settings = {
        "CORE__DAGS_FOLDER": address.dags,
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "8",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "CORE__XCOM_BACKEND": "aqueduct_core.adapters.airflow.XComBackend",
        "CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "DATABASE__SQL_ALCHEMY_CONN": server.create().replace("://", "+psycopg2://"),
        "API__HOST": "127.0.0.1",
        "API__PORT": url.rpartition(":")[2],
        "API__BASE_URL": url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": secrets.token_hex(32),
        "API_AUTH__JWT_SECRET": secrets.token_hex(32),
        # The end of a task is noticed only so many seconds later.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "1",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "LOGGING__COLORED_CONSOLE_LOG": "False",
    }
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(_KEPT_BACK)
    }
    # Where uv finds out about package indexes, now that HOME is another one.
    environment.setdefault("XDG_CONFIG_HOME", str(Path("~/.config").expanduser()))
    environment.setdefault("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))
    environment |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
    warehouse = json.dumps({"conn_type": "sqlite", "host": address.warehouse})
    environment |= {
        "HOME": str(folder / "home"),
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW_CONN_AQUEDUCT": json.dumps(
            {"conn_type": "aqueduct", "password": SIGNING_KEY.hex()}
        ),
        # One by the name that our tests give it, one for examples/airflow/by_hand.py.
        "AIRFLOW_CONN_WAREHOUSE_FILE": warehouse,
        "AIRFLOW_CONN_WAREHOUSE": warehouse,
        "CHURN_STORE": f"file://{folder}/churn",
        "AQUEDUCT_XCOM_STORE": address.xcom,
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }
    return address, environment


def _start(
    programs: Path, environment: dict[str, str], folder: Path, name: str, command: list[str]
) -> subprocess.Popen[bytes]:
    with (folder / "out" / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [str(programs / "airflow"), *command],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def _call(programs: Path, environment: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        [str(programs / "airflow"), *command], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"airflow {' '.join(command)}: {done.stdout}{done.stderr}")


def _wait(
    processes: dict[str, subprocess.Popen[bytes]], folder: Path, is_done: Callable[[], bool]
) -> None:
    deadline = time.monotonic() + _START
    while not is_done():
        for name, process in processes.items():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit((folder / "out" / f"{name}.log").read_text(errors="replace")[-5000:])
        time.sleep(0.25)


def _is_healthy(url: str) -> bool:
    try:
        health = json.loads(_get(f"{url}/api/v2/monitor/health"))
    except OSError:
        return False
    parts = ("metadatabase", "scheduler", "dag_processor")
    return all((health.get(name) or {}).get("status") == "healthy" for name in parts)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Each leads a process group, which the executor's workers belong to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes.values():
            if process.poll() is None:
                os.killpg(process.pid, number)
        deadline = time.monotonic() + _STOP
        while time.monotonic() < deadline and any(p.poll() is None for p in processes.values()):
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep(Path(sys.argv[1]))
