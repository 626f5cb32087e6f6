"""Progress: a line in a terminal, a picture in a notebook, silence in a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aqueduct_core.client import _progress
from aqueduct_core.client._progress import say, watch
from aqueduct_core.engines.base import Silent
from aqueduct_core.runtime import Result
from tests.processes import PATIENCE


def result(name: str, state: str = "succeeded") -> Result:
    return cast(Result, SimpleNamespace(name=name, state=state))


SCRIPT = """
import aqueduct_core as aq

@aq.op
def step_one():
    return 1

aq.Client().publish_flow("flow [bold]", step_one())
"""


def test_a_terminal_shows_a_line_and_takes_it_away(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    made = subprocess.Popen([sys.executable, script], stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(ours)
    assert made.wait(PATIENCE) == 0
    assert b"flow [bold]" in shown
    assert b"1/1" in shown
    assert b"\x1b[2K" in shown
    assert b"succeeded in" in shown


def test_a_pipe_gets_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with watch("flow", 2) as listener:
        assert type(listener) is Silent
        listener.operator_started("a", 1)
    assert capsys.readouterr() == ("", "")
    say("one", "two")
    assert capsys.readouterr().err == "one\ntwo\n"


class Display:
    """What IPython's display module does, as far as it is used."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def HTML(self, markup: str) -> str:
        return markup

    def display(self, markup: str, *, display_id: bool) -> Display:
        assert display_id
        self.shown.append(markup)
        return self

    def update(self, markup: str) -> None:
        self.shown.append(markup)


def test_a_notebook_shows_a_picture_that_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = SimpleNamespace(kernel=object())
    ipython: Any = SimpleNamespace(get_ipython=lambda: shell)
    display: Any = Display()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(_progress, "_PAUSE", 0.0)
    with watch("<b>flow</b>", 3) as listener:
        listener.environment("installing <i>pandas</i>")
        for number in range(7):
            listener.operator_started(f"op <{number}>", 1)
        listener.operator_finished(result("op <0>"))
        listener.operator_finished(result("op <1>", "failed"))
        listener.operator_started("op <1>", 2)
    assert "installing &lt;i&gt;pandas" in display.shown[1]
    assert "op &lt;0&gt;" in display.shown[2]
    assert "and 2 more" in display.shown[8]
    assert "1 of 3" in display.shown[-1]
    assert "failed" in display.shown[-3]
    assert "failed" not in display.shown[-1]
    assert not any("<i>" in markup or "<b>flow" in markup for markup in display.shown)
    say("where to look")
    assert capsys.readouterr() == ("where to look\n", "")


def test_a_terminal_that_is_no_notebook_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ipython: Any = SimpleNamespace(get_ipython=lambda: SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not _progress.in_notebook()
