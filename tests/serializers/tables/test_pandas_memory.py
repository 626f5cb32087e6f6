"""What is saved and loaded isn't copied, and what is loaded can be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aqueduct_core.serializers.tables import _ipc, _pandas
from aqueduct_core.serializers.tables._pandas_internals import blocks_of
from aqueduct_core.store import ArtifactStore
from tests.serializers.tables.pandas_cells import BERLIN
from tests.serializers.tables.test_pandas_hostile import Box, stored

ROWS = 1_003  # no multiple of any alignment
RANGE = np.random.default_rng(0)


def loaded(box: Box) -> tuple[Any, np.ndarray[Any, Any]]:
    """The value, and all bytes of its file."""
    table, base = _ipc.read(box)
    return _pandas.decode(table, box.meta, box, base), np.frombuffer(base, np.uint8)


def numbers(kind: str) -> np.ndarray[Any, Any]:
    return RANGE.integers(0, 2, (ROWS, 3)).astype(kind)


KINDS = ["i1", "u2", "i4", "i8", "f2", "f4", "f8", "c8", "c16", "?"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_block_is_handed_to_arrow_as_it_lies(kind: str) -> None:
    frame = pd.DataFrame(numbers(kind))
    [(values, _)] = blocks_of(frame)
    table, _ = _pandas.encode(frame, Box(), False)
    for row, column in zip(values, table.columns, strict=True):
        chunk = column.chunk(0)
        start = chunk.buffers()[1].address + chunk.offset * values.itemsize
        assert start == row.__array_interface__["data"][0]


@pytest.mark.parametrize("kind", [*KINDS, "M8[s]", "M8[ns]", "m8[us]"])
def test_columns_of_one_dtype_are_one_block_over_the_file(kind: str) -> None:
    frame = pd.DataFrame({label: numbers(kind)[:, 0] for label in "abc"})
    found, file = loaded(stored(frame))
    [(values, places)] = blocks_of(found)
    assert values.shape == (3, ROWS)
    assert places.tolist() == [0, 1, 2]
    assert np.shares_memory(values, file)
    pd.testing.assert_frame_equal(found, frame)
    found.iloc[1, 2] = found.iloc[0, 2]
    found["d"] = 1
    assert np.shares_memory(found["a"].to_numpy(), file)


def test_missing_times_do_not_cost_the_mapping() -> None:
    times = pd.Series(pd.to_datetime(RANGE.integers(0, 2**60, ROWS)))
    times[::7] = pd.NaT
    frame = pd.DataFrame({"a": times, "b": times, "c": times.dt.tz_localize(BERLIN, nonexistent="NaT",
                                                                            ambiguous="NaT")})  # fmt: skip
    box = stored(frame)
    assert [column.null_count > 0 for column in _ipc.read(box)[0].columns] == [True] * 3
    found, file = loaded(box)
    assert all(np.shares_memory(found[label].array.view("i8"), file) for label in frame)
    pd.testing.assert_frame_equal(found, frame)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.Series(pd.array(RANGE.integers(0, 9, ROWS), "Int64")),
        lambda: pd.Series(pd.array([1.5, None] * 500, "Float32")),
        lambda: pd.Series(pd.Categorical(RANGE.integers(0, 500, ROWS).astype(str))),
        lambda: pd.Series(pd.period_range("2020", periods=ROWS, freq="D")),
        lambda: pd.Series(pd.arrays.IntervalArray.from_breaks(np.arange(ROWS + 1.0))),
    ],
)
def test_extension_arrays_lie_in_the_file_too(make: Any) -> None:
    series = make()
    found, file = loaded(stored(series))
    array = found.array
    if isinstance(array, pd.Categorical):
        values = array.codes
    elif isinstance(array, pd.arrays.IntervalArray):
        values = array.left.to_numpy()
    else:
        values = getattr(array, "_data", None)
        values = (
            array.view("i8") if values is None or not isinstance(values, np.ndarray) else values
        )
    assert np.shares_memory(values, file)
    pd.testing.assert_series_equal(found, series)


@pytest.mark.parametrize("dtype", ["str", "string[pyarrow]", pd.ArrowDtype(pa.string())])
def test_text_lies_in_the_file_both_ways(dtype: Any) -> None:
    series = pd.Series(RANGE.integers(0, 10**9, ROWS).astype(str), dtype=dtype)
    table, _ = _pandas.encode(series, Box(), False)
    buffers = [chunk.buffers() for chunk in series.array.__arrow_array__().chunks]
    kept = [chunk.buffers() for chunk in table.column(0).chunks]
    assert [[b and b.address for b in one] for one in buffers] == [
        [b and b.address for b in one] for one in kept
    ]
    found, file = loaded(stored(series))
    start, end = (
        file.__array_interface__["data"][0],
        file.__array_interface__["data"][0] + file.size,
    )
    for chunk in found.array.__arrow_array__().chunks:
        assert all(start <= b.address and b.address + b.size <= end for b in chunk.buffers() if b)


def test_the_index_lies_in_the_file() -> None:
    index = pd.MultiIndex.from_product([np.arange(50.5), pd.date_range("2020", periods=20)])
    for labels in (
        index,
        pd.Index(numbers("f8")[:, 0]),
        pd.date_range("2020", periods=ROWS, freq="h"),
    ):
        frame = pd.DataFrame({"a": np.arange(len(labels))}, index=labels)
        found, file = loaded(stored(frame))
        values = (
            found.index.codes if isinstance(labels, pd.MultiIndex) else [found.index.to_numpy()]
        )
        assert all(np.shares_memory(part, file) for part in values)
        pd.testing.assert_frame_equal(found, frame)


def test_wide_frames_are_one_block() -> None:
    for frame in (
        pd.DataFrame(RANGE.random((7, 500))),
        pd.DataFrame(RANGE.random((7, 500)), copy=False),
        pd.DataFrame(RANGE.random((7, 500)), columns=[f"c{i}" for i in range(500)]),
    ):
        box = stored(frame)
        assert len(box.meta["runs"]) == 1
        found, file = loaded(box)
        [(values, _)] = blocks_of(found)
        assert np.shares_memory(values, file)
        pd.testing.assert_frame_equal(found, frame)


def test_columns_between_others_are_found_where_they_are() -> None:
    frame = pd.DataFrame({f"{kind}{i}": numbers(kind)[:, 0] for i in range(3) for kind in KINDS})
    found, file = loaded(stored(frame))
    assert all(np.shares_memory(found[label].to_numpy(), file) for label in frame)
    pd.testing.assert_frame_equal(found, frame)


@pytest.mark.parametrize("serializer", ["arrow", "parquet"])
def test_what_was_loaded_can_be_changed(serializer: str, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, policy="fast")
    frame = pd.DataFrame({"i": np.arange(50_000), "f": RANGE.random(50_000), "b": True})
    frame["t"] = pd.date_range("2020", periods=50_000, freq="s")
    frame["n"] = pd.array([1, None] * 25_000, "Int64")
    frame["c"] = pd.Categorical(["a", "b"] * 25_000)
    ref = store.put(frame, "frame", serializer=serializer)
    found = store.get(ref)
    for label, value in {
        "i": -1,
        "f": -1.5,
        "b": False,
        "n": 7,
        "c": "b",
        "t": pd.Timestamp(0),
    }.items():
        found.loc[3, label] = value
        assert found.loc[3, label] == value
    found["i"].array[4] = 99
    for values, _ in blocks_of(found):
        assert not isinstance(values, np.ndarray) or values.flags.writeable
    pd.testing.assert_frame_equal(store.get(ref), frame)


def test_text_in_many_chunks_is_put_together_only_where_it_is_cheap() -> None:
    text = pd.Series(["a" * 20, None] * 70_000)
    long = pd.DataFrame({"a": pd.concat([text, text], ignore_index=True)})
    table, _ = _pandas.encode(long, Box(), False)
    assert table.column(0).num_chunks == 2
    short = pd.DataFrame({"a": pd.concat([text[:10], text[:10]], ignore_index=True)})
    assert _pandas.encode(short, Box(), False)[0].column(0).num_chunks == 1
    for frame in (long, short, long.assign(n=np.arange(280_000), m=1.5)):
        found, _ = loaded(stored(frame))
        pd.testing.assert_frame_equal(found, frame)


def test_columns_from_parquet_are_not_copied() -> None:
    store = ArtifactStore("memory://", policy="small")
    frame = pd.DataFrame(RANGE.random((200_000, 3)), columns=list("abc"))
    before = pa.total_allocated_bytes()
    found = store.get(store.put(frame, serializer="parquet"))
    assert pa.total_allocated_bytes() - before >= 3 * 8 * 200_000
    pd.testing.assert_frame_equal(found, frame)
