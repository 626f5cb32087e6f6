"""How workers end: by themselves, and with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.runtime import Workspace
from aqueduct_core.runtime._supervisor import Worker
from tests.processes import is_running, wait_until
from tests.runtime.flows import KEY, publish, setup_of

IDLE = """
import os, sys
from aqueduct_core.runtime._supervisor import Worker

def descriptors():
    return sorted(os.listdir("/proc/self/fd"))

before = descriptors()
worker = Worker({"store": sys.argv[1]})
assert descriptors() != before
worker.finish(patience=60)
assert worker.reap() == 0
worker.dispose()
assert not worker.is_alive
assert not worker.spools.exists()
assert descriptors() == before, (descriptors(), before)
"""


def test_an_idle_worker_ends_by_itself(workspace: Workspace) -> None:
    # In a process where no other thread opens and closes files meanwhile.
    command = [sys.executable, "-W", "error", "-c", IDLE, workspace.store.url]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


IGNORED = """
import os, signal, sys
from aqueduct_core.runtime._supervisor import Worker

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if sys.argv[2] == "without waitid":
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    del os.waitid
worker = Worker({"store": sys.argv[1]})
assert worker.is_alive
worker.finish(patience=60)
assert not worker.is_alive
worker.dispose()
"""


@pytest.mark.parametrize("how", ["without SIGCHLD", "without waitid"])
def test_the_end_of_a_worker_is_seen(workspace: Workspace, how: str) -> None:
    # A program may leave its children to the system; and not every system tells of one child alone.
    command = [sys.executable, "-W", "error", "-c", IGNORED, workspace.store.url, how]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


ORPHAN = """
import os, signal, sys
from aqueduct_core.runtime._channel import Batch
from aqueduct_core.runtime._supervisor import Worker
worker = Worker({{"store": {url!r}, "signing_key": {key!r}}})
worker.submit(Batch(flow={flow!r}, digest={digest!r}, run="r1", operators=(("tree", 1),)))
worker.receive()
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_worker_does_not_outlive_its_parent(workspace: Workspace, tmp_path: Path) -> None:
    def tree(path: str) -> None:
        children = [
            subprocess.Popen(["sleep", "1000"]),
            subprocess.Popen(["sleep", "1000"], start_new_session=True),
        ]
        pids = [os.getpid(), *(child.pid for child in children)]
        Path(path, "draft").write_text(" ".join(map(str, pids)))
        Path(path, "draft").rename(Path(path, "pids"))
        time.sleep(1_000)

    version = publish(workspace.store, aq.op(name="tree")(tree)(str(tmp_path)))
    script = ORPHAN.format(
        url=workspace.store.url, key=KEY.hex(), flow=version.flow, digest=version.digest
    )
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        wait_until((tmp_path / "pids").exists)
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(map(is_running, pids))
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, pids)))


def test_nothing_is_left_of_a_worker_whose_parent_was_killed(
    workspace: Workspace, tmp_path: Path
) -> None:
    script = """
import os, signal, sys
from aqueduct_core.runtime._supervisor import Worker
first = Worker({"store": sys.argv[1]})
while not first.is_ready:
    first.receive()
second = Worker({"store": sys.argv[1]})  # it has just begun to start
print(first.pid, second.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, workspace.store.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    pids = [int(pid) for pid in done.stdout.split()]
    wait_until(lambda: not any(map(is_running, pids)))
    assert list(tmp_path.glob("aqueduct-*")) == []


def test_a_fork_of_the_parent_keeps_no_worker_alive(workspace: Workspace) -> None:
    worker = Worker(setup_of(workspace))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    worker.finish(patience=30)  # it would not notice while the copy holds the socket
    assert worker.reap() == 0
    worker.dispose()
    os.close(writer)
    assert os.waitpid(child, 0)[1] == 0
