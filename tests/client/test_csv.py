"""Tables of all types as CSV."""

from __future__ import annotations

import io
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import aqueduct_core as aq
from aqueduct_core.client._csv import write_csv
from aqueduct_core.errors import ConversionError

_DAY = timedelta(days=1, seconds=3)
_MONTHS = pd.period_range("2026-01", periods=2, freq="M")


@pytest.fixture
def store(tmp_path: Path) -> aq.ArtifactStore:
    return aq.ArtifactStore(tmp_path)


def written(store: aq.ArtifactStore, value: Any) -> str:
    file = io.BytesIO()
    write_csv(store, store.put(value, "table"), file)
    return file.getvalue().decode()


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        (pd.Series(_MONTHS), ['"2026-01"', '"2026-02"']),
        (pd.Series(_MONTHS).astype("category"), ['"2026-01"', '"2026-02"']),
        (pd.Series(pd.interval_range(0, 2)), ['"(0, 1]"', '"(1, 2]"']),
        (pd.Series(["a", None], dtype="category"), ['"a"', ""]),
        (pd.Series([3, 4], dtype="category"), ["3", "4"]),
        (pd.Series([pd.Timedelta(_DAY), pd.NaT]), ['"1 days 00:00:03"', ""]),
        (
            pd.Series(pd.to_datetime(["2026-01-01", None])).dt.tz_localize("Europe/Berlin"),
            ["2026-01-01 00:00:00.000000+0100", ""],
        ),
        (pd.Series([b"\xff\0", None]), ['"ff00"', ""]),
        (pd.Series([[1, None], None]), ['"[1, null]"', ""]),
        (pd.Series([{"ä": "x"}, None]), ['"{""ä"": ""x""}"', ""]),
        (pd.Series([date(2026, 1, 2), None]), ["2026-01-02", ""]),
        (pd.Series([time(1, 2), None]), ["01:02:00.000000", ""]),
        (pd.Series([Decimal("1.10"), None]), ["1.10", ""]),
        (pd.Series([True, None], dtype="boolean"), ["true", ""]),
        (pd.Series([1, None], dtype="Int64"), ["1", ""]),
        (pd.Series(pd.arrays.SparseArray([0, 1])), ["0", "1"]),
        (pd.Series([None, None]), ["", ""]),
        (pl.Series([_DAY, None]), ['"1 days 00:00:03"', ""]),
        (pl.Series(["a", None], dtype=pl.Enum(["a"])), ['"a"', ""]),
        (pl.Series([{"b": b"\x01"}, None]), ['"{""b"": ""01""}"', ""]),
        (
            pa.array([UUID(int=1).bytes, None], pa.uuid()),
            ['"00000000-0000-0000-0000-000000000001"', ""],
        ),
        (pa.array(['{"a":1}', None], pa.json_()), ['"{""a"":1}"', ""]),
        (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int8())), ['"[[""a"", 1]]"', ""]),
        (pa.RunEndEncodedArray.from_arrays([2], ["a"]), ['"a"', '"a"']),
        (pa.array(["a", None], pa.string_view()), ['"a"', ""]),
    ],
    ids=lambda value: str(getattr(value, "dtype", getattr(value, "type", ""))),
)
def test_each_type_has_its_text(store: aq.ArtifactStore, values: Any, cells: list[str]) -> None:
    frames: dict[Any, Any] = {pd.Series: pd.DataFrame, pl.Series: pl.DataFrame}
    table = frames.get(type(values), pa.table)({"n": [1, 2], "it": values})
    assert written(store, table) == f'"n","it"\n1,{cells[0]}\n2,{cells[1]}\n'


def test_an_index_that_says_something_comes_first(store: aq.ArtifactStore) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert written(store, frame) == '"a"\n1\n2\n'
    assert written(store, frame.set_index(_MONTHS)) == '"","a"\n"2026-01",1\n"2026-02",2\n'
    pairs = pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["one", None])
    assert written(store, frame.set_index(pairs)) == '"one","","a"\n"x",1,1\n"y",2,2\n'
    assert written(store, pd.Series([5], index=["x"], name="v")) == '"","v"\n"x",5\n'


def test_no_row_of_a_single_column_is_lost(store: aq.ArtifactStore) -> None:
    text = written(store, pd.DataFrame({"a": [1.5, None, 2.0]}))
    assert text == '"a"\n"1.5"\n""\n"2"\n'
    assert len(pd.read_csv(io.StringIO(text))) == 3


def test_what_has_no_text_is_refused(store: aq.ArtifactStore) -> None:
    with pytest.raises(ConversionError, match="no type"):
        written(store, pl.DataFrame({"big": pl.Series([2**100], dtype=pl.Int128)}))
