"""Operators that end their process, never end, or are ended."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.engines.local._execution import Execution
from aqueduct_core.errors import ParameterError
from tests.engines.conftest import Run, Workshop
from tests.processes import PATIENCE, is_running, wait_until


def segfault() -> None:
    print("here it comes", flush=True)
    ctypes.string_at(0)


def kill_itself() -> None:
    sys.stdout.write("not flushed by anybody")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def exit_hard() -> None:
    os._exit(1)


def exit_softly() -> None:
    sys.exit("I give up")


def exit_with_child() -> None:
    Path(os.environ["AQUEDUCT_TEST_PID"]).write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
    os._exit(0)


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (segfault, "it was killed by signal 11, SIGSEGV: a crash in compiled code"),
        (kill_itself, "it was killed by signal 9, SIGKILL: most often the machine ran out of"),
        (exit_hard, "its process ended with exit code 1 before the function returned"),
        (exit_softly, "sys.exit"),
    ],
)
def test_the_end_of_a_process_is_told(
    workshop: Workshop, ending: Callable[[], None], reason: str
) -> None:
    fine = aq.op(name="fine")(lambda: 1)
    end = aq.op(name="end")(ending)
    run = workshop.run(end(), fine(), aq.op(name="next")(lambda x: x)(end()))
    assert run.wait() == "failed"
    assert run.states() == {
        "end": "failed",
        "fine": "succeeded",
        "end-2": "failed",
        "next": "skipped",
    }
    assert reason in str(run.results()["end"].reason)


def test_what_was_printed_before_a_crash_is_kept(workshop: Workshop) -> None:
    run = workshop.run(aq.op(name="kill")(kill_itself)(), aq.op(name="crash")(segfault)())
    assert run.log("kill") == "not flushed by anybody"
    assert run.log("crash") == "here it comes\n"
    assert "Fatal Python error: Segmentation fault" in run.log("crash", "stderr")
    assert "test_deaths.py" in run.log("crash", "stderr")


def test_children_of_a_process_that_ended_are_ended(
    fresh: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "pid"
    monkeypatch.setenv("AQUEDUCT_TEST_PID", str(mark))
    assert fresh.run(aq.op(name="end")(exit_with_child)()).wait() == "failed"
    wait_until(lambda: not is_running(int(mark.read_text())))


def start_tree(folder: str) -> None:
    """Start a child, one in a session of its own, and a grandchild; then wait for ever."""
    children = [
        subprocess.Popen(["sleep", "1000"]),
        subprocess.Popen(["sleep", "1000"], start_new_session=True),
        subprocess.Popen(["sh", "-c", f"sleep 1000 & echo $! > {folder}/grandchild; wait"]),
        subprocess.Popen(["sh", "-c", f"trap '' TERM; echo > {folder}/stubborn; sleep 1000"]),
    ]
    for name in ("grandchild", "stubborn"):
        while not os.path.exists(f"{folder}/{name}") or not os.path.getsize(f"{folder}/{name}"):
            time.sleep(0.01)
    for child in children:
        Path(folder, f"pid-{child.pid}").touch()
    Path(folder, f"pid-{os.getpid()}").touch()
    Path(folder, "worker").write_text(str(os.getpid()))
    Path(folder, "ready").touch()
    while True:
        time.sleep(1)


def tree_of(folder: Path) -> list[int]:
    pids = [int(path.name.removeprefix("pid-")) for path in folder.glob("pid-*")]
    return [*pids, int((folder / "grandchild").read_text())]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was killed may take long to be gone on a machine with much else to do."""
    monkeypatch.setattr("aqueduct_core.runtime._tree._DYING", PATIENCE)


@pytest.fixture
def quick_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aqueduct_core.engines.local._execution.GRACE", 0.2)


def interrupt_once_it_waits(run: Run, folder: Path) -> None:
    """Send Ctrl-C to the thread that waits for a run whose tree is there."""
    wait_until((folder / "ready").exists)
    wait_until(lambda: run.handle._ended._waiting)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("quick_grace")
