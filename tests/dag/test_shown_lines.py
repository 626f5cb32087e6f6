"""Tracebacks show the source as it was published, whatever became of the file."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aqueduct_core.dag import CallSite
from aqueduct_core.dag._capture import Captured, Captures
from aqueduct_core.dag._sources import source_of


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


@pytest.mark.parametrize("now", ["", "x = 1\n", "\n\n'''no end", "\n\n(no end", "\n\n  f(\n 1"])
def test_what_a_file_says_since_it_was_changed_is_no_error(tmp_path: Path, now: str) -> None:
    file = tmp_path / "edited.py"
    file.write_text("\n\ndef f():\n    return 1\n")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    source = source_of(space["f"])
    assert source is not None
    assert (source.file, source.line, source.text) == (str(file), 3, "def f():\n    return 1\n")
    file.write_text(now)
    found = source_of(space["f"])
    assert found is None or found.raw in now


def test_cells_of_notebooks_have_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    site = CallSite("/tmp/ipykernel_32363/4238611659.py", 5, "load")
    shells: list[Any] = [None]
    ipython = SimpleNamespace(get_ipython=lambda: shells[-1])
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert str(site) == "a notebook's cell:5"
    shells.append(SimpleNamespace(compile=SimpleNamespace(_filename_map={site.file: 2})))
    assert str(site) == "cell In[2]:5"
    assert str(CallSite("/home/me/models/churn.py", 7, "load")) == "models/churn.py:7"
    monkeypatch.delitem(sys.modules, "IPython")
    assert str(site) == "a notebook's cell:5"
