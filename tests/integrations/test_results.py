"""Results on their way: when what is open is closed, and the columns that they become."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

from aqueduct_core.integrations import _results
from aqueduct_core.integrations._frames import to_frame, to_pandas
from aqueduct_core.integrations._results import Column, Result, as_arrow, extract, read
from aqueduct_core.integrations._rows import columns_of_rows, row_chunks
from aqueduct_core.serializers.tables import FrameStream
from tests.serializers.tables.doubles import MemorySink


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


NUMBERS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "UTC"): st.datetimes(),
}


@pytest.mark.parametrize("kind", NUMBERS, ids=str)
@given(data=st.data())
def test_a_column_that_takes_the_memory_of_an_array_has_the_same_values(
    kind: Any, data: Any
) -> None:
    values = data.draw(st.lists(st.none() | NUMBERS[kind], max_size=10))
    start, end = (data.draw(st.integers(0, len(values))) for _ in range(2))
    array = pa.chunked_array([pa.array(values, kind)[start:end]], kind)
    expected = to_pandas(pa.chunked_array([pa.array(values[start:end], kind)], kind))
    assert_series_equal(to_pandas(array), expected)  # and leaves the array as it is
    assert_series_equal(to_pandas(array, takes=True), expected)


def test_a_column_takes_only_memory_that_may_be_written_to() -> None:
    data = np.array([1.5, 2.5])
    data.flags.writeable = False
    mask = pa.py_buffer(b"\x01")
    array = pa.Array.from_buffers(pa.float64(), 2, [mask, pa.py_buffer(data)], 1)
    made = to_pandas(pa.chunked_array([array]), takes=True)
    assert_series_equal(made, pd.Series([1.5, None]))
    assert data.tolist() == [1.5, 2.5]


def test_values_of_a_read_column_can_be_changed() -> None:
    @contextmanager
    def opened() -> Iterator[Result]:
        yield Result("w", [Column("c")], iter([[pa.array(range(20_000))], [pa.array([7])]]))

    frame = read(opened())
    frame.loc[20_000, "c"] = 8
    assert frame["c"].tolist() == [*range(20_000), 8]


def test_a_stream_keeps_no_batch_of_the_driver() -> None:
    batches = [pa.array(np.arange(50_000) + first) for first in (0, 50_000)]
    known = {array.buffers()[1].address for array in batches}
    result = Result("w", [Column("c")], iter([[array] for array in batches]))
    with patch.object(_results, "STREAMED", 1), ExitStack() as held:
        stream = extract(result, held)
        assert isinstance(stream, FrameStream)
        tables = list(stream.stored(MemorySink()))
    chunks = [chunk for table in tables for chunk in table["c"].chunks]
    assert [len(chunk) for chunk in chunks] == [50_000, 50_000]
    assert not known & {chunk.buffers()[1].address for chunk in chunks}


def collected(*chunks: list[Any]) -> Any:
    """The column that rows of one value become which come in chunks."""
    [column] = columns_of_rows(["c"], None)
    parts = [part for [part] in row_chunks(1, [[(value,) for value in chunk] for chunk in chunks])]
    return to_pandas(column.settle(parts))


def test_numbers_have_as_many_digits_as_those_of_all_chunks_need() -> None:
    found = collected([Decimal("1.5")], [None], [Decimal("100.25"), Decimal(7)])
    assert found.dtype == pd.ArrowDtype(pa.decimal128(5, 2))
    assert found.dropna().tolist() == [Decimal("1.50"), Decimal("100.25"), Decimal("7.00")]
    far = [Decimal("1e-20"), Decimal("1e30")]
    assert collected(*([value] for value in far)).tolist() == far


def test_moments_are_in_one_zone_whatever_zone_each_chunk_has() -> None:
    east = dt.datetime(2020, 1, 1, 3, tzinfo=dt.timezone(dt.timedelta(hours=3)))
    found = collected([east], [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None])
    assert found.dtype == "datetime64[us, UTC]"
    assert found[0] == found[1] == east


def test_times_keep_their_zone() -> None:
    zoned = dt.time(1, 2, tzinfo=dt.UTC)
    assert collected([zoned, None]).tolist() == [zoned, None]
    assert collected([dt.time(1, 2)]).dtype == pd.ArrowDtype(pa.time64("us"))
