"""The servers that tests start: there under CI, shared, and gone when nobody uses them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import MariadbServer, PostgresServer, Server, _fast_folder
from tests.processes import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = [PostgresServer, MariadbServer]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_server_is_installed_under_ci(kind: type[Server]) -> None:
    missing = kind.missing()
    if missing is not None and os.environ.get("CI") != "true":
        pytest.skip(f"{missing} is not installed; that would be a failure under CI=true")
    assert missing is None, f"{missing} of {kind.kind} is not installed: run tools/servers.sh"


_USE = """
import sys
from tests import databases
with getattr(databases, sys.argv[1])() as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_server_ends_with_the_last_of_its_users(kind: type[Server]) -> None:
    if kind.missing() is not None:
        pytest.skip(f"{kind.missing()} is not installed")
    run = f"test-{os.getpid()}-{kind.kind}"
    users = [
        subprocess.Popen(
            [sys.executable, "-c", _USE, kind.__name__],
            cwd=ROOT,
            env={**os.environ, "PYTEST_XDIST_TESTRUNUID": run},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        ports = {user.stdout.readline() for user in users if user.stdout is not None}
        assert len(ports) == 1, "they share it"
        assert ports != {""}
    finally:
        for user in users:
            user.send_signal(signal.SIGKILL)  # not even time to say good-bye
            user.communicate()
    folder = _fast_folder() / f"aqueduct-{run}-{kind.kind}"
    wait_until(lambda: not folder.exists())
