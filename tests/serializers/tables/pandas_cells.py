"""Odd cells, and odd arrays, for columns of pandas."""

from __future__ import annotations

import datetime as dt
import fractions
import pathlib
import uuid
import zoneinfo
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.tseries import offsets

__all__ = [
    "BERLIN",
    "NAT",
    "NUMBERS",
    "OBJECTS",
    "ODD_FLOATS",
    "UNITS",
    "Text",
    "arrow_values",
    "numbers",
    "objects",
    "series_of_objects",
    "times",
]

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
ODD_FLOATS = np.array(
    [0x7FF8000000000001, 0xFFF8000000000000, 0x8000000000000000, 0x7FF0000000000000, 1], "u8"
).view("f8")
NUMBERS = [
    *("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "c8", "c16", "G", "?"),
    *(">i4", ">f8", ">u2", ">c16", "q", "Q"),
]
UNITS = ["s", "ms", "us", "ns"]
NAT = np.iinfo("i8").min


def objects(*cells: Any) -> np.ndarray[Any, Any]:
    return np.fromiter(cells, object, len(cells))


def series_of_objects(*cells: Any) -> pd.Series:
    return pd.Series(objects(*cells), dtype=object)


class Text(str):
    __slots__ = ()


def numbers(kind: str) -> np.ndarray[Any, Any]:
    return np.array([0, 1, 1, 0, 1]).astype(kind)


def times(kind: str, unit: str) -> np.ndarray[Any, Any]:
    far = [NAT, NAT + 1, -1, 0, 1_700_000_000, 2**62]
    return np.array(far, "i8").view(f"{kind}8[{unit}]")


def arrow_values() -> dict[str, pa.Array]:
    values = {
        str(kind): pa.array([1, None, 0], kind)
        for kind in (
            *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16()),
            *(pa.uint32(), pa.uint64(), pa.float32(), pa.float64(), pa.date32()),
            *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
            *(pa.timestamp(unit) for unit in UNITS),
            *(pa.timestamp(unit, "Europe/Berlin") for unit in UNITS),
            *(pa.duration(unit) for unit in UNITS),
        )
    }
    texts = (pa.string(), pa.large_string(), pa.string_view())
    raws = (pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2))
    values |= {str(kind): pa.array(["ä", None, "", "x" * 40], kind) for kind in texts}
    values |= {str(kind): pa.array([b"ab", None, b"cd"], kind) for kind in raws}
    return values | {
        "date64": pa.array([86_400_000, None], pa.date64()),
        "bool": pa.array([True, None, False]),
        "float16": pa.array(np.array([1, 2], "f2")),
        "null": pa.nulls(3),
        "decimal128": pa.array([Decimal("1.25"), None], pa.decimal128(10, 2)),
        "decimal256": pa.array([Decimal("1.25"), None], pa.decimal256(50, 2)),
        "decimal32": pa.array([Decimal("1.25"), None], pa.decimal32(5, 2)),
        "decimal64": pa.array([Decimal("1.25"), None], pa.decimal64(15, 2)),
        "dictionary": pa.array(["b", "a", None, "b"]).dictionary_encode(),
        "dictionary of ints": pa.array([3, 1, None]).dictionary_encode(),
        "dictionary, unused, ordered": pa.DictionaryArray.from_arrays(
            pa.array([1, None], pa.int8()),
            pa.array(["z", "y", "x"], pa.large_string()),
            ordered=True,
        ),
        "list": pa.array([[1, None], None, []]),
        "large list": pa.array([["a"], None, []], pa.large_list(pa.string())),
        "fixed list": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
        "list view": pa.array([[1, 2], None], pa.list_view(pa.int8())),
        "list of seconds": pa.array([[1, 2], None], pa.list_(pa.timestamp("s"))),
        "list, named": pa.array([[1]], pa.list_(pa.field("number", pa.int8(), nullable=False))),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": ""}]),
        "struct of nothing": pa.array([{}, None], pa.struct([])),
        "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int8())),
        "uuid": pa.array([uuid.UUID(int=1).bytes, None], pa.uuid()),
        "run ends": pa.RunEndEncodedArray.from_arrays([2, 3], [1, 2]),
        "interval": pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        "sliced": pa.array(["a", "b", None, "d"]).slice(1, 2),
    }


