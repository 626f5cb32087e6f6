"""Every odd pandas value we can think of, by name."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable
from typing import Any

import dateutil.tz
import numpy as np
import pandas as pd
import pyarrow as pa
import pytz
from pandas.tseries import offsets

from tests.serializers.tables.pandas_cells import (
    BERLIN,
    NAT,
    NUMBERS,
    OBJECTS,
    ODD_FLOATS,
    UNITS,
    Text,
    arrow_values,
    numbers,
    objects,
    series_of_objects,
    times,
)

__all__ = ["FRAMES", "INDEXES", "PANDAS_2", "ROUND", "SERIES"]

PANDAS_2 = pd.__version__.startswith("2.")

SERIES: dict[str, Callable[[], Any]] = {
    **{f"number {k}": lambda k=k: pd.Series(numbers(k)) for k in NUMBERS},
    **{f"{k}8[{u}]": lambda k=k, u=u: pd.Series(times(k, u)) for k in "mM" for u in UNITS},
    **{f"arrow {k}": lambda v=v: pd.Series(pd.arrays.ArrowExtensionArray(v))
       for k, v in arrow_values().items()},
    **{f"objects {k}": lambda v=v: series_of_objects(*v) for k, v in OBJECTS.items()},
    "float odd": lambda: pd.Series(ODD_FLOATS),
    "no rows": lambda: pd.Series([], dtype="int16"),
    "no objects": lambda: pd.Series([], dtype=object),
    "no text": lambda: pd.Series([], dtype="str"),
    "strided": lambda: pd.Series(np.arange(10)[::3]),
    "reversed": lambda: pd.Series(np.arange(10)[::-1]),
    "name int": lambda: pd.Series([1], name=1),
    "name tuple": lambda: pd.Series([1], name=("a", 1)),
    "name nan": lambda: pd.Series([1], name=np.nan),
    "name Timestamp": lambda: pd.Series([1], name=pd.Timestamp("2020")),
    "name empty": lambda: pd.Series([1], name=""),
    "name np.str_": lambda: pd.Series([1], name=np.str_("a")),
    "name frozenset": lambda: pd.Series([1], name=frozenset({1})),
    "name like the index": lambda: pd.Series([1], name="__index_level_0__", index=["a"]),
    "indexed": lambda: pd.Series([1.5, 2.5], index=["a", "b"]),
    "shared list": lambda: series_of_objects(*[[1, 2]] * 3),
    "shared inside": lambda: (lambda inner: series_of_objects([inner], [inner]))({"a": 1}),
    "shared array": lambda: series_of_objects(*[np.arange(3)] * 2),
    **{f"zone {k}": lambda z=z: pd.Series(pd.to_datetime([0, None, 2**40], utc=True).tz_convert(z))
       for k, z in {
           "UTC": dt.UTC, "Berlin": BERLIN, "zoneinfo UTC": zoneinfo.ZoneInfo("UTC"),
           "fixed": dt.timezone(dt.timedelta(hours=-3, minutes=-30)),
           "fixed, seconds": dt.timezone(dt.timedelta(seconds=5)),
           "fixed, named": dt.timezone(dt.timedelta(hours=1), "X"),
           "pytz": pytz.timezone("Europe/Berlin"), "pytz UTC": pytz.utc,
           "pytz fixed": pytz.FixedOffset(90), "dateutil UTC": dateutil.tz.tzutc(),
           "dateutil": dateutil.tz.gettz("Europe/Berlin"),
           "dateutil offset": dateutil.tz.tzoffset("Y", 3600), "local": dateutil.tz.tzlocal(),
       }.items()},
    **{f"zone, {u}": lambda u=u: pd.Series(pd.to_datetime([0, None], utc=True).as_unit(u)
                                           .tz_convert("Asia/Tokyo")) for u in UNITS},
    **{f"period {f}": lambda f=f: pd.Series(pd.arrays.PeriodArray(
        np.array([1, NAT, 2]), dtype=f"period[{f}]"))
       for f in ("D", "2D", "M", "Q-NOV", "Y-APR", "W-TUE", "h", "15min", "s", "ms", "us", "ns")},
    **{f"interval {k}": lambda a=a, c=c: pd.Series(pd.arrays.IntervalArray.from_breaks(a, closed=c))
       for k, a, c in (
           ("int", np.arange(4), "left"), ("int8", np.arange(4, dtype="i1"), "both"),
           ("float", np.array([0.5, 1.5, 2.5]), "neither"),
           ("float32", np.array([0.5, 1.5, 2.5], "f4"), "right"),
           ("datetime", pd.date_range("2020", periods=3, unit="s"), "right"),
           ("zoned", pd.date_range("2020", periods=3, tz="Europe/Berlin"), "right"),
           ("timedelta", pd.timedelta_range("1h", periods=3), "right"),
           ("empty", np.array([], "f8"), "right"),
       )},
    "interval missing": lambda: pd.Series(pd.arrays.IntervalArray.from_tuples(
        [(0.0, 1.0), np.nan, (2.0, 3.0)])),
    **{f"category {k}": lambda v=v, c=c, o=o: pd.Series(pd.Categorical(v, c, ordered=o))
       for k, v, c, o in (
           ("str", ["b", "a", None, "b"], None, False), ("ordered", ["b", "a"], ["b", "a"], True),
           ("unused", ["a"], ["z", "a", "y"], False), ("int", [3, 1, 3], [3, 1, 2], True),
           ("float", [1.5, None], None, False), ("bool", [True, False], None, False),
           ("bytes", [b"a", b"b"], None, False), ("mixed", [1, "a"], [1, "a", 2.5], False),
           ("datetime", pd.to_datetime(["2020", "2021"]), None, False),
           ("date range", pd.date_range("2020", periods=3), None, True),
           ("zoned", pd.date_range("2020", periods=3, tz="UTC"), None, False),
           ("timedelta", pd.to_timedelta([1, 2]), None, False),
           ("period", pd.period_range("2020", periods=3, freq="M"), None, False),
           ("interval", pd.interval_range(0, 3), None, True),
           ("tuple", [(1, 2), (3, 4)], None, False), ("none", [], [], False),
           ("only missing", [None, None], None, False), ("range", [0, 1], range(3), False),
           ("objects", ["a"], pd.Index(["b", "a"], dtype=object), False),
           ("text python", ["a"], pd.Index(["b", "a"], dtype="string[python]"), False),
           ("nullable", [1], pd.Index([1, 2], dtype="Int8"), False),
           ("arrow", ["a"], pd.Index(["a", "b"], dtype="string[pyarrow]"), False),
           ("named", ["a"], pd.Index(["a", "b"], name="letters"), False),
           ("many", [str(i) for i in range(300)], None, False),
           ("empty text", [""], None, False), ("int8", [1], pd.Index([1, 2], dtype="i1"), False),
       )},
    **{f"sparse {k}": lambda v=v, kw=kw: pd.Series(pd.arrays.SparseArray(v, **kw)) for k, v, kw in (
        ("float", [1.0, np.nan, np.nan, 2.0], {}), ("int", [0, 0, 1], {"fill_value": 0}),
        ("block", [0, 0, 1, 1], {"fill_value": 0, "kind": "block"}),
        ("bool", [True, False], {}), ("fill 1", [1, 1, 2], {"fill_value": 1}),
        ("int8", np.array([0, 1], "i1"), {}), ("complex", np.array([0, 1j]), {}),
        ("all", [0, 0], {"fill_value": 0}), ("empty", np.array([], "f4"), {}),
        ("datetime", np.array(["2020", "NaT"], "M8[ns]"), {}),
        ("objects", np.array(["a", "b", "a"], object), {"fill_value": "a"}),
        ("nan among ints", np.array([1.0, np.nan]), {"fill_value": 1.0}),
    )},
    "sparse, blocks side by side": lambda: pd.concat(
        [pd.Series(pd.arrays.SparseArray([0, 0, 1], fill_value=0, kind="block")),
         pd.Series(pd.arrays.SparseArray([2, 3, 0], fill_value=0, kind="block"))]),
    "arrow dictionaries with a null, in chunks": lambda: pd.Series(pd.arrays.ArrowExtensionArray(
        pa.chunked_array([pa.DictionaryArray.from_arrays(codes, pa.array([None, entry]))
                          for codes, entry in (([0, 1, None], "x"), ([1, 1, 0], "y"))]))),
    **{f"text {s} {n}": lambda s=s, n=n: pd.Series(["a", None, "", "ä\0"], dtype=pd.StringDtype(s, n))
       for s in ("python", "pyarrow") for n in (pd.NA, np.nan)},
    "text surrogate": lambda: pd.Series(["a", None, "\ud800"], dtype=pd.StringDtype("python")),
    "text only missing": lambda: pd.Series([None, None], dtype="str"),
    "text only missing, python": lambda: pd.Series([None], dtype=pd.StringDtype("python", np.nan)),
    "text sliced": lambda: pd.Series(["a", "b", None, "d"], dtype="str").iloc[1:3],
    "text in chunks": lambda: pd.concat([pd.Series(["a"]), pd.Series(["b", None])]),
    **{f"masked {k}": lambda k=k: pd.Series([1, None, 0], dtype=k) for k in (
        "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32",
        "Float64", "boolean")},
    "masked whole": lambda: pd.Series([1, 2], dtype="Int64"),
    "masked strided": lambda: pd.Series([1, None, 2, None], dtype="Int64").iloc[::2],
    "masked nan": lambda: pd.Series(pd.arrays.FloatingArray(
        np.array([np.nan, 1.0]), np.array([False, True]))),
}  # fmt: skip


def with_freq(freq: Any, **kwds: Any) -> pd.DatetimeIndex:
    return pd.date_range("2020-01-01 09:30", periods=6, freq=freq, **kwds)


HOLIDAYS = {"holidays": ["2020-01-02"], "weekmask": "Mon Tue Wed Thu"}
INDEXES: dict[str, Callable[[], pd.Index]] = {
    **{f"number {k}": lambda k=k: pd.Index(numbers(k)) for k in NUMBERS
       if k not in ("f2", "g", "G", "?", ">f8", ">i4", ">u2", ">c16")},
    "bool": lambda: pd.Index([True, False]),
    "empty": lambda: pd.Index([]),
    "empty text": lambda: pd.Index([], dtype="str"),
    "text": lambda: pd.Index(["a", None], name="t"),
    "objects": lambda: pd.Index(["a", "b"], dtype=object, name=("n", 1)),
    "mixed": lambda: pd.Index(["a", 1, None, np.nan, pd.NA], dtype=object),
    "tuples": lambda: pd.Index([(1, 2), (3,)], tupleize_cols=False),
    "timestamps as objects": lambda: pd.Index([pd.Timestamp("2020")], dtype=object),
    "nullable": lambda: pd.Index([1, None], dtype="Int64"),
    "arrow": lambda: pd.Index([1, None], dtype=pd.ArrowDtype(pa.int8())),
    "sparse": lambda: pd.Index(pd.arrays.SparseArray([0, 0, 1])),
    "text python": lambda: pd.Index(["a"], dtype="string[python]"),
    "range": lambda: pd.RangeIndex(3),
    "range odd": lambda: pd.RangeIndex(10, -5, -3, name="r"),
    "range empty": lambda: pd.RangeIndex(5, 5, 2),
    "range named nan": lambda: pd.RangeIndex(3, name=np.nan),
    "duplicates": lambda: pd.Index([1, 1, 1]),
    **{f"datetime {u}": lambda u=u: pd.DatetimeIndex(times("M", u)) for u in UNITS},
    **{f"timedelta {u}": lambda u=u: pd.TimedeltaIndex(times("m", u)) for u in UNITS},
    **{f"freq {f}": lambda f=f: with_freq(f) for f in (
        "D", "2D", "-1D", "B", "h", "15min", "s", "ms", "us", "ns", "W-TUE", "ME", "MS", "BME", "QE-NOV",
        "QS", "YE", "YS-APR", "BQE", "BYS", "SME", "bh", "WOM-2TUE", *([] if PANDAS_2 else ["LWOM-FRI"]), "C", "cbh")},
    "freq custom": lambda: with_freq(offsets.CustomBusinessDay(**HOLIDAYS)),
    "freq custom hour": lambda: with_freq(offsets.CustomBusinessHour(start="10:00", **HOLIDAYS)),
    "freq hours": lambda: with_freq(offsets.BusinessHour(start="09:00", end="12:00")),
    "freq normalize": lambda: pd.DatetimeIndex(
        pd.date_range("2020", periods=3, freq=offsets.MonthEnd(normalize=True))),
    "freq DateOffset": lambda: with_freq(pd.DateOffset(months=1, days=2)),
    "freq Easter": lambda: with_freq(offsets.Easter()),
    "freq FY5253": lambda: with_freq(offsets.FY5253(weekday=1, startingMonth=3, variation="last")),
    "freq offset": lambda: with_freq(offsets.BDay(offset=dt.timedelta(hours=1))),
    "freq zoned": lambda: with_freq("D", tz="Europe/Berlin"),
    "freq dst": lambda: pd.date_range("2020-10-24", periods=60, freq="h", tz=BERLIN, name="when"),
    "freq timedelta": lambda: pd.timedelta_range("1h", periods=3, freq="2h"),
    "freq empty": lambda: pd.DatetimeIndex([], freq="D"),
    "zoned s": lambda: with_freq("D", unit="s", tz="UTC"),
    **{f"period {f}": lambda f=f: pd.period_range("2020", periods=3, freq=f, name="p")
       for f in ("D", "3M", "Q-NOV", "h", "W-TUE")},
    "period missing": lambda: pd.PeriodIndex(["2020", None], freq="M"),
    "interval": lambda: pd.interval_range(0, 3, closed="left", name="i"),
    "interval freq": lambda: pd.interval_range(pd.Timestamp("2020"), periods=3, freq="D"),
    "interval missing": lambda: pd.IntervalIndex.from_tuples([(0, 1), np.nan]),
    "interval empty": lambda: pd.IntervalIndex.from_breaks(np.array([], "i4"), closed="both"),
    "category": lambda: pd.CategoricalIndex(["b", "a", None], ["z", "b", "a"], ordered=True, name=0),
    "category int": lambda: pd.CategoricalIndex([2, 1]),
    "multi": lambda: pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
    "multi unused": lambda: pd.MultiIndex.from_product([["a", "b"], [1, 2]])[:1],
    "multi missing": lambda: pd.MultiIndex.from_tuples([("a", np.nan), (None, 1)]),
    "multi names": lambda: pd.MultiIndex.from_tuples([(1, 2)], names=[("a", 1), 2]),
    "multi same names": lambda: pd.MultiIndex.from_tuples([(1, 2)], names=["x", "x"]),
    "multi empty": lambda: pd.MultiIndex.from_arrays([[], []]),
    "multi empty typed": lambda: pd.MultiIndex.from_arrays([pd.Index([], dtype="str"), []])[:0],
    "multi one": lambda: pd.MultiIndex.from_arrays([["a"]], names=["one"]),
    "multi sorted": lambda: pd.MultiIndex(
        [["a", "b"], [1, 2]], [[0, 1, 1], [0, 0, 1]], sortorder=1),
    "multi times": lambda: pd.MultiIndex.from_product(
        [pd.date_range("2020", periods=2, tz="UTC"), pd.period_range("2020", periods=2, freq="M")]),
    "multi category": lambda: pd.MultiIndex.from_arrays([pd.Categorical(["a", "b"], ["b", "a"]), [1, 2]]),
    "multi interval": lambda: pd.MultiIndex.from_arrays([pd.interval_range(0, 2), [1.5, 2.5]]),
    "multi mixed": lambda: pd.MultiIndex.from_tuples([("a", 1), (2, dt.date(2020, 1, 1))]),
    "multi range": lambda: pd.MultiIndex.from_product([pd.RangeIndex(2), pd.RangeIndex(3)]),
    "multi nullable": lambda: pd.MultiIndex.from_arrays([pd.array([1, 2], "Int8"), ["a", "b"]]),
    "multi object": lambda: pd.MultiIndex.from_arrays([np.array(["a", "b"], object), [1, 2]]),
}  # fmt: skip


def mixed_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "i": np.arange(4),
            "j": np.arange(4)[::-1],
            "f": [1.5, np.nan, -0.0, np.inf],
            "text": ["a", None, "", "ä"],
            "when": pd.to_datetime(["2020", None, "2021", "2022"]),
            "flag": [True, False, True, True],
            "n": pd.array([1, None, 3, 4], "Int32"),
            "kind": pd.Categorical(["a", "b", None, "a"]),
            "o": objects(1, "a", None, [1]),
            "zoned": pd.date_range("2020", periods=4, tz="Europe/Berlin"),
            "g": np.arange(4, dtype="f4"),
        }
    )


def labelled(columns: Any) -> pd.DataFrame:
    return pd.DataFrame(np.arange(2.0 * len(columns)).reshape(2, -1), columns=columns)


def with_state(attrs: Any, *, unique: bool = False) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame.set_flags(allows_duplicate_labels=not unique)


FRAMES: dict[str, Callable[[], pd.DataFrame]] = {
    "mixed": mixed_frame,
    "mixed, indexed": lambda: mixed_frame().set_index(["text", "when"]),
    "every series": lambda: pd.DataFrame({
        name: make().iloc[:1].array
        for name, make in SERIES.items()
        if len(make()) and not name.startswith(("objects type", "objects offset", "objects ndarray", "objects list", "objects Series"))}),
    "no columns": lambda: pd.DataFrame(index=["a", "b"]),
    "no rows": lambda: mixed_frame().iloc[:0],
    "nothing": lambda: pd.DataFrame(),
    "nothing, object columns": lambda: pd.DataFrame(columns=pd.Index([], dtype=object)),
    "no columns, range": lambda: pd.DataFrame(index=pd.RangeIndex(5)),
    "one block": lambda: labelled(list("abc")),
    "row by row": lambda: pd.DataFrame(np.arange(12.0).reshape(4, 3), copy=False),
    "sliced": lambda: labelled(list("abcd")).iloc[1:, 1:3],
    "every second": lambda: mixed_frame().iloc[::2],
    "transposed": lambda: labelled(list("abc")).T,
    "bools": lambda: pd.DataFrame(np.eye(3, dtype=bool)),
    "odd length bools": lambda: pd.DataFrame({"a": [True] * 3, "b": [False] * 3, "c": [1, 2, 3]}),
    "times": lambda: pd.DataFrame({k: times("M", "ns") for k in "abc"}),
    "times without gaps": lambda: pd.DataFrame(
        {k: pd.date_range("2020", periods=3).to_numpy() for k in "abc"}),
    "zoned block": lambda: pd.DataFrame({k: pd.date_range("2020", periods=3, tz="UTC") for k in "ab"}),
    "seconds": lambda: pd.DataFrame({k: times("M", "s") for k in "ab"}),
    "complex": lambda: pd.DataFrame(np.eye(3) * 1j),
    "wide": lambda: pd.DataFrame(np.arange(900).reshape(3, 300)),
    "dummies": lambda: pd.get_dummies(pd.Series(list("abca")), sparse=True),
    "labels int": lambda: labelled([3, 1, 2]),
    "labels range": lambda: labelled(pd.RangeIndex(2, 8, 3, name="r")),
    "labels duplicate": lambda: labelled(["a", "b", "a"]),
    "labels tuples": lambda: labelled(pd.Index([("a", 1), ("b",)], tupleize_cols=False)),
    "labels mixed": lambda: labelled(["a", 1, None, np.nan, pd.NaT, 2.5, (1, 2), True]),
    "labels None": lambda: labelled([None]),
    "labels nan": lambda: labelled([np.nan, 1.0]),
    "labels times": lambda: labelled(pd.date_range("2020", periods=3, freq="ME", tz="UTC")),
    "labels periods": lambda: labelled(pd.period_range("2020", periods=3, freq="M")),
    "labels multi": lambda: labelled(pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", 0])),
    "labels category": lambda: labelled(pd.CategoricalIndex(["a", "b"], ["b", "a", "c"])),
    "labels interval": lambda: labelled(pd.interval_range(0, 2)),
    "labels object": lambda: labelled(pd.Index(["a", "b"], dtype=object)),
    "labels named": lambda: labelled(pd.Index(["a", "b"], name="letters")),
    "labels named oddly": lambda: labelled(pd.Index(["a", "b"], name=("x", 1))),
    "labels text": lambda: labelled(pd.Index(["a", "b"], dtype="string[python]")),
    "labels text, arrow": lambda: labelled(pd.Index(["a", "b"], dtype="string[pyarrow]")),
    "labels text, missing": lambda: labelled(pd.Index(["a", None], dtype="str")),
    "labels odd": lambda: labelled(["", " ", "a.b", "a", "ä\n", "\0", "x\0y", "__index_level_0__", "values"]),
    "labels surrogate": lambda: labelled(pd.Index(["\ud800", "a"], dtype=object)),
    "labels bytes": lambda: labelled([b"a", b"b"]),
    "labels bool": lambda: labelled([True, False]),
    "labels int8": lambda: labelled(pd.Index([1, 2], dtype="i1")),
    "labels str subclass": lambda: labelled(pd.Index([Text("a"), "b"], dtype=object)),
    "labels enumlike": lambda: labelled(pd.Index([int, str], dtype=object)),
    "labels empty multi": lambda: pd.DataFrame(columns=pd.MultiIndex.from_arrays([[], []])),
    "attrs": lambda: with_state({"unit": "m", 1: (2, {3}), "when": dt.date(2020, 1, 1)}),
    "attrs nested": lambda: with_state({"frame": pd.DataFrame({"a": [1]}), "a": np.arange(3)}),
    "unique labels": lambda: with_state({}, unique=True),
    "index like a column": lambda: pd.DataFrame({"__index_level_0__": [1], "b": [2]}, index=["x"]),
    "index named like a column": lambda: pd.DataFrame({"a": [1]}, index=pd.Index([2], name="a")),
    "text in chunks": lambda: pd.concat([mixed_frame(), mixed_frame()]),
    "int16 block": lambda: pd.DataFrame(np.arange(12, dtype="i2").reshape(4, 3)),
    "big-endian": lambda: pd.DataFrame({"a": np.arange(3, dtype=">i4"), "b": np.arange(3, dtype=">f8")}),
    **{f"index {name}": lambda make=make: pd.DataFrame({"v": np.arange(len(make()))}, index=make())
       for name, make in INDEXES.items()},
}  # fmt: skip

ROUND: dict[str, Callable[[], Any]] = {
    **{f"series: {name}": make for name, make in SERIES.items()},
    **{f"array: {name}": lambda make=make: make().array for name, make in SERIES.items()
       if not name.startswith(("name", "indexed"))},
    **{f"array: plain {v.dtype}": lambda v=v: pd.arrays.NumpyExtensionArray(v)
       for v in (np.array(["2020"], "M8[ns]"), np.array(["2020"], "M8[D]"), np.array([b"a"]),
                 np.array(["ab"]), np.zeros(2, [("a", "i4")]), np.arange(3), np.zeros(2, "V3"))},
    **{f"index: {name}": make for name, make in INDEXES.items()},
    **{f"index array: {name}": lambda make=make: make().array for name, make in INDEXES.items()
       if name.startswith(("freq", "range", "interval"))},
    **{f"frame: {name}": make for name, make in FRAMES.items()},
}  # fmt: skip
