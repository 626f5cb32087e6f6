"""Real database servers for tests: `with PostgresServer() as server: url = server.create()`.

One server of each kind serves all processes of a test run. Whoever needs it first starts a keeper,
which is this module run as a program. The keeper makes the server, ends it when nobody uses it any
more, however they ended, and leaves nothing behind. No rights of root are needed; with them the
servers run as `nobody`, since neither starts as root.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, ClassVar

from tests.certificates import make_certificate
from tests.ports import free_port

__all__ = [
    "MariadbServer",
    "PostgresServer",
    "SafeMariadbServer",
    "SafePostgresServer",
    "Server",
    "private",
]

_ELSEWHERE = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")
_START = 150.0


class Server:
    """A server that is shared by all processes of a test run."""

    kind: ClassVar[str]
    programs: ClassVar[tuple[str, ...]]
    stop: ClassVar[signal.Signals]
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    begin: Callable[[], None]

    @classmethod
    def missing(cls) -> str | None:
        """The first of its programs that isn't installed."""
        return next((name for name in cls.programs if _program(name) is None), None)

    def __enter__(self) -> Server:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
        folder = _fast_folder() / f"aqueduct-{run}-{self.kind}"
        while not self._join(folder):
            pass  # the keeper was just leaving
        self.port = int((folder / "port").read_text())
        self.folder = folder
        return self

    def _join(self, folder: Path) -> bool:
        """Become one of the users; False if the folder was removed meanwhile."""
        folder.mkdir(mode=0o755, exist_ok=True)
        try:
            with (folder / "start").open("w") as turn:
                fcntl.flock(turn, fcntl.LOCK_EX)
                # Held until this process ends or leaves; the keeper waits for the last one.
                self._use = (folder / "users").open("w")
                fcntl.flock(self._use, fcntl.LOCK_SH)
                ours = os.fstat(turn.fileno()), os.fstat(self._use.fileno())
                if not ours[1].st_nlink or not os.path.samestat(ours[0], os.stat(turn.name)):
                    self._use.close()
                    return False
                if not (folder / "port").exists():
                    _start_keeper(self.kind, folder)
        except FileNotFoundError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self._use.close()

    def end(self) -> None:
        """Stop it, if it is a private one."""
        self.process.send_signal(self.stop)
        self.process.wait()

    def create(self) -> str:
        """A new, empty database; returns its URL."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Delete a database that `create` made."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]}")

    def url(self, name: str) -> str:
        raise NotImplementedError

    def execute(self, statement: str) -> None:
        raise NotImplementedError

    def install(self, folder: Path) -> list[str]:
        """Make the server's folder; returns the command that starts the server."""
        raise NotImplementedError


class PostgresServer(Server):
    """PostgreSQL, which asks the user `guarded` for a password, and nobody else."""

    kind = "postgresql"
    programs = ("initdb", "postgres")
    stop = signal.SIGINT  # not at once: its shared memory would be left behind

    def url(self, name: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def install(self, folder: Path) -> list[str]:
        data = folder / "data"
        program = _program("initdb")
        _call(program, "-D", data, "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8")
        rules = data / "pg_hba.conf"
        rules.write_text(f"host all guarded all scram-sha-256\n{rules.read_text()}")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": folder,
            "max_connections": 200,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "dynamic_shared_memory_type": "mmap",
        }
        options = [text for name in settings for text in ("-c", f"{name}={settings[name]}")]
        return [str(_program("postgres")), "-D", str(data), *options]


class MariadbServer(Server):
    kind = "mariadb"
    programs = ("mariadb-install-db", "mariadbd", "my_print_defaults")
    stop = signal.SIGKILL

    def url(self, name: str) -> str:
        return f"mariadb://root@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        import pymysql

        connection = pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def install(self, folder: Path) -> list[str]:
        careless = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"]
        careless.append(f"--tmpdir={folder}")  # it runs as another user, whom ours may keep out
        program, data = _program("mariadb-install-db"), f"--datadir={folder / 'data'}"
        normal = "--auth-root-authentication-method=normal"
        _call(program, "--no-defaults", data, normal, "--skip-test-db", *careless)
        place = [data, f"--socket={folder / 's.sock'}", f"--pid-file={folder / 'pid'}"]
        address = ["--bind-address=127.0.0.1", f"--port={self.port}", "--max-connections=200"]
        return [str(_program("mariadbd")), "--no-defaults", *place, *address, *careless]


