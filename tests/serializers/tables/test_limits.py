"""Values at the edge of what the containers have room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.tables import ParquetSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical

DAY = 86_400_000  # milliseconds


def deep_list(depth: int) -> pa.Array:
    array = pa.array([1])
    for _ in range(depth):
        array = pa.ListArray.from_arrays([0, 1], array)
    return array


def deep_struct(depth: int) -> pa.Array:
    array = pa.array([1])
    for _ in range(depth):
        array = pa.StructArray.from_arrays([array], names=["a"])
    return array


def deep_polars(depth: int) -> pl.DataFrame:
    dtype: Any = pl.Int64
    for _ in range(depth):
        dtype = pl.List(dtype)
    return pl.DataFrame({"a": pl.Series([None], dtype=dtype)})


DEEP: dict[str, Callable[[int], Any]] = {
    "table": lambda depth: pa.table({"a": deep_list(depth)}),
    "struct": lambda depth: pa.table({"a": deep_struct(depth)}),
    "frame": lambda depth: pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(deep_list(depth))}),
    "polars": deep_polars,
    "lazy": lambda depth: deep_polars(depth).lazy(),
}


@pytest.mark.parametrize("policy", ["fast", "small"])
@pytest.mark.parametrize("kind", DEEP)
def test_nests_are_stored_as_deep_as_arrow_can_or_refused(kind: str, policy: str) -> None:
    store = ArtifactStore("memory://", policy=policy)
    value = DEEP[kind](62)
    loaded = store.get(store.put(value))
    if kind == "lazy":
        loaded, value = loaded.collect(), value.collect()
    assert loaded.equals(value)
    with pytest.raises(UnserializableError, match="column 'a' is nested more than 62 levels deep"):
        store.put(DEEP[kind](200))


@pytest.mark.parametrize("day", [2**31, -(2**31) - 1, 2**31 - 1, -(2**31)])
def test_days_that_date32_has_no_number_for_are_not_for_parquet(day: int) -> None:
    table = pa.table({"a": pa.array([0, day * DAY, None]).view(pa.date64())})
    assert ParquetSerializer().accepts(table) is (-(2**31) <= day < 2**31)
    store = ArtifactStore("memory://", policy="small")
    assert_identical(store.get(store.put(table)), table)


@pytest.mark.parametrize("wrap", ["table", "schema", "chunked"])
def test_nests_deeper_than_python_can_recurse_are_refused_by_the_same_words(wrap: str) -> None:
    kind = pa.int8()
    for _ in range(3_000):
        kind = pa.list_(kind)
    column = pa.chunked_array([], kind)
    values = {"table": pa.table({"a": column}), "schema": pa.schema([("a", kind)])}
    with pytest.raises(UnserializableError, match="is nested more than 62 levels deep"):
        ArtifactStore("memory://", allow_pickle=True).put(values.get(wrap, column))
