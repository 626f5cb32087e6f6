"""Programs that end, are killed or fork while the engine works."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from tests.engines.conftest import Run, Workshop
from tests.processes import PATIENCE, is_running, wait_until

PROGRAM = """
import os, sys, time
from pathlib import Path
import aqueduct_core as aq
from tests.engines.conftest import Workshop

home, folder = Path(sys.argv[1]), sys.argv[2]
workshop = Workshop(home)

def note(step, before=None):
    path = Path(folder, step)
    with path.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    while step == "second" and not Path(folder, "go").exists():
        time.sleep(0.01)
    return os.getpid()

step = aq.op(name="step")(note)
"""

ENDS = (
    PROGRAM
    + """
Path(folder, "go").touch()
workshop.start(step("second", step("first")))
print("the program is through")
"""
)

KILLED = (
    PROGRAM
    + """
first = step("first")
second = step("second", first)
run = workshop.start(step("third", second), aq.op(name="gone")(lambda: 1 / 0)())
print(run.key, run.version.digest, run.version.flow, flush=True)
run.wait()
"""
)

FORKS = (
    PROGRAM
    + """
import multiprocessing
def inside():
    assert workshop.run(step("forked")).wait() == "succeeded"
    workshop.close()
workshop.run(step("first"))
child = multiprocessing.get_context("fork").Process(target=inside)
child.start()
workshop.run(step("again"))
child.join()
sys.exit(child.exitcode)
"""
)


def program(
    text: str, *arguments: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-W", "ignore:This process", "-c", text]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def pids(folder: Path) -> list[int]:
    steps = [path for path in folder.iterdir() if path.name != "go"]
    return [int(line) for step in steps for line in step.read_text().split()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "steps").mkdir()
    return tmp_path / "steps"


def test_a_run_goes_on_when_the_program_is_through(tmp_path: Path, folder: Path) -> None:
    with program(ENDS, tmp_path / "home", folder) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "the program is through\n", "")
    assert {path.name for path in folder.iterdir()} == {"first", "second", "go"}
    wait_until(lambda: not any(map(is_running, pids(folder))))


def test_a_fork_has_workers_of_its_own(tmp_path: Path, folder: Path) -> None:
    with program(FORKS, tmp_path / "home", folder) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    first, forked, again = ((folder / name).read_text() for name in ("first", "forked", "again"))
    assert first == again != forked
    wait_until(lambda: not any(map(is_running, pids(folder))))


def test_a_run_whose_process_was_killed_goes_on(tmp_path: Path, folder: Path) -> None:
    with program(KILLED, tmp_path / "home", folder) as process:
        assert process.stdout is not None
        key, digest, flow = process.stdout.readline().split()
        wait_until((folder / "second").exists)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    wait_until(lambda: not any(map(is_running, pids(folder))))
    workshop = Workshop(tmp_path / "home")
    try:
        assert workshop.tracking.run(key, flow=flow).state == "running"
        (folder / "go").touch()
        [handle] = workshop.engine.recover()
        assert workshop.engine.recover() == []  # it is this process that runs it now
        assert (handle.run, handle.wait(PATIENCE)) == (key, "failed")
        run = Run(workshop, Version.load(workshop.store, flow, digest), handle)
        assert run.states() == {
            "step": "succeeded",
            "step-2": "succeeded",
            "step-3": "succeeded",
            "gone": "failed",
        }
        lines = {name: len((folder / name).read_text().split()) for name in ("first", "second")}
        assert lines == {"first": 1, "second": 2}
        assert workshop.tracking.run(key).state == "failed"
    finally:
        workshop.close()


def test_a_run_that_can_not_go_on_has_failed(fresh: Workshop) -> None:
    version = fresh.publish(aq.op(name="one")(lambda: 1)())
    fresh.tracking.start_run("r1", version.flow, version.digest, owner="this machine:1:0")
    fresh.tracking.start_run(
        "r2", version.flow, version.digest, owner=f"{platform.node()}:{os.getpid()}:0"
    )
    for info in [*fresh.store.storage.list(f"flows/{version.flow}/versions/")]:
        fresh.store.storage.delete(info.key)
    assert fresh.engine.recover() == []
    assert fresh.tracking.run("r1").state == "running"  # it shows signs of life, elsewhere
    run = fresh.tracking.run("r2")
    assert run.state == "failed"
    assert "its process was killed, and it can't go on: no version" in str(run.reason)


def test_idle_workers_end(fresh: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aqueduct_core.engines.local._keeper._IDLE", 0.0)
    run = fresh.run(aq.op(name="one")(lambda: os.getpid())())
    wait_until(lambda: not is_running(run.value("one")))
    assert fresh.run(aq.op(name="one")(lambda: os.getpid())()).wait() == "succeeded"


def descriptors() -> dict[str, str]:
    """What this process has open."""
    folder = "/proc/self/fd"
    return {name: os.path.realpath(f"{folder}/{name}") for name in os.listdir(folder)}


def test_an_engine_that_is_closed_leaves_nothing(tmp_path: Path) -> None:
    before = descriptors()
    workshop = Workshop(tmp_path / "home")
    workshop.engine.prepare()
    run = workshop.run(*[aq.op(name="pid")(lambda x: os.getpid())(x) for x in range(20)])
    workers = {result.environment["pid"] for result in run.results().values()}
    workshop.close()
    workshop.close()
    assert not any(map(is_running, workers))
    # Other threads of this process open and close some of their own meanwhile.
    wait_until(lambda: descriptors().keys() <= before.keys(), tell=descriptors)


def test_memory_stays_bounded(workshop: Workshop) -> None:
    """Each value is large, and no process holds more than a few of them."""
    size = 8 << 20

    @aq.op
    def make(number: int) -> bytes:
        return bytes([number % 251]) * size

    @aq.op
    def measure(data: bytes) -> int:
        return len(data)

    @aq.op
    def count(*sizes: int) -> int:
        return len(sizes)

    own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    run = workshop.run(count(*[measure(make(number)) for number in range(40)]))
    assert run.wait() == "succeeded"
    assert run.value("count") == 40
    assert max(result.peak_memory or 0 for result in run.results().values()) < 300 << 20
    after = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert after - own < 64 << 20


def test_a_second_program_shares_the_home(workshop: Workshop, folder: Path) -> None:
    with program(ENDS, workshop.home, folder) as process:
        run = workshop.run(aq.op(name="one")(lambda: time.sleep(0.1))())
        _, err = process.communicate(timeout=PATIENCE)
    assert (run.wait(), process.returncode, err) == ("succeeded", 0, "")


ACCENTS = (
    PROGRAM
    + """
run = workshop.start(aq.op(name="greet")(lambda: print("h\\u00e4llo"))())
assert run.wait() == "succeeded", run.results()
print(ascii(run.log("greet")))
"""
)


def test_paths_with_accents_need_no_locale(tmp_path: Path, folder: Path) -> None:
    plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    home = tmp_path / "hömé"
    with program(ACCENTS, home, folder, environment=plain) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert out == "'h\\xe4llo\\n'\n"
    assert (home / "artifacts").is_dir()
