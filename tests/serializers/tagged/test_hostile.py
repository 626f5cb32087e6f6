"""Nodes that no encoder wrote are refused, and do no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
)
from aqueduct_core.serializers.tagged import from_json, to_json
from aqueduct_core.testing import forbid_code, strategies
from tests.serializers import nest_values

VALUES = [*nest_values.SCALARS, *nest_values.CONTAINERS, *nest_values.NUMPY, *nest_values.PANDAS]


HOSTILE = [
    {"$type": None},
    {"$type": []},
    {"$type": "nothing"},
    {"$type": "tuple"},
    {"$type": "tuple", "items": {}},
    {"$type": "dict", "items": [1]},
    {"$type": "dict", "items": [[1]]},
    {"$type": "dict", "items": [[[], 1]]},
    {"$type": "dict", "items": [[1, 1], [1, 2]]},
    {"$type": "set", "items": [1, 1.0]},
    {"$type": "set", "items": [{}]},
    {"$type": "int", "hex": "12"},
    {"$type": "int", "hex": 12},
    {"$type": "int", "hex": "0x" + "_"},
    {"$type": "float", "value": "1.5"},
    {"$type": "float", "value": "3ff0000000000000"},
    {"$type": "float", "value": "zz" * 8},
    {"$type": "str", "base64": "!"},
    {"$type": "str", "base64": "/w=="},
    {"$type": "bytes", "base64": "é"},
    {"$type": "complex", "real": 1, "imag": 2},
    {"$type": "Decimal", "value": "1_0"},
    {"$type": "Decimal", "value": "x"},
    {"$type": "Decimal", "value": "1E+99999999999999999999"},
    {"$type": "Fraction", "numerator": 2, "denominator": 4},
    {"$type": "Fraction", "numerator": 2, "denominator": 0},
    {"$type": "Fraction", "numerator": 2, "denominator": -3},
    {"$type": "UUID", "value": "x"},
    {"$type": "UUID", "value": "0" * 32, "safe": "x"},
    {"$type": "Path", "class": "str", "value": "x"},
    {"$type": "Path", "class": "PurePosixPath", "value": 5},
    {"$type": "range", "start": 0, "stop": 1, "step": 0},
    {"$type": "range", "start": 0.5, "stop": 1, "step": 1},
    {"$type": "slice"},
    {"$type": "ipaddress", "class": "IPv4Address", "value": "1"},
    {"$type": "ipaddress", "class": "eval", "value": "1"},
    {"$type": "re.Pattern", "pattern": "(", "flags": 32},
    {"$type": "re.Pattern", "pattern": "(" * 5000 + ")" * 5000, "flags": 32},
    {"$type": "re.Pattern", "pattern": "a", "flags": 128},
    {"$type": "re.Pattern", "pattern": "a", "flags": -1},
    {"$type": "date", "value": "20200101"},
    {"$type": "datetime", "value": "2020-01-01"},
    {"$type": "datetime", "value": "2020-01-01T00:00:00+01:00"},
    {"$type": "datetime", "value": "2020-01-01T00:00:00", "fold": 2},
    {"$type": "datetime", "value": "2020-01-01T00:00:00", "zone": 1},
    {"$type": "timedelta", "days": 10**10, "seconds": 0, "microseconds": 0},
    {"$type": "timedelta", "days": 0, "seconds": 10**6, "microseconds": 0},
    {
        "$type": "timezone",
        "offset": {"$type": "timedelta", "days": 2, "seconds": 0, "microseconds": 0},
    },
    {"$type": "ZoneInfo", "key": "../../etc/passwd"},
    {"$type": "ZoneInfo", "key": "/etc/passwd"},
    {"$type": "ZoneInfo", "key": "\x00"},
    {"$type": "ZoneInfo", "key": "Nowhere/Land"},
    {"$type": "pytz.timezone", "zone": "Nowhere"},
    {"$type": "pytz.timezone", "zone": "Europe/Berlin", "variant": [1, 2, "x"]},
    {"$type": "pytz.FixedOffset", "minutes": 10**6},
    {"$type": "dateutil.gettz", "name": "/etc/localtime"},
    {"$type": "dateutil.gettz", "name": ""},
    {"$type": "dateutil.gettz", "name": "Nowhere"},
    {"$type": "dateutil.tzoffset", "name": [], "seconds": 1, "microseconds": 0},
    {"$type": "defaultdict", "factory": "eval", "items": []},
    {"$type": "defaultdict", "factory": [], "items": []},
    {"$type": "deque", "maxlen": -1, "items": []},
    {"$type": "deque", "maxlen": 1, "items": [1, 2]},
    {"$type": "ChainMap", "maps": 1},
    {"$type": "array.array", "typecode": "b", "items": [1000]},
    {"$type": "array.array", "typecode": "dd", "items": []},
    {"$type": "array.array", "typecode": "d", "base64": "AAA="},
    {"$type": "enum", "class": "enum:Enum", "name": "x"},
    {"$type": "enum", "class": "re:RegexFlag", "value": "x"},
    {"$type": "enum", "class": "builtins:dict", "name": "x"},
    {"$type": "dataclass", "class": "builtins:object", "fields": {}},
    {"$type": "dataclass", "class": "os:system", "fields": {}},
    {"$type": "dataclass", "class": ":", "fields": {}},
    {"$type": "dataclass", "class": "subprocess:Popen", "fields": {}},
    {"$type": "namedtuple", "class": "builtins:tuple", "items": []},
    {"$type": "pydantic", "class": "builtins:dict"},
    {"$type": "numpy.int8", "value": 1000},
    {"$type": "numpy.float32", "value": 0.1},
    {"$type": "numpy.nothing", "value": 1},
    {"$type": "numpy.datetime64", "dtype": "<f8", "value": 1},
    {"$type": "numpy.datetime64", "dtype": "<M8[ns]", "value": 2**70},
    {"$type": "numpy.scalar", "dtype": "|O", "base64": "AAAAAAAAAAA="},
    {"$type": "numpy.scalar", "dtype": "<f8", "base64": ""},
    {"$type": "numpy.scalar", "dtype": "|V2000000000", "base64": ""},
    {"$type": "numpy.dtype", "dtype": "|O"},
    {"$type": "pandas.Timestamp", "value": 2**70, "unit": "ns"},
    {"$type": "pandas.Timestamp", "value": 1, "unit": "Y"},
    {"$type": "pandas.Timestamp", "value": -(2**63), "unit": "s"},
    {"$type": "pandas.Period", "ordinal": 1, "freq": "nonsense"},
    {"$type": "pandas.Period", "ordinal": 10**30, "freq": "D"},
    {"$type": "pandas.Interval", "left": 2, "right": 1, "closed": "left"},
    {"$type": "pandas.Interval", "left": 1, "right": "a", "closed": "left"},
    {"$type": "pandas.offset", "freq": "nonsense"},
    {"$type": "pandas.DateOffset", "n": 1, "normalize": False, "words": {"nonsense": 1}},
    {"$type": "pandas.dtype", "name": "nonsense"},
    {"$type": "pandas.StringDtype", "storage": "nonsense", "missing": "NA"},
    {"$type": "member", "index": 0},
    {"$type": "array", "index": 0},
    {"$type": "ref", "id": 0},
    {"$type": "graph"},
    {"$type": "graph", "objects": [], "root": {"$type": "ref", "id": 0}},
    {"$type": "graph", "objects": [], "root": {"$type": "ref", "id": -1}},
    {"$type": "graph", "objects": [[]], "root": {"$type": "ref", "id": True}},
    {"$type": "graph", "objects": [{"$type": "ref", "id": 0}], "root": {"$type": "ref", "id": 0}},
    {
        "$type": "graph",
        "objects": [{"$type": "tuple", "items": [{"$type": "ref", "id": 0}]}],
        "root": {"$type": "ref", "id": 0},
    },
    {"$type": "tuple", "items": [{"$type": "graph", "objects": [], "root": 1}]},
]


class TestHostile:
    @pytest.mark.parametrize("node", HOSTILE, ids=lambda node: json.dumps(node)[:60])
    def test_nodes_that_nobody_wrote(self, node: Any) -> None:
        with forbid_code(), pytest.raises(AqueductError):
            from_json(node)
        with forbid_code(), pytest.raises(AqueductError):
            from_json({"a": [node]})

    def test_nests_that_are_too_deep(self) -> None:
        node: Any = 1
        for _ in range(100_000):
            node = [node]
        with pytest.raises(CorruptArtifactError, match="too deeply"):
            from_json(node)

    def test_keys_that_would_take_for_ever_to_hash(self) -> None:
        objects: list[Any] = [{"$type": "tuple", "items": [1]}]
        for level in range(80):
            ref = {"$type": "ref", "id": level}
            objects.append({"$type": "tuple", "items": [ref, ref]})
        key = {"$type": "ref", "id": 80}
        for root in (
            {"$type": "set", "items": [key]},
            {"$type": "frozenset", "items": [{"$type": "tuple", "items": [key]}]},
            {"$type": "dict", "items": [[key, 1]]},
        ):
            with pytest.raises(CorruptArtifactError, match="too often"):
                from_json({"$type": "graph", "objects": objects, "root": root})

    @given(st.data())
    def test_nodes_with_something_changed(self, data: st.DataObject) -> None:
        value = VALUES[data.draw(st.integers(0, len(VALUES) - 1))]
        node = json.loads(json.dumps(to_json([value])))
        places: list[tuple[Any, Any]] = []

        def collect(part: Any) -> None:
            for key in part if isinstance(part, dict) else range(len(part)):
                places.append((part, key))
                if isinstance(part[key], dict | list):
                    collect(part[key])

        collect(node)
        part, key = data.draw(st.sampled_from(places))
        part[key] = data.draw(strategies.plain_json(3) | st.sampled_from(HOSTILE))
        try:
            with forbid_code():
                from_json(node)
        except AqueductError:
            pass
