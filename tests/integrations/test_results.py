"""Results on their way: what is kept of a driver's batch, and when what is open is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from aqueduct_core.integrations import _results
from aqueduct_core.integrations._frames import to_frame
from aqueduct_core.integrations._results import Column, Result, as_arrow, owned, read

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
def test_a_column_of_a_batch_is_kept_as_it_is_and_without_the_batch(kind: Any, data: Any) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=20))
    start, end = (data.draw(st.integers(0, len(values))) for _ in range(2))
    part = pa.array(values, kind)[start:end]
    with patch.object(_results, "_MAPPED", data.draw(st.sampled_from([0, 10_000]))):
        kept = owned(part)
    kept.validate(full=True)
    assert kept.type == kind
    assert kept.equals(part)
    assert kept.null_count == part.null_count
    assert kept.offset == 0
    assert not places(kept) & places(part)


def places(array: Any) -> set[int]:
    return {buffer.address for buffer in array.buffers() if buffer is not None and buffer.size}


def test_a_result_is_closed_before_its_frame_is_made() -> None:
    happened = []

    def settle(chunks: list[Any]) -> Any:
        happened.append("made")
        return as_arrow(chunks)

    @contextmanager
    def opened() -> Iterator[Result]:
        yield Result("w", [Column("c", settle)], iter([[pa.array([1])], [pa.array([2])]]))
        happened.append("closed")

    assert_frame_equal(read(opened()), pd.DataFrame({"c": [1, 2]}))
    assert happened == ["closed", "made"]


@given(st.lists(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=5), max_size=5))
def test_whole_numbers_with_nulls_stay_what_they_are(chunks: list[list[Any]]) -> None:
    values = [value for chunk in chunks for value in chunk]
    array = pa.chunked_array([pa.array(chunk, pa.int64()) for chunk in chunks], pa.int64())
    frame = to_frame(pa.table({"c": array}))
    kind = "Int64" if None in values else "int64"
    assert_frame_equal(frame, pd.DataFrame({"c": pd.Series(values, dtype=kind)}))


def test_truth_with_nulls_stays_what_it_is() -> None:
    array = pa.chunked_array([[True, None], [], [False]])
    frame = to_frame(pa.table({"c": array}))
    assert_frame_equal(frame, pd.DataFrame({"c": pd.Series([True, None, False], dtype="boolean")}))
