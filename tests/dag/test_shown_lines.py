"""Tracebacks show the source as it was published, whatever became of the file."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.dag._capture import Captured, Captures


def capture(file: str, source: str) -> Captured:
    space: dict[str, Any] = {"__name__": "gone"}
    exec(compile(source, file, "exec"), space)
    return Captures().of(space["f"])


def shown(function: Callable[..., Any]) -> str:
    with pytest.raises(ValueError) as caught:
        function()
    return "".join(traceback.format_tb(caught.value.__traceback__))


def test_the_lines_of_a_file_that_is_gone() -> None:
    file = "/no/longer/there.py"
    source = "\n\n\ndef f():\n    raise ValueError('so')\n"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    captured = capture(file, source)
    del linecache.cache[file]
    assert "raise ValueError('so')" in shown(captured.pickled.load())


def test_the_lines_around_them_are_those_of_the_file_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "edited.py"
    file.write_text("def f():\n    raise ValueError('one')\n\nTHEN = 1\n")
    before = capture(str(file), file.read_text())
    assert "ValueError('one')" in shown(before.pickled.load())
    file.write_text("# moved\n\n\ndef f():\n    raise ValueError('two')\n\nNOW = 2\n")
    linecache.checkcache(str(file))
    after = capture(str(file), file.read_text())
    assert "ValueError('two')" in shown(after.pickled.load())
    assert linecache.getline(str(file), 1) == "# moved\n"
    assert linecache.getline(str(file), 7) == "NOW = 2\n"
    assert "ValueError('one')" in shown(before.pickled.load())
