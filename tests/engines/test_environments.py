"""Operators with requirements run in environments of their own, which are made meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.engines.base import Silent
from aqueduct_core.runtime.environments._uv import find_uv, uv_environ
from tests.engines.conftest import Workshop
from tests.processes import PATIENCE, wait_until


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("index")
    command = [find_uv(), "pip", "compile", "--quiet", "--python", sys.executable, "-"]
    asked = subprocess.run(
        command, input="iniconfig", text=True, env=uv_environ(), cwd=folder, capture_output=True
    )
    if asked.returncode:
        pytest.skip("there is no package index")
    found = Workshop(folder / "home")
    yield found
    found.close()


def where() -> tuple[str, int]:
    import iniconfig

    return str(Path(iniconfig.__file__)), os.getpid()


def test_others_run_while_an_environment_is_made(workshop: Workshop, tmp_path: Path) -> None:
    said: list[str] = []

    class Ear(Silent):
        def environment(self, message: str) -> None:
            said.append(message)

    inside = aq.op(name="inside", requirements=["iniconfig"])(where)
    outside = aq.op(name="outside")(lambda path: Path(path).touch())(str(tmp_path / "done"))
    run = workshop.start(outside, inside(), inside(), listener=Ear())
    wait_until((tmp_path / "done").exists)
    assert run.handle.wait(PATIENCE) == "succeeded"
    path, _ = run.value("inside")
    assert path.startswith(str(workshop.home / "environments"))
    assert said[-1] == "ready"
    again = workshop.run(inside(), listener=Ear())
    assert again.value("inside") in (run.value("inside"), run.value("inside-2"))  # still warm


def test_an_environment_that_can_not_be_made_fails_its_operators(workshop: Workshop) -> None:
    def nothing() -> None:
        """It is never called."""

    lost = aq.op(name="lost", requirements=["iniconfig==0.0.0.dev999"])(nothing)
    last = aq.op(name="last")(lambda x: x)(lost())
    run = workshop.start(last, aq.op(name="fine")(lambda: 1)())
    assert run.handle.wait(PATIENCE) == "failed"
    assert run.states() == {"lost": "failed", "last": "skipped", "fine": "succeeded"}
    assert "iniconfig==0.0.0.dev999" in str(run.results()["lost"].reason)
