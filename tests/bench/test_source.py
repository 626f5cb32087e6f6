"""Where values come from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aqueduct_core.bench import case_names, load_value
from aqueduct_core.errors import ParameterError
from aqueduct_core.testing import assert_identical


@pytest.mark.parametrize("name", [name for name in case_names() if name != "model"])
def test_cases_are_the_same_each_time(name: str) -> None:
    assert_identical(load_value(name, quick=True), load_value(name, quick=True))


def test_a_function_is_called_and_anything_else_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "values_of_mine.py").write_text(
        "def make():\n    return {1: 2}\n\nthing = (1, 2)\n\ndef fail():\n    raise OSError('no data')\n"
    )
    monkeypatch.chdir(tmp_path)  # the folder that one is in is searched, whatever started Python
    monkeypatch.setattr(sys, "path", [item for item in sys.path if item])
    before = [*sys.path]
    assert load_value("values_of_mine:make") == {1: 2}
    assert load_value("values_of_mine:thing") == (1, 2)
    with pytest.raises(ParameterError, match="can't be imported"):
        load_value("values_of_mine:other")
    with pytest.raises(ParameterError, match="can't be imported"):
        load_value("no_such_module:make")
    with pytest.raises(ParameterError, match="fail failed with OSError: no data"):
        load_value("values_of_mine:fail")
    assert sys.path == before


def files(folder: Path) -> dict[str, Any]:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_csv(folder / "f.csv", index=False)
    frame.to_parquet(folder / "f.parquet")
    frame.to_feather(folder / "f.feather")
    np.save(folder / "f.npy", np.arange(3))
    Image.new("L", (2, 2)).save(folder / "f.PNG")
    (folder / "f.json").write_text('{"a": [1, null]}')
    (folder / "f.txt").write_text("é", encoding="utf-8")
    (folder / "f.bin").write_bytes(b"\0\1")
    return {
        "f.csv": frame,
        "f.parquet": frame,
        "f.feather": frame,
        "f.npy": np.arange(3),
        "f.json": {"a": [1, None]},
        "f.txt": "é",
        "f.bin": b"\0\1",
    }


def test_files_are_read_by_their_ending(tmp_path: Path) -> None:
    for name, value in files(tmp_path).items():
        assert_identical(load_value(str(tmp_path / name)), value)
    with load_value(str(tmp_path / "f.PNG")) as image:
        assert image.size == (2, 2)


def test_anything_else_is_said_to_be_neither() -> None:
    with pytest.raises(ParameterError, match="neither a case, nor a file") as caught:
        load_value("mixed framed")
    assert "mixed frame" in str(caught.value)