OBJECTS: dict[str, tuple[Any, ...]] = {
    "str": ("a", "", "ä", "\0", "x\ny", "\U0001f600"),
    "str, None": ("a", None),
    "str, nan": ("a", np.nan),
    "str, NA": ("a", pd.NA),
    "str, NaT": ("a", pd.NaT),
    "str, all missing": ("a", None, np.nan, pd.NA, pd.NaT, None, np.nan),
    "str, odd nan": ("a", ODD_FLOATS[0].item(), ODD_FLOATS[1].item()),
    "surrogate": ("a", "\ud800"),
    "two halves of a character": ("a", "\ud83d\ude00"),
    "two halves, int": (1, "\ud83d\ude00"),
    "None": (None, None),
    "nan": (np.nan, np.nan),
    "NA": (pd.NA, pd.NA),
    "NaT": (pd.NaT, pd.NaT),
    "None, nan": (None, np.nan),
    "NA, NaT": (pd.NA, pd.NaT),
    "int": (1, -(2**63), 2**63 - 1),
    "int, None": (1, None),
    "int, nan": (1, np.nan, 2),
    "int, big": (1, 2**63),
    "int, huge": (1, -(10**30)),
    "int, beyond digits": (1, 10**5000),
    "bool": (True, False),
    "bool, None": (True, None),
    "bool, int": (True, 1, False, 0),
    "int, float": (1, 1.0, -0.0, 0),
    "int, float, nan": (1, 1.5, np.nan),
    "float": (1.5, -0.0, *ODD_FLOATS.tolist()),
    "float, None": (1.5, None, np.nan),
    "float, NA, None": (1.5, None, pd.NA, np.inf),
    "complex": (1j, -0.0 + 2j),
    "str, int": ("1", 1, None),
    "str, float": ("1", 1.5, -np.inf),
    "bytes": (b"", b"\0\xff"),
    "bytes, None": (b"", None),
    "bytearray": (bytearray(b"a"), b"a"),
    "date": (dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    "date, NaT": (dt.date(2020, 1, 1), pd.NaT),
    "datetime": (dt.datetime.min, dt.datetime.max, dt.datetime(2020, 1, 1)),
    "datetime, None": (dt.datetime(2020, 1, 1), None),
    "datetime, fold": (dt.datetime(2020, 10, 25, 2, 30, fold=1),),
    "datetime, zone": (dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),),
    "datetime, utc": (dt.datetime(2020, 1, 1, tzinfo=dt.UTC),),
    "date, datetime": (dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)),
    "time": (dt.time(23, 59, 59, 999999), dt.time()),
    "time, zone": (dt.time(1, tzinfo=dt.UTC), None),
    "timedelta": (dt.timedelta(days=-1, microseconds=1), dt.timedelta()),
    "timedelta, far": (dt.timedelta.max, dt.timedelta.min),
    "Timestamp": (pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01 01:00", tz="Asia/Tokyo")),
    "Timedelta": (pd.Timedelta(1, "ns"), pd.NaT),
    "Period": (pd.Period("2020-01", "M"), pd.Period("2020-01-01", "D")),
    "Interval": (pd.Interval(0, 1), pd.Interval(0.0, 1.0, closed="both")),
    "offset": (offsets.BDay(2), offsets.MonthEnd()),
    "Decimal": (Decimal("1.00"), Decimal("-0.01")),
    "Decimal, None": (Decimal("1.00"), None),
    "Decimal, scales": (Decimal("1.00"), Decimal("1.0"), Decimal("1E+3"), Decimal("-0")),
    "Decimal, special": (Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("NaN12")),
    "Decimal, nan": (Decimal(1), np.nan),
    "Decimal, wide": (Decimal("1" * 39), Decimal("1." + "2" * 60)),
    "Decimal, -0.00": (Decimal("-0.00"), Decimal("1.00")),
    "Fraction": (fractions.Fraction(1, 3),),
    "UUID": (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)),
    "UUID, None": (uuid.UUID(int=0), None),
    "UUID, safe": (uuid.UUID(int=0, is_safe=uuid.SafeUUID.safe),),
    "Path": (pathlib.PurePosixPath("/a"),),
    "tuple": ((1, 2), (), (3,)),
    "tuple, mixed": ((1, "a"), (None, 2.5)),
    "tuple, nested": (((1,), (2,)), ((),)),
    "list": ([1, 2], [], [3]),
    "list, None": ([1, 2], None, []),
    "list, nan": (["a"], np.nan),
    "list of None": ([None, 1], [None]),
    "list of floats": ([1.0, np.nan], [-0.0]),
    "list of str": (["a", ""], ["b"]),
    "list, nested": ([[1], [2, 3]], [], [[]]),
    "list, deep": ([[[[[[[[[[1]]]]]]]]]], [[[[[[[[[[2]]]]]]]]]]),
    "list, mixed": ([1, "a", None, 2.5], [True]),
    "list of empty": ([], []),
    "list, tuple": ([1], (1,)),
    "dict": ({"a": 1}, {"b": [1, 2], "a": None}),
    "dict, int keys": ({1: "a"}, {(1, 2): "b"}),
    "set": ({1, 2}, frozenset({"a"})),
    "ndarray": (np.arange(3), np.arange(0), np.arange(2)),
    "ndarray, None": (np.arange(3.0), None),
    "ndarray, dtypes": (np.arange(3), np.arange(3.0)),
    "ndarray, 2-D": (np.eye(2), np.eye(3)),
    "ndarray, times": (np.array(["2020"], "M8[D]"), np.array(["2021", "NaT"], "M8[D]")),
    "ndarray, bool": (np.array([True, False]), np.array([False])),
    "ndarray, objects": (objects(1, "a"), objects(None)),
    "ndarray, str": (np.array(["a", "bc"]),),
    "Series": (pd.Series([1, 2]), pd.Series(["a"], name="x")),
    "frame": (pd.DataFrame({"a": [1]}), None),
    "str subclass": (Text("a"), "b"),
    "np.str_": (np.str_("a"), np.str_("b")),
    "np.int64": (np.int64(1), np.int64(2)),
    "np.longlong": (np.longlong(1), np.longlong(2)),
    "np.int64, int": (np.int64(1), 2),
    "np.int8, np.int64": (np.int8(1), np.int64(2)),
    "np.float64": tuple(ODD_FLOATS),
    "np.float64, None": (np.float64(1), None),
    "np.float32": (np.float32(1), np.float32("nan")),
    "np.bool": (np.True_, np.False_),
    "np.complex64": (np.complex64(1j),),
    "np.datetime64": (np.datetime64("2020-01-01"), np.datetime64("NaT", "D")),
    "np.datetime64, units": (np.datetime64("2020-01-01"), np.datetime64(1, "ns")),
    "np.timedelta64": (np.timedelta64(1, "m"), np.timedelta64(2, "m")),
    "np.longdouble": (np.longdouble(1) / 3,),
    "np.bytes_": (np.bytes_(b"a"),),
    "type": (int, str),
    "range": (range(3), slice(1, 2)),
    "Ellipsis": (Ellipsis, None),
    "mixed": (1, "a", None, 2.5, [1], (1,), b"x", dt.date(2020, 1, 1), pd.NA, {"k": (1,)}),
}
