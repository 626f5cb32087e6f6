"""Metadata and tables that don't fit each other: an error that says so, never a crash."""

from __future__ import annotations

import copy
import io
import json
import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import AqueductError, CorruptArtifactError
from aqueduct_core.serializers.tables import _ipc, _pandas
from tests.serializers.tables.pandas_cases import ROUND


class File(io.BytesIO):
    """A part that is written or read as a file."""

    def __init__(self, box: Box, part: str) -> None:
        super().__init__(box.parts.get(part, b""))
        self._box, self._part = box, part

    def close(self) -> None:
        if not self.closed:
            self._box.parts[self._part] = bytearray(self.getvalue())
        super().close()


class Box:
    """A sink and a source in one; nested objects are kept as they are."""

    version = 1
    trusted = False
    vouched = False

    def __init__(self) -> None:
        self.parts: dict[str, bytearray] = {}
        self.objects: list[Any] = []
        self.meta: Any = {}

    def write(self, *buffers: Any, part: str = "data") -> None:
        for buffer in buffers:
            self.parts.setdefault(part, bytearray()).extend(memoryview(buffer).cast("B"))

    def open(self, part: str = "data") -> io.BytesIO:
        return File(self, part)

    def view(self, part: str = "data") -> memoryview:
        return memoryview(self.parts[part])

    def nest(self, obj: Any, at: str = "") -> int:
        self.objects.append(obj)
        return len(self.objects) - 1

    def nested(self, index: int) -> Any:
        if not 0 <= index < len(self.objects):
            raise CorruptArtifactError(f"there is no member {index}")
        return self.objects[index]


def stored(value: Any) -> Box:
    box = Box()
    table, meta = _pandas.encode(value, box, False)
    box.meta = json.loads(json.dumps(meta, allow_nan=False)) | _ipc.write(table, box)
    return box


def loaded(box: Box) -> Any:
    table, base = _ipc.read(box)
    return _pandas.decode(table, box.meta, box, base)


def made(name: str) -> Box:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stored(ROUND[name]())


INTERESTING = [
    *(
        "frame: mixed, indexed",
        "frame: labels multi",
        "frame: dummies",
        "frame: wide",
        "frame: bools",
    ),
    *(
        "frame: labels mixed",
        "frame: index multi times",
        "frame: index interval",
        "frame: attrs nested",
    ),
    *(
        "frame: times",
        "frame: labels range",
        "series: objects mixed",
        "series: objects ndarray, times",
    ),
    *("series: objects Decimal, scales", "series: objects str, all missing", "series: zone pytz"),
    *("series: objects list, nested", "series: interval zoned", "series: sparse block"),
    *(
        "series: category unused",
        "series: category mixed",
        "series: masked boolean",
        "series: period D",
    ),
    *("series: text python nan", "series: objects np.datetime64", "index: multi sorted"),
    *("index: freq custom", "index: range odd", "array: zone Berlin", "array: number c16"),
]
BOXES = {name: made(name) for name in INTERESTING}
ODD: list[Any] = [
    *(None, True, -1, 0, 1, 3, 2**40, 2**70, 1.5, "", "x", [], {}, [[]], "nan", [1, 2, 3]),
    *("<i8", "<f4", "|b1", "<M8[s]", "<M8[D]", "|O", "<c16", ">i2", "|V8", "|S9", "int64", "Int64"),
    *("str", "json", "list", "ndarray", "scalar", "uuid", "decimal", "datetime", "null", "nested"),
    *({"nested": 0}, {"nested": 99}, {"kind": "arrow"}, {"kind": "object", "cells": "str"}),
    *({"kind": "string", "storage": "pyarrow", "na": "nan"}, {"kind": "masked", "dtype": "UInt8"}),
    *("frame", "series", "index", "array", "MultiIndex", "RangeIndex", "CategoricalIndex"),
    *([0, 10**12, 1], [[10**9, "<i8"]], [0, 10, 0], {"range": [0, 10**15, 1]}),
]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all nodes in a document."""
    found = [path] if path else []
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            found += places(value, (*path, key))
    return found


def changed(meta: Any, path: tuple[Any, ...], value: Any) -> Any:
    whole = copy.deepcopy(meta)
    node = whole
    for key in path[:-1]:
        node = node[key]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return whole


@given(st.data())
@pytest.mark.parametrize("name", INTERESTING)
def test_changed_metadata_never_crash(name: str, data: st.DataObject) -> None:
    box = copy.copy(BOXES[name])
    path = data.draw(st.sampled_from(places(box.meta)))
    box.meta = changed(box.meta, path, data.draw(st.sampled_from([*ODD, ...])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = loaded(box)
        except AqueductError:
            return
        repr(value)
        if isinstance(value, pd.DataFrame | pd.Series):
            repr(value.copy().iloc[::-1])


KINDS = ["series: masked boolean", "series: category unused", "series: interval zoned"]


@pytest.mark.parametrize("name", [*KINDS, "series: objects list, nested", "frame: times"])
@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, 3], pa.int8()),
        pa.array([1.5, None, 2.5]),
        pa.array(["a", None, "b"]),
        pa.array([[1], None, []]),
        pa.array([{"left": 1, "right": "x"}] * 3),
        pa.nulls(3),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([True, False, None]),
    ],
    ids=lambda column: str(column.type),
)
def test_other_columns_never_crash(name: str, column: pa.Array) -> None:
    box = copy.copy(BOXES[name])
    table, _ = _ipc.read(box)
    other = pa.Table.from_arrays([column] * table.num_columns, names=table.column_names)
    again = Box()
    _ipc.write(other, again)
    again.meta, again.objects = box.meta, box.objects
    with suppress(CorruptArtifactError):
        repr(loaded(again))


def test_codes_point_into_what_is_there() -> None:
    box = stored(pd.Series(pd.Categorical(["a", "b"])))
    _, base = _ipc.read(box)
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["a"]), safe=False)
    with pytest.raises(CorruptArtifactError, match="outside of the 1"):
        _pandas.decode(pa.table({"values": codes}), box.meta, box, base)


def test_booleans_are_0_or_1() -> None:
    for frame in (pd.DataFrame({"a": [True, False]}), pd.DataFrame(np.eye(2, dtype=bool))):
        box = stored(frame)
        table, _ = _ipc.read(box)
        ones = pa.array([1, 2], pa.uint8())
        other = pa.Table.from_arrays([ones] * table.num_columns, names=table.column_names)
        again = Box()
        _ipc.write(other, again)
        again.meta = box.meta
        with pytest.raises(CorruptArtifactError, match="other numbers than 0 and 1"):
            loaded(again)


def test_deep_metadata_are_refused() -> None:
    box = stored(pd.Series([[1]]))
    spec: Any = {"kind": "object", "cells": "int"}
    for _ in range(100_000):
        spec = {"kind": "object", "cells": "list", "items": spec}
    box.meta["values"] = spec
    with pytest.raises(CorruptArtifactError):
        loaded(box)
