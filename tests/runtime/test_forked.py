"""Workers that are copies of a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.runtime import Result, Workspace
from tests.runtime.flows import KEY, publish

# A process such as a scheduler's task: with files, handlers and habits that are its own business.
PROGRAM = """
import atexit, json, logging, os, signal, socket, sys
from pathlib import Path
from aqueduct_core.dag import Version
from aqueduct_core.runtime import Workspace
from aqueduct_core.runtime._forked import can_fork
from aqueduct_core.runtime._supervised import Call, supervise, together

location, folder = sys.argv[1:]
os.environ["AQUEDUCT_SIGNING_KEY"] = "planted"
ours = open(f"{folder}/ours", "w")
logging.basicConfig(stream=ours, level=logging.DEBUG)
atexit.register(lambda: ours.write("ended\\n"))
signal.signal(signal.SIGUSR1, lambda *_: ours.write("signal\\n"))
print("before")
assert can_fork(sys.executable)
url, flow, digest = Version.locate(location)
setup = {"store": url, "signing_key": bytes.hex(%r)}
version = Version.load(Workspace.from_json(setup).store, flow, digest)
found = []
for name in version.ids:
    call = Call(setup=setup, version=version, operators=together(version, name), run="r1",
                environments=Path(folder), report=print, may_fork=True)
    results, _ = supervise(call)
    found += [result.to_json() for result in results]
Path(f"{folder}/results").write_text(json.dumps(found))
ours.write("after\\n")
"""


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path) -> Any:
    def run(*artifacts: aq.Artifact) -> tuple[dict[str, Result], subprocess.CompletedProcess[str]]:
        version = publish(workspace.store, *artifacts)
        place = version.location(workspace.store)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM % KEY, place, str(tmp_path)],
            capture_output=True,
            text=True,
        )
        assert not done.returncode, done.stderr
        found = json.loads((tmp_path / "results").read_text())
        return {item["name"]: Result.from_json(item) for item in found}, done

    return run


def test_operators_are_run_in_copies_that_forget_what_they_come_from(
    run: Any, workspace: Workspace, tmp_path: Path
) -> None:
    @aq.op
    def look() -> dict[str, Any]:
        import logging
        import os
        import signal

        print("shown")
        logging.getLogger("theirs").error("logged")
        return {
            "pid": os.getpid(),
            "leads": os.getpgid(0) == os.getpid(),
            "key": os.environ.get("AQUEDUCT_SIGNING_KEY"),
            "handler": signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL,
        }

    @aq.op
    def double(found: dict[str, Any]) -> int:
        return 2

    results, done = run(double(look()))
    found = workspace.store.get(results["look"].outputs["output"])
    assert results["double"].state == "succeeded"
    assert found == {"pid": found["pid"], "leads": True, "key": None, "handler": True}
    assert results["look"].environment["pid"] == found["pid"]
    logs = {
        stream: bytes(workspace.store.storage.get(key)).decode()
        for stream, key in results["look"].logs.items()
    }
    assert logs == {"stdout": "shown\n", "stderr": "logged\n"}
    assert done.stdout == "before\n", "what was waiting to be written is written once"
    assert (tmp_path / "ours").read_text() == "after\nended\n"


@pytest.mark.parametrize(
    ("end", "told"),
    [("os._exit(3)", "exit code 3"), ("os.kill(os.getpid(), 9)", "signal 9")],
)
def test_what_ends_a_copy_is_told(run: Any, end: str, told: str) -> None:
    @aq.op
    def fatal(end: str) -> None:
        import os  # noqa: F401 - for the code that ends it

        exec(end)

    results, _ = run(fatal(end))
    assert results["fatal"].state == "failed"
    assert told in str(results["fatal"].reason)


def test_what_an_operator_registers_for_the_end_is_done(run: Any, tmp_path: Path) -> None:
    @aq.op
    def later(path: str) -> None:
        import atexit
        from pathlib import Path

        atexit.register(Path(path).touch)

    results, _ = run(later(str(tmp_path / "mark")))
    assert results["later"].state == "succeeded"
    assert (tmp_path / "mark").exists()
