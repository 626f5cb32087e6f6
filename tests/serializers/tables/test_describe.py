"""Descriptions: right for small tables, bounded for large ones, never raising."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aqueduct_core.abc import Budget
from aqueduct_core.serializers.tables import ArrowSerializer
from tests.serializers.tables.arrow_values import ARRAYS, OTHERS, TABLES, field
from tests.serializers.tables.polars_values import FRAMES, OBJECTS, SERIES

NAN = float("nan")
PATIENT = Budget(seconds=5)


def described(value: Any, budget: Budget = PATIENT) -> Any:
    found = ArrowSerializer().describe(value, budget)
    return json.loads(json.dumps(found, allow_nan=False))


ODD: dict[str, Any] = {
    **{f"arrow {name}": field(array) for name, array in ARRAYS.items()},
    **TABLES,
    **OTHERS,
    **{f"polars {name}": series for name, series in SERIES.items()},
    **FRAMES,
    **OBJECTS,
    "mixed objects": pd.DataFrame({"o": [1, "a", None, {2}, NAN, pd.NA, 10**400]}),
    "bad text": pd.DataFrame({"o": ["\ud800", "a"]}, dtype=object),
    "twins": pd.DataFrame([[1, "a"]], columns=["x", "x"]),
    "levels": pd.DataFrame({("a", 1): [1]}, index=pd.MultiIndex.from_tuples([(1, "x")])),
    "period": pd.Series(pd.period_range("2020", periods=3, freq="M")),
    "interval": pd.Series(pd.interval_range(0, 3)),
    "zone": pd.Series(pd.date_range("2020", periods=3, tz="Europe/Berlin")),
    "masked": pd.array([1, None, 3], dtype="Int64"),
    "sparse": pd.Series(pd.arrays.SparseArray([0.0, 1.0, NAN])),
    "complex": pd.Series([1j, NAN]),
    "category": pd.Series(["a", None, "b"], dtype="category"),
    "arrow dtype": pd.Series([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "index": pd.Index(["a", "b"], name="n"),
    "nothing": pd.DataFrame(),
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_it_is_it_can_be_described(name: str) -> None:
    found = described(ODD[name])
    assert "error" not in found
    assert found["columns"] == len(found["schema"]) or found["columns"] > 100


@pytest.mark.parametrize("library", ["pandas", "arrow", "polars"])
def test_a_small_table_is_described_exactly(library: str) -> None:
    columns = {"i": [3, None, 1], "s": ["b", "a", "b"], "f": [1.0, NAN, 0.5]}
    value: Any = pl.DataFrame(columns, strict=False)
    if library == "arrow":
        value = pa.table(columns)
    if library == "pandas":
        value = pd.DataFrame(columns).astype({"i": "Int64"})
    found = described(value)
    assert (found["rows"], found["columns"]) == (3, 3)
    assert found["bytes"] > 0
    assert [column["name"] for column in found["schema"]] == ["i", "s", "f"]
    assert [column["nulls"] for column in found["schema"]][:2] == [1, 0]
    numbers, texts = found["statistics"]["i"], found["statistics"]["s"]
    assert (numbers["min"], numbers["max"], numbers["mean"], numbers["nulls"]) == (1, 3, 2, 1)
    assert sum(numbers["histogram"]["counts"]) == 2
    assert (texts["distinct"], texts["top"][0], texts["min"]) == (2, ["b", 2], "a")
    assert found["preview"]["columns"] == ["i", "s", "f"]
    assert found["preview"]["rows"] == [[3, "b", 1.0], [None, "a", "NaN"], [1, "b", 0.5]]
    assert "sampled" not in found


@pytest.mark.parametrize("library", ["pandas", "objects", "arrow", "polars"])
def test_what_is_not_said_to_be_a_sample_is_counted_whole(library: str) -> None:
    columns = {"id": [f"customer {number}" for number in range(7_043)], "flag": ["no"] * 7_043}
    make: Any = {"arrow": pa.table, "polars": pl.DataFrame}.get(library, pd.DataFrame)
    value = make(columns)
    if library == "objects":
        value = value.astype(object)
    found = described(value)
    assert "sampled" not in found
    assert found["statistics"]["id"]["distinct"] == 7_043
    assert found["statistics"]["flag"]["top"] == [["no", 7_043]]


@pytest.mark.parametrize("library", ["pandas", "arrow", "polars"])
def test_a_large_table_is_sampled(library: str) -> None:
    columns = {"i": np.arange(300_000), "s": [f"text {i % 7}" for i in range(300_000)]}
    value: Any = {"pandas": pd.DataFrame, "arrow": pa.table, "polars": pl.DataFrame}[library](
        columns
    )
    found = described(value)
    assert found["rows"] == 300_000
    assert 5_000 <= found["sampled"] <= 10_000
    assert abs(found["statistics"]["i"]["mean"] - 150_000) < 15_000
    assert found["statistics"]["s"]["distinct"] == 7


def test_it_stays_within_the_budget() -> None:
    for value in (
        pd.DataFrame(np.zeros((10, 3_000))),
        pa.table({f"{'long' * 100}{i}": ["x" * 10_000] * 30 for i in range(500)}),
        pl.DataFrame({"l": [list(range(100_000))]}),
        pd.DataFrame({"o": [list(range(100_000))] * 50}),
    ):
        for budget in (Budget(), Budget(rows=2, size=2_048, seconds=0.001)):
            assert len(json.dumps(described(value, budget))) < 4 * budget.size + 4_000


def test_when_time_is_up_it_stops() -> None:
    table = pa.table({f"c{i}": np.arange(1_000) for i in range(40)})
    assert len(described(table, Budget(seconds=0))["statistics"]) == 1
    assert len(described(table, Budget(seconds=10))["statistics"]) == 40


def test_fifty_columns_get_statistics() -> None:
    table = pa.table({f"c{i}": np.arange(100) for i in range(60)})
    assert len(described(table, Budget(seconds=10))["statistics"]) == 50


def test_an_index_that_says_something_is_shown() -> None:
    assert described(pd.Series([1], index=["row"]))["preview"]["index"] == ["row"]
    assert "index" not in described(pd.Series([1]))["preview"]


def test_a_lazy_frame_is_not_run() -> None:
    def fail(frame: Any) -> Any:
        raise AssertionError("collected")

    lazy = pl.LazyFrame({"a": [1]}).map_batches(fail, schema={"a": pl.Int64})
    assert described(lazy)["schema"] == [{"name": "a", "type": "Int64"}]
