"""Columns of views within lists, structs and maps: rewritten where they hold too much, and kept by Parquet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aqueduct_core.serializers.tables import ParquetSerializer, _views
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical

ROWS = 200
RANDOM = np.random.default_rng(0)


def texts(rows: int, *, missing: bool = True) -> pa.Array:
    lengths = RANDOM.integers(0, 40, rows)
    cells = [None if missing and n % 5 == 0 else "x" * n for n in map(int, lengths)]
    return pa.array(cells, pa.string_view())


def mask(rows: int) -> pa.Array:
    return pa.array([row % 5 == 1 for row in range(rows)])


PLACES = [None if row % 7 == 3 else row * 2 for row in range(ROWS // 2)] + [ROWS]
OFFSETS = pa.array(PLACES, pa.int32())
NOTED = pa.field("pairs", pa.list_(pa.field("item", pa.string_view(), metadata={"a": "b"}), 2))
VIEWS = {
    "text": texts(ROWS),
    "list": pa.ListArray.from_arrays(OFFSETS, texts(ROWS)),
    "large list": pa.LargeListArray.from_arrays(OFFSETS.cast(pa.int64()), texts(ROWS)),
    "fixed list": pa.FixedSizeListArray.from_arrays(texts(ROWS), 4, mask=mask(ROWS // 4)),
    "struct": pa.StructArray.from_arrays(
        [texts(ROWS), pa.array(range(ROWS))], names=["a", "b"], mask=mask(ROWS)
    ),
    "map": pa.MapArray.from_arrays(OFFSETS, texts(ROWS, missing=False), texts(ROWS)),
    "deep": pa.ListArray.from_arrays(
        OFFSETS,
        pa.StructArray.from_arrays(
            [pa.FixedSizeListArray.from_arrays(texts(2 * ROWS), type=NOTED.type)], fields=[NOTED]
        ),
    ),
}
BESIDE_OTHERS = {
    "dictionary": pa.StructArray.from_arrays(
        [texts(ROWS), texts(ROWS).dictionary_encode()], names=["a", "b"]
    ),
    "extension": pa.StructArray.from_arrays(
        [texts(ROWS), pa.array([b"a" * 16] * ROWS, pa.uuid())], names=["a", "b"]
    ),
    "union": pa.StructArray.from_arrays(
        [
            texts(ROWS),
            pa.UnionArray.from_sparse(pa.array([0] * ROWS, pa.int8()), [pa.array(range(ROWS))]),
        ],
        names=["a", "b"],
    ),
}


@pytest.mark.parametrize("name", [*VIEWS, *BESIDE_OTHERS])
def test_what_a_slice_holds_besides_is_left_behind(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_views, "_LEAST", 1)
    array = (VIEWS | BESIDE_OTHERS)[name]
    for part in (array, array.slice(3), array.slice(3, 5), array.slice(2, 1)):
        column = pa.chunked_array([part])
        compacted = _views.compacted(column)
        compacted.validate(full=True)
        assert_identical(compacted, column)
    assert compacted is not column
    assert sum(_held(chunk) for chunk in compacted.chunks) <= 300 < _held(array)


def _held(array: pa.Array) -> int:
    return sum(buffer.size for leaf in _views._leaves(array) for buffer in leaf.buffers()[2:])


@pytest.mark.parametrize("name", VIEWS)
def test_pieces_are_joined_with_the_type_they_are_to_have(name: str) -> None:
    array = VIEWS[name]
    pieces = [array, array.slice(1), array.slice(4, 2)]
    whole = pa.concat_arrays(pieces)
    if name != "text":  # which Parquet has as what it is
        pieces = [piece.cast(_views.solid(array.type)) for piece in pieces]
    joined = _views.joined(pieces, array.type)
    joined.validate(full=True)
    assert_identical(joined, whole)


@pytest.mark.parametrize("rows", [50, 200_000])
@pytest.mark.parametrize("name", VIEWS)
def test_parquet_keeps_them(name: str, rows: int) -> None:
    copies = rows // len(VIEWS[name]) + 1
    array = pa.concat_arrays([VIEWS[name]] * copies).slice(0, rows)
    table = pa.table({"a": array, "b": np.arange(rows)})
    store = ArtifactStore("memory://")
    assert ParquetSerializer().accepts(table)
    assert_identical(store.get(store.put(table, serializer="parquet")), table)
    assert_identical(
        store.get(store.put(table, serializer="parquet"), columns=["a"]), table.select(["a"])
    )


def test_what_holds_little_is_left_as_it_is() -> None:
    for array in VIEWS.values():
        column: Any = pa.chunked_array([array.slice(3)])
        assert _views.compacted(column) is column