class SafePostgresServer(PostgresServer):
    """PostgreSQL that can TLS, with a certificate for `localhost` that nobody knows."""

    kind = "postgresql-tls"

    def install(self, folder: Path) -> list[str]:
        command, (shown, secret) = super().install(folder), _certificate(folder)
        safety = {"ssl": "on", "ssl_cert_file": shown, "ssl_key_file": secret}
        return [*command, *(text for name in safety for text in ("-c", f"{name}={safety[name]}"))]

    @property
    def certificate(self) -> Path:
        return self.folder / "localhost.pem"


class SafeMariadbServer(MariadbServer):
    """MariaDB that can TLS, with a certificate for `localhost` that nobody knows."""

    kind = "mariadb-tls"

    def install(self, folder: Path) -> list[str]:
        command, (shown, secret) = super().install(folder), _certificate(folder)
        return [*command, f"--ssl-cert={shown}", f"--ssl-key={secret}"]

    @property
    def certificate(self) -> Path:
        return self.folder / "localhost.pem"


@contextmanager
def private(server: Server) -> Iterator[Server]:
    """A server of one test alone, which may `end` and `begin` it again."""
    server.folder = Path(mkdtemp(prefix="aqueduct-private-", dir=_fast_folder()))
    try:
        server.folder.chmod(0o755)
        command = _installed(server, server.folder)
        with (server.folder / "log").open("wb") as log:
            server.begin = partial(_begin, server, command, log)
            server.begin()
            try:
                yield server
            finally:
                server.end()
    finally:
        shutil.rmtree(server.folder, ignore_errors=True)


def _begin(server: Server, command: list[str], log: IO[bytes]) -> None:
    folder = server.folder
    server.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **_as_nobody())
    _wait(server, server.process, folder)


def _installed(server: Server, folder: Path) -> list[str]:
    """Choose a port; returns the command that starts the server."""
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    server.port = free_port()
    return server.install(folder)


def _certificate(folder: Path) -> tuple[Path, Path]:
    shown, secret = make_certificate(folder, "localhost")
    secret.chmod(0o600)  # PostgreSQL takes no other
    if os.geteuid() == 0:
        shutil.chown(secret, "nobody")
    return shown, secret


def _fast_folder() -> Path:
    """Memory where there is some: a disk makes MariaDB's first start take ten seconds."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30:
        return memory
    return Path(tempfile.gettempdir())


def _program(name: str) -> str | None:
    """Where a program is: Debian keeps those of PostgreSQL off the PATH."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_ELSEWHERE))
    if found is None:
        versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
        newest = max(versions, key=lambda path: int(path.parts[4]), default=None)
        found = None if newest is None else str(newest)
    return found


def _start_keeper(kind: str, folder: Path) -> None:
    command = [sys.executable, "-m", "tests.databases", kind, str(folder)]
    keeper = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd=Path(__file__).parents[1],
    )
    assert keeper.stdout is not None
    with keeper.stdout as output:
        if output.readline().strip() != b"ready":
            raise RuntimeError(f"{kind} did not start: {output.read().decode(errors='replace')}")
    keeper.returncode = 0  # it outlives this process, which isn't to wait for it


def _call(*command: object) -> None:
    arguments = [str(part) for part in command]
    done = subprocess.run(arguments, capture_output=True, text=True, **_as_nobody())
    if done.returncode:
        sys.exit(f"{arguments[0]} failed: {done.stdout}{done.stderr}")


def _as_nobody() -> dict[str, object]:
    """Arguments of Popen: another user than root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def keep(kind: str, folder: Path) -> None:
    """Run a server as long as somebody uses it."""
    known = (PostgresServer, MariadbServer, SafePostgresServer, SafeMariadbServer)
    server = {item.kind: item for item in known}[kind]()
    command = _installed(server, folder)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **_as_nobody())
    try:
        _wait(server, process, folder)
        (folder / "port").write_text(str(server.port))
        print("ready", flush=True)
        os.close(1)
        users = (folder / "users").open("w")
        fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        process.send_signal(server.stop)
        process.wait()
        # Under another name: who comes meanwhile begins anew, and never in what is half removed.
        gone = folder.rename(folder.with_name(f"{folder.name}-{os.getpid()}"))
        shutil.rmtree(gone, ignore_errors=True)


def _wait(server: Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            server.execute("SELECT 1")
            return
        except Exception:  # noqa: BLE001 - whatever the driver says while nobody listens
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit((folder / "log").read_text(errors="replace"))
        time.sleep(0.02)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep(sys.argv[1], Path(sys.argv[2]))
