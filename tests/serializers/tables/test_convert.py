"""Loading a table as another library's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aqueduct_core.errors import ConversionError
from aqueduct_core.serializers.tables import convert
from aqueduct_core.store import ArtifactStore

ROWS = [{"i": 1, "s": "a"}, {"i": 2, "s": "b"}]
ARROW = pa.Table.from_pylist(ROWS)
SOURCES: dict[str, Any] = {
    "pandas": pd.DataFrame(ROWS),
    "arrow": ARROW,
    "batch": ARROW.to_batches()[0],
    "polars": pl.DataFrame(ROWS),
    "lazy": pl.LazyFrame(ROWS),
    "list": ROWS,
    "structured": np.array([(1, "a"), (2, "b")], dtype=[("i", "i8"), ("s", "U1")]),
}
TARGETS = (pd.DataFrame, pa.Table, pa.RecordBatch, pl.DataFrame, pl.LazyFrame, list)


def as_rows(value: Any) -> Any:
    if isinstance(value, pl.LazyFrame):
        value = value.collect()
    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    if isinstance(value, pl.DataFrame):
        return value.to_dicts()
    return value if isinstance(value, list) else value.to_pylist()


@pytest.mark.parametrize("target", TARGETS, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
@pytest.mark.parametrize("source", SOURCES)
def test_tables_become_each_other(source: str, target: type) -> None:
    found = convert(SOURCES[source], target)
    assert type(found) is target
    assert as_rows(found) == ROWS


def test_the_store_converts() -> None:
    store = ArtifactStore("memory://", policy="fast")
    ref = store.put(SOURCES["pandas"])
    assert store.get(ref, as_=pl.DataFrame, columns=["s"]).equals(SOURCES["polars"].select("s"))
    assert store.get(ref, as_=pa.Table).to_pylist() == ROWS


def test_columns_become_vectors() -> None:
    column = ARROW.column("i")
    for value in (column, column.chunk(0), SOURCES["pandas"]["i"], SOURCES["polars"]["i"]):
        assert convert(value, np.ndarray).tolist() == [1, 2]
        assert convert(value, pl.Series).to_list() == [1, 2]
        assert convert(value, pd.Series).tolist() == [1, 2]
        assert convert(value, pa.ChunkedArray).to_pylist() == [1, 2]
    assert type(convert(column, pa.Int64Array)) is pa.Int64Array


def test_matrices() -> None:
    numbers = np.arange(6.0).reshape(3, 2)
    assert convert(numbers, pa.Table).to_pydict() == {"0": [0, 2, 4], "1": [1, 3, 5]}
    assert np.array_equal(
        convert(pa.table({"a": [0, 2], "b": [1, 3]}), np.ndarray), [[0, 1], [2, 3]]
    )
    assert np.array_equal(convert(pd.DataFrame(numbers), np.ndarray), numbers)
    masked = np.ma.MaskedArray([1, 2], [True, False])
    assert convert(masked, pa.Table).to_pydict() == {"values": [None, 2]}
    assert convert(numbers.T[:, ::2], pa.Table).num_rows == 2


def test_other_names_and_types_of_text() -> None:
    table = pa.table({"": ["x"], "d": pa.array(["y"]).dictionary_encode()})
    assert convert(table, pl.DataFrame).columns == ["", "d"]
    assert convert(table, pd.DataFrame)["d"].dtype == "category"


@pytest.mark.parametrize(
    ("value", "target"),
    [
        (ARROW, dict),
        (ARROW, pa.Schema),
        (ARROW, pa.Int64Array),
        (ARROW.column(0), pa.StringArray),
        (ARROW, pl.Series),
        (ARROW, pl.Expr),
        ("text", pd.DataFrame),
        ([1, 2], pa.Table),
        ([], pa.Table),
        (np.zeros((2, 2, 2)), pa.Table),
        (pl.DataFrame({"i": [2**100]}, schema={"i": pl.Int128}), pa.Table),
        (pa.table({"u": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}), pl.DataFrame),
        (pa.table([pa.array([1])] * 2, names=["a", "a"]), pl.DataFrame),
    ],
)
def test_what_has_no_way_says_so(value: Any, target: type) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(value, target)
    assert caught.value.hint


def test_what_it_is_already_stays() -> None:
    assert convert(ARROW, pa.Table) is ARROW
    assert convert(True, int) is True
    with pytest.raises(ConversionError, match="takes a class"):
        convert(ARROW, "pandas.DataFrame")  # type: ignore[arg-type]
