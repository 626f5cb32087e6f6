"""Categories of polars: the codes stay where they lie, whatever numbers a process gives the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from aqueduct_core.serializers.tables._polars_codes import (
    categories,
    dictionaries,
    seen_as_dictionaries,
)
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.serializers.tables.polars_values import MINE

RANDOM = np.random.default_rng(0)
ROWS = 300_000  # more than are renumbered at once


def texts(prefix: str, count: int, dtype: Any) -> pl.Series:
    cells = [f"{prefix}{number}" if number else None for number in RANDOM.integers(0, count, ROWS)]
    return pl.Series(cells, dtype=dtype)


FRAME = pl.DataFrame(
    {
        "": texts("a", 50, pl.Categorical),
        "b": texts("b", 50, pl.Categorical),
        "c": texts("c", 9, MINE),
        "d": texts("a", 90, pl.Categorical),
        "e": texts("e", 5, pl.Enum([f"e{number}" for number in range(1, 6)])),
        "f": RANDOM.random(ROWS),
    }
)


@pytest.mark.parametrize("rows", [ROWS, 10, 0])
@pytest.mark.parametrize("serializer", ["arrow", "parquet"])
@pytest.mark.parametrize("place", ["memory", "folder"])
def test_texts_keep_their_codes_apart(
    rows: int, serializer: str, place: str, tmp_path: Path
) -> None:
    store = ArtifactStore("memory://" if place == "memory" else tmp_path, policy="fast")
    frame = FRAME.head(rows)
    ref = store.put(frame, serializer=serializer)
    first = store.get(ref)
    assert_identical(first, frame)
    assert_identical(store.get(ref), frame)  # the first one's numbers weren't written anywhere
    assert_identical(store.get(ref, columns=["d", "", "e"]), frame.select("d", "", "e"))
    assert_identical(first, frame)


def test_numbers_below_nulls_do_not_matter() -> None:
    held = pl.Series(["never", "seen"], dtype=pl.Categorical)
    for entries in (["u", "v"], ["v", "never", "u"]):
        indices = pa.array([1, 250, 0], pa.uint32())
        bits = pa.array([True, False, True]).buffers()[1]
        indices = pa.Array.from_buffers(pa.uint32(), 3, [bits, indices.buffers()[1]])
        column = pa.chunked_array([pa.DictionaryArray.from_arrays(indices, pa.array(entries))])
        found = categories(column, pl.Categorical(), None)
        assert found.dtype == held.dtype
        assert found.to_list() == [entries[1], None, entries[0]]


def test_dictionaries_have_the_texts_that_are_used_and_no_others() -> None:
    dtype = pl.Categorical(pl.Categories("aqueduct-tests-of-codes", "others", pl.UInt32))
    others = pl.Series(["p", "q"], dtype=dtype)
    column = pl.Series(["q", None, "r"], dtype=dtype)
    assert dictionaries(column) is None  # its codes don't begin with 0
    seen = seen_as_dictionaries(column)
    assert seen is not None
    assert seen.to_pylist() == column.to_list()
    first = dictionaries(others)
    assert first is not None
    assert first.chunk(0).dictionary.to_pylist() == ["p", "q"]
    store = ArtifactStore("memory://", policy="fast")
    stored = store.get(store.put(column), as_=pa.Table)
    assert stored.column(0).chunk(0).dictionary.to_pylist() == ["q", "r"]


def test_codes_that_begin_with_0_are_not_copied() -> None:
    dtype = pl.Categorical(pl.Categories("aqueduct-tests-of-codes", "here", pl.UInt32))
    column = pl.Series(["x", "y", None, "x"], dtype=dtype)
    found = dictionaries(column)
    assert found is not None
    assert found.to_pylist() == ["x", "y", None, "x"]
    own = column.to_physical().to_arrow().buffers()[1].address
    assert found.chunk(0).indices.buffers()[1].address == own
    assert categories(found, dtype, None).to_physical().to_arrow().buffers()[1].address == own