def test_nothing_survives_a_cancel(workshop: Workshop, tmp_path: Path) -> None:
    tree = aq.op(name="tree")(start_tree)(str(tmp_path))
    run = workshop.start(tree, aq.op(name="next")(lambda x: x)(tree))
    wait_until((tmp_path / "ready").exists)
    pids = tree_of(tmp_path)
    assert all(map(is_running, pids))
    run.handle.cancel()
    assert run.wait() == "canceled"
    assert [pid for pid in pids if is_running(pid)] == []
    assert run.states() == {"tree": "canceled", "next": "canceled"}
    assert workshop.tracking.run(run.key).state == "canceled"
    assert workshop.run(aq.op(name="fine")(lambda: 1)()).wait() == "succeeded"


@pytest.mark.usefixtures("quick_grace")
def test_nothing_survives_a_timeout(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Execution._timeout

    def once_all_is_there(self: Execution, *about: Any) -> float | None:
        return known(self, *about) if (tmp_path / "ready").exists() else None

    monkeypatch.setattr(Execution, "_timeout", once_all_is_there)
    tree = aq.op(name="tree", timeout=1.5)(start_tree)(str(tmp_path))
    run = workshop.run(tree, aq.op(name="fine")(lambda: 1)())
    assert run.wait() == "failed"
    assert [pid for pid in tree_of(tmp_path) if is_running(pid)] == []
    assert run.states() == {"tree": "failed", "fine": "succeeded"}
    assert "it was stopped after 1.5 s, which is its timeout" in str(run.results()["tree"].reason)


@pytest.mark.usefixtures("quick_grace")
def test_another_process_cancels_a_run(workshop: Workshop, tmp_path: Path) -> None:
    run = workshop.start(aq.op(name="tree")(start_tree)(str(tmp_path)))
    wait_until((tmp_path / "ready").exists)
    assert workshop.tracking.request_cancel(run.key)
    assert run.wait() == "canceled"
    assert [pid for pid in tree_of(tmp_path) if is_running(pid)] == []


def test_a_running_operator_is_recorded(workshop: Workshop, tmp_path: Path) -> None:
    def wait(path: str) -> None:
        while not Path(path).exists():
            time.sleep(0.01)

    run = workshop.start(aq.op(name="wait")(wait)(str(tmp_path / "go")))
    wait_until(lambda: workshop.tracking.results(run.key))
    [result] = workshop.tracking.results(run.key)
    assert result.state == "running"
    (tmp_path / "go").touch()
    assert run.wait() == "succeeded"


@pytest.mark.usefixtures("quick_grace")
def test_ctrl_c_cancels_the_run_that_is_waited_for(workshop: Workshop, tmp_path: Path) -> None:
    run = workshop.start(aq.op(name="tree")(start_tree)(str(tmp_path)))

    thread = threading.Thread(target=interrupt_once_it_waits, args=(run, tmp_path))
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run.wait()
    thread.join()
    assert run.handle.state == "canceled"
    assert [pid for pid in tree_of(tmp_path) if is_running(pid)] == []


def test_ctrl_c_twice_kills(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.engines.local._execution.GRACE", 1_000)
    run = workshop.start(aq.op(name="tree")(start_tree)(str(tmp_path)))

    def interrupt() -> None:
        interrupt_once_it_waits(run, tmp_path)
        # It was asked to end, and so was a child of it that doesn't listen.
        wait_until(lambda: not is_running(int((tmp_path / "worker").read_text())))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run.wait()
    thread.join()
    assert [pid for pid in tree_of(tmp_path) if is_running(pid)] == []


def test_only_what_failed_is_run_again(workshop: Workshop, tmp_path: Path) -> None:
    def needs(path: str, x: int) -> str:
        return f"{Path(path).read_text()} {x}"

    first = aq.op(name="first")(lambda: os.getpid())()
    second = aq.op(name="second")(needs)(str(tmp_path / "file"), first)
    run = workshop.run(aq.op(name="third")(lambda text: text.upper())(second))
    assert run.states() == {"first": "succeeded", "second": "failed", "third": "skipped"}
    before = run.results()
    (tmp_path / "file").write_text("it is")
    again = Run(workshop, run.version, workshop.engine.retry(run.key))
    assert again.wait() == "succeeded"
    after = again.results()
    assert after["first"] == before["first"]
    assert {name: result.attempt for name, result in after.items()} == {
        "first": 1,
        "second": 2,
        "third": 2,
    }
    assert again.value("third") == f"IT IS {again.value('first')}"
    with pytest.raises(ParameterError, match="nothing failed"):
        workshop.engine.retry(run.key)
