"""What is kept of a driver's batches."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.integrations import _parts
from aqueduct_core.integrations._parts import Part, owned

VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(),
    pa.large_string(): st.text(),
    pa.binary(): st.binary(),
    pa.binary(2): st.binary(min_size=2, max_size=2),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes(),
    pa.decimal128(12, 2): st.decimals(-(10**9), 10**9, places=2),
    pa.list_(pa.int8()): st.lists(st.integers(-5, 5), max_size=3),
    pa.null(): st.none(),
}


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(data=st.data())
def test_a_column_of_batches_is_kept_as_it_is_and_without_the_batches(kind: Any, data: Any) -> None:
    part, given = Part(), []
    with patch.object(_parts, "_MAPPED", data.draw(st.sampled_from([1, 3, 10_000]))):
        for values in data.draw(
            st.lists(st.lists(st.none() | VALUES[kind], max_size=9), max_size=5)
        ):
            start, end = (data.draw(st.integers(0, len(values))) for _ in range(2))
            given.append(pa.array(values, kind)[start:end])
            part.add(owned(given[-1]))
        kept = part.chunks()
    for array in kept:
        array.validate(full=True)
        assert array.offset == 0
    assert pa.chunked_array(kept, kind).equals(pa.chunked_array(given, kind))
    assert sum(array.null_count for array in kept) == sum(array.null_count for array in given)
    assert not places(kept) & places(given)


def places(arrays: list[Any]) -> set[int]:
    buffers = [buffer for array in arrays for buffer in array.buffers()]
    return {buffer.address for buffer in buffers if buffer is not None and buffer.size}


LONG = {
    "int64": pa.array(np.arange(10_000)),
    "double": pa.array(np.arange(10_000) / 2),
    "text": pa.array(list(map(str, range(10_000)))),
    "few": pa.array([1, None]),
    "objects": ("a", 1, None),
}


@given(st.lists(st.sampled_from(sorted(LONG)), max_size=6))
def test_chunks_of_several_types_stay_in_order(names: list[str]) -> None:
    part, expected = Part(), []
    for name in names:
        part.add(LONG[name])
        expected += list(LONG[name])
    assert [value for chunk in part.chunks() for value in chunk] == expected


def test_numbers_of_all_chunks_are_one_piece_of_memory() -> None:
    part = Part()
    for first in range(0, 100_000, 20_000):
        part.add(pa.array(np.arange(first, first + 20_000)))
    part.add(pa.array([None, 5]))
    [array] = part.chunks()
    assert array.to_pylist() == [*range(100_000), None, 5]
    assert array.buffers()[1].is_mutable


def test_memory_grows_where_the_system_can_only_give_new_one() -> None:
    class Fixed(_parts.mmap.mmap):
        def resize(self, _size: int) -> None:
            raise SystemError("mmap: resizing not available--no mremap()")

    part = Part()
    with patch.object(_parts.mmap, "mmap", Fixed):
        for first in range(0, 100_000, 20_000):
            part.add(pa.array(np.arange(first, first + 20_000)))
    [array] = part.chunks()
    assert array.to_pylist() == [*range(100_000)]
