"""DataFrames that are stored as they come: what is loaded is what they would have been."""

from __future__ import annotations

import datetime as dt
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import UnserializableError
from aqueduct_core.integrations._frames import to_frame
from aqueduct_core.serializers.tables import FrameStream
from tests.serializers.tables.doubles import MemorySink

MOMENT = dt.datetime(2013, 1, 2, 3, 4, 5, 678901)
KINDS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "whole": (pa.int64(), [1, 2**63 - 1, 3]),
    "small": (pa.int16(), [1, None, 3]),
    "real": (pa.float64(), [1.5, None, float("inf")]),
    "single": (pa.float32(), [1.5, 0.1, None]),
    "yes": (pa.bool_(), [True, False, True]),
    "maybe": (pa.bool_(), [None, None, True]),
    "text": (pa.string(), ["", None, "é"]),
    "bytes": (pa.binary(), [b"", None, b"\0"]),
    "moment": (pa.timestamp("us"), [MOMENT, None, MOMENT]),
    "zoned": (pa.timestamp("us", "UTC"), [MOMENT, None, MOMENT]),
    "day": (pa.date32(), [dt.date(1, 1, 1), None, dt.date(2, 1, 1)]),
    "time": (pa.time64("us"), [dt.time(1), None, dt.time(2)]),
    "decimal": (pa.decimal128(5, 2), [Decimal("1.50"), None, Decimal("2.25")]),
    "list": (pa.list_(pa.int64()), [[1, None], None, []]),
}


def table(kinds: dict[str, tuple[pa.DataType, list[Any]]]) -> pa.Table:
    return pa.table({name: pa.array(values, kind) for name, (kind, values) in kinds.items()})


def stored(tables: Iterable[pa.Table], **more: Any) -> tuple[ArtifactStore, Any]:
    store = ArtifactStore("memory://")
    return store, store.put(FrameStream(iter(tables), to_frame, **more), "k")


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_what_is_loaded_is_the_frame(cut: int) -> None:
    rows = table(KINDS)
    store, ref = stored([rows[:cut], rows[cut:]])
    assert_frame_equal(store.get(ref), to_frame(rows), check_index_type="exact")
    assert ref.type == "table"
    assert list(store.get(ref, columns=["text"]).columns) == ["text"]


@pytest.mark.parametrize("name", KINDS)
def test_columns_of_nulls(name: str) -> None:
    kind, values = KINDS[name]
    rows = table({name: (kind, [None] * len(values))})
    store, ref = stored([rows[:1], rows[1:]])
    assert_frame_equal(store.get(ref), to_frame(rows))


def test_names_may_repeat() -> None:
    rows = pa.table([pa.array([1]), pa.array(["x"])], ["a", "a"])
    store, ref = stored([rows])
    assert_frame_equal(store.get(ref), to_frame(rows))


def test_the_description_tells_all_rows() -> None:
    rows = pa.table({"a": np.arange(1000), "b": pa.array([None, "x"] * 500)})
    store, ref = stored([rows[:10], rows[10:]])
    told = store.manifest(ref).description
    assert told["rows"] == 1000
    assert [field["nulls"] for field in told["schema"]] == [0, 500]
    assert told["preview"]["rows"][0] == [0, None]


def test_where_rows_come_from_is_let_go() -> None:
    left: list[Any] = []
    rows = pa.table({"a": [1]})

    @contextmanager
    def held() -> Iterator[None]:
        try:
            yield
            left.append("done")
        except ValueError as error:
            left.append(str(error))
            raise KeyError("told otherwise") from error

    def broken() -> Iterator[pa.Table]:
        yield rows
        raise ValueError("gone")

    stored([rows], held=held())
    with pytest.raises(KeyError, match="told otherwise"):
        stored(broken(), held=held())
    assert left == ["done", "gone"]


def test_tables_of_another_schema_are_refused() -> None:
    with pytest.raises(UnserializableError, match="another schema"):
        stored([pa.table({"a": [1]}), pa.table({"a": ["x"]})])


def test_nothing_of_a_table_that_was_stored_is_kept() -> None:
    data = np.arange(100_000)
    told = weakref.ref(data)
    array = pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])
    stream = FrameStream(iter([pa.table({"n": array})]), to_frame)
    del data, array
    assert [len(rows) for rows in stream.stored(MemorySink())] == [100_000]
    assert told() is None
    assert stream.meta()["rows"] == 100_000
