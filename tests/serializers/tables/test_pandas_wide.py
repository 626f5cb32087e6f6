"""Frames of many columns of one dtype, which are read without an object for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import AqueductError
from aqueduct_core.serializers.tables import (
    ArrowSerializer,
    _ipc,
    _ipc_dense,
    _pandas_frame,
    _parquet,
    _pieces,
)
from aqueduct_core.serializers.tables._pandas_internals import blocks_of
from aqueduct_core.store import ArtifactStore
from tests.serializers.tables.doubles import MemorySink, MemorySource
from tests.serializers.tables.pandas_cases import PANDAS_2

WIDTH = 100
RANDOM = np.random.default_rng(0)


def wide(dtype: str, rows: int = 7) -> pd.DataFrame:
    values = RANDOM.integers(0, 2, (rows, WIDTH)).astype(dtype)
    return pd.DataFrame(values, columns=[f"c{index}" for index in range(WIDTH)])


FRAMES = {
    **{dtype: wide(dtype) for dtype in ("f8", "f4", "f2", "i8", "u1", "i2", "bool", "c16", "c8")},
    "one row": wide("i2", 1),
    "numbered": wide("f8").set_axis(range(WIDTH), axis=1),
    "part of the rows": wide("f8", 20).iloc[3:9],
    "every second row": wide("f8", 20).iloc[::2].reset_index(drop=True),
    "sorted anew": wide("f8")[[f"c{index}" for index in reversed(range(WIDTH))]],
}


@pytest.fixture
def no_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: Any, **__: Any) -> Any:
        raise AssertionError("Arrow must not be asked")

    monkeypatch.setattr(_ipc, "_reader", opened)


@pytest.mark.usefixtures("no_arrow")
@pytest.mark.parametrize("name", FRAMES)
def test_a_wide_frame_comes_back_without_arrow(tmp_path: Path, name: str) -> None:
    store, frame = ArtifactStore(tmp_path), FRAMES[name]
    frame.attrs["about"] = [1]
    store.put(frame, "k", serializer="arrow")
    loaded = store.get("k")
    pd.testing.assert_frame_equal(loaded, frame, check_index_type="exact")
    assert type(loaded.index) is type(frame.index)
    assert loaded.attrs == {"about": [1]}
    loaded.iloc[:, 0] = loaded.iloc[0, 0]
    pd.testing.assert_frame_equal(store.get("k"), frame)


@pytest.mark.parametrize(
    "frame",
    [
        wide("f8").assign(text="x"),
        wide("f8").set_index("c0"),
        wide("f8", 0),
        wide("M8[us]"),
        wide(">f8"),
        pd.concat([wide("f8"), wide("i8").add_prefix("i")], axis=1),
    ],
    ids=["text", "index", "empty", "times", "swapped", "two dtypes"],
)
def test_what_is_not_that_even_comes_back_too(tmp_path: Path, frame: pd.DataFrame) -> None:
    store = ArtifactStore(tmp_path)
    store.put(frame, "k", serializer="arrow")
    pd.testing.assert_frame_equal(store.get("k"), frame)


EVEN = {
    **{name: wide(name, 24) for name in ("f8", "f4", "f2", "i8", "u1", "i2", "bool", "c16", "c8")},
    "long doubles": wide("longdouble", 3),
    "one row": wide("f8", 1),
    "numbered": wide("f4", 24).set_axis(range(WIDTH), axis=1),
    "names twice": wide("f8").set_axis(["same"] * WIDTH, axis=1),
    "other labels": wide("f8").set_axis([*range(WIDTH - 1), ("a", 1)], axis=1),
    "named": wide("f8").rename_axis(columns="labels", index="rows"),
    "from three": wide("f8").set_axis(pd.RangeIndex(3, 24, 3)),
    "every second row": wide("f8", 20).iloc[::2].reset_index(drop=True),
    "by rows": pd.DataFrame(np.asarray(wide("f8", 9), order="C"), copy=False),
}


def told(frame: pd.DataFrame) -> tuple[bytes, Any]:
    sink = MemorySink()
    meta = ArrowSerializer().dump(frame, sink)
    return bytes(sink.parts["data"]), meta


@pytest.mark.parametrize("name", EVEN)
def test_the_file_is_the_one_that_arrow_writes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = EVEN[name]
    frame.attrs["about"] = [1]
    written: list[int] = []
    pieces = _ipc_dense.EvenTable.pieces

    def noted(table: _ipc_dense.EvenTable) -> list[Any]:
        written.append(len(table.names))
        return pieces(table)

    monkeypatch.setattr(_ipc_dense.EvenTable, "pieces", noted)
    found = told(frame)
    monkeypatch.setattr(_pandas_frame, "WIDE", WIDTH + 1)
    assert found == told(frame)
    assert written == [WIDTH]


def test_a_part_of_the_rows_is_written_from_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    def copied(_values: Any) -> Any:
        raise AssertionError("nothing needs to be copied")

    monkeypatch.setattr(_pandas_frame, "_transposed", copied)
    whole = pd.DataFrame(np.asarray(wide("f8", 20), order="F"), copy=False)
    data, meta = told(whole.iloc[3:9])
    sink = MemorySink()
    sink.write(data)
    loaded = ArrowSerializer().load(MemorySource(sink, meta))
    pd.testing.assert_frame_equal(loaded, whole.iloc[3:9], check_index_type="exact")


SINK = MemorySink()
META = ArrowSerializer().dump(FRAMES["f8"], SINK)
DATA = b"".join(SINK.parts.values())


@given(st.lists(st.tuples(st.integers(0, len(DATA) - 1), st.integers(0, 255)), max_size=4))
def test_whatever_stands_in_the_file_nothing_outside_of_it_is_read(
    changes: list[tuple[int, int]],
) -> None:
    changed = bytearray(DATA)
    for place, value in changes:
        changed[place] = value
    sink = MemorySink()
    sink.write(changed)
    try:
        loaded = ArrowSerializer().load(MemorySource(sink, META))
    except AqueductError:
        return
    assert loaded.shape == FRAMES["f8"].shape
    assert np.isfinite(np.nan_to_num(loaded.to_numpy())).all()


@given(st.integers(0, len(DATA)))
def test_a_file_that_was_cut_is_no_table(length: int) -> None:
    sink = MemorySink()
    sink.write(DATA[:length])
    if length < len(DATA):
        with pytest.raises(AqueductError):
            ArrowSerializer().load(MemorySource(sink, META))


@pytest.mark.parametrize("name", FRAMES)
def test_a_wide_frame_comes_back_from_a_large_parquet_file(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_parquet, "_LARGE", 0)
    monkeypatch.setattr(_pieces, "_ROWS", 3)
    frame = FRAMES[name]
    frame = frame.assign(text="a", more=1.5, some=[None, *range(1, len(frame))])
    store = ArtifactStore("memory://", policy="small")
    ref = store.put(frame, serializer="parquet")
    loaded = store.get(ref)
    pd.testing.assert_frame_equal(loaded, frame, check_index_type="exact")
    loaded.iloc[0, :] = loaded.iloc[-1, :]
    pd.testing.assert_frame_equal(store.get(ref), frame)


def test_short_columns_of_a_parquet_file_become_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parquet, "_LARGE", 0)
    store = ArtifactStore("memory://", policy="small")
    loaded = store.get(store.put(wide("f8"), serializer="parquet"))
    blocks = blocks_of(loaded)
    assert len(blocks) == (WIDTH if PANDAS_2 else 1)  # pandas 2 takes no blocks, only columns
    for values, _ in blocks:
        owner: Any = values
        while isinstance(owner, np.ndarray):
            owner = owner.base
        assert isinstance(owner, pa.Buffer), "nothing is copied"
    values, places = blocks[-1]
    values[-1, 3] = 7.5
    assert loaded.iloc[3, places[-1]] == 7.5
