"""polars frames and series of every dtype and odd shape."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D
from typing import Any

import polars as pl

DAY = dt.timedelta(1)
NOON = dt.datetime(2020, 1, 1, 12, 0, 0, 1)
ENUM = pl.Enum(["b", "a", "never"])
MINE = pl.Categorical(pl.Categories("aqueduct-tests", "ns", pl.UInt8))

SERIES: dict[str, Any] = {
    "int8": pl.Series([1, None, -128], dtype=pl.Int8),
    "int64": pl.Series("named", [3, None, 1]),
    "uint64": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
    "float16": pl.Series([1.5, None], dtype=pl.Float16),
    "float32": pl.Series([1.5, None, float("nan"), -0.0], dtype=pl.Float32),
    "float64": pl.Series([1.5, None, float("nan"), float("inf")]),
    "decimal": pl.Series([D("1.23"), None], dtype=pl.Decimal(10, 2)),
    "decimal wide": pl.Series([D(10) ** 37, None], dtype=pl.Decimal(38, 0)),
    "bool": pl.Series([True, None, False]),
    "string": pl.Series(["a", None, "", "ä€😀", "x" * 40]),
    "binary": pl.Series([b"a", None, b"\xff" * 20]),
    "date": pl.Series([dt.date(1, 2, 3), None]),
    "time": pl.Series([dt.time(1, 2, 3, 4), None]),
    **{
        f"datetime {unit} {zone}": pl.Series([NOON, None], dtype=pl.Datetime(unit)).dt.replace_time_zone(zone)
        for unit in ("ms", "us", "ns")
        for zone in (None, "UTC", "Europe/Berlin")
    },
    **{f"duration {unit}": pl.Series([DAY, None], dtype=pl.Duration(unit)) for unit in ("ms", "us", "ns")},
    "categorical": pl.Series(["b", "a", None, "b"], dtype=pl.Categorical),
    "categorical named": pl.Series(["b", "a", None], dtype=MINE),
    "enum": pl.Series(["b", "a", None], dtype=ENUM),
    "enum empty": pl.Series([None], dtype=pl.Enum([])),
    "null": pl.Series([None, None]),
    "no rows": pl.Series([], dtype=pl.String),
    "no rows enum": pl.Series([], dtype=ENUM),
    "no rows categorical": pl.Series([], dtype=pl.Categorical),
    "list": pl.Series([[1, None], None, []], dtype=pl.List(pl.Int8)),
    "list of strings": pl.Series([["a"], None, ["x" * 40, None]]),
    "list of enums": pl.Series([["a"], None, []], dtype=pl.List(ENUM)),
    "list of categoricals": pl.Series([["a"], None, []], dtype=pl.List(pl.Categorical)),
    "array": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)),
    "array of arrays": pl.Series([[[1, 2], [3, 4]], None], dtype=pl.Array(pl.Int64, (2, 2))),
    "array of width 0": pl.Series([[], None], dtype=pl.Array(pl.Int64, 0)),
    "struct": pl.Series([{"a": 1, "b": "x"}, None]),
    "struct empty": pl.Series([{}, None], dtype=pl.Struct([])),
    "struct deep": pl.Series([{"a": [{"b": None}], "e": "a"}, None], dtype=pl.Struct({"a": pl.List(pl.Struct({"b": pl.Null})), "e": ENUM})),
    "map": pl.Series([{"a": 1}, None, {}], dtype=pl.Map(pl.String, pl.Int64)),
    "int128": pl.Series([1, -(2**100), None], dtype=pl.Int128),
    "uint128": pl.Series([1, 2**127, None], dtype=pl.UInt128),
    "list of int128": pl.Series([[2**100], None, []], dtype=pl.List(pl.Int128)),
    "struct of int128 and enum": pl.Series([{"i": 2**100, "e": "a"}], dtype=pl.Struct({"i": pl.Int128, "e": ENUM})),
    "sorted": pl.Series([3, 1, None]).sort(),
    "sorted down": pl.Series(["a", "b"]).sort(descending=True),
    "slice of strings": pl.Series(["x" * 100] * 2_000).slice(7, 3),
    "slice of bits": pl.Series([True, None, False] * 9).slice(5, 9),
    "two chunks": pl.Series([1, 2]).append(pl.Series([3])),
    "two chunks of categoricals": pl.Series(["u"], dtype=pl.Categorical).append(pl.Series(["v"], dtype=pl.Categorical)),
}  # fmt: skip
MIXED = pl.DataFrame({"i": [1, 2], "s": ["x", None], "l": [[1], None], "f": [1.5, float("nan")]})
FRAMES: dict[str, Any] = {
    "mixed": MIXED,
    "no rows": MIXED.clear(),
    "no columns": pl.DataFrame(),
    "height without columns": pl.DataFrame(height=3),
    "text only": pl.DataFrame({"a": ["x"], "b": [b"y"]}),
    "odd names": pl.DataFrame({"": [1], "a.b": [2], "a": [{"b": 3}], "ä\n": [4]}),
    "names like patterns": pl.DataFrame({"^.*$": ["x"], "*": [[b"y"]], "b": pl.Series(["z"], dtype=pl.Categorical)}),
    "two columns of categories": pl.DataFrame({"a": ["x", "y", None], "b": ["z", "y", "x"]}, schema_overrides={"a": pl.Categorical, "b": pl.Categorical}),
    "chunks of categories and text": pl.concat(
        [pl.DataFrame({"c": [text], "s": [text * 30], "e": [None]}, schema={"c": pl.Categorical, "s": pl.String, "e": ENUM}) for text in "vu"], rechunk=False
    ),
    "nested text": pl.DataFrame({"l": [["a" * 30, "b"], None, [None]], "s": [{"t": "x" * 20}, None, {"t": None}], "m": pl.Series([{"k" * 20: b"v"}, None, {}], dtype=pl.Map(pl.String, pl.Binary))}),
    "slice of nested text": pl.DataFrame({"l": [["a" * 30, "b"], None, ["c" * 90]] * 999, "s": [{"t": "x" * 200}, None, {"t": None}] * 999}).slice(5, 4),
    "everything": pl.DataFrame(
        [series.head(2).extend_constant(None, 2 - len(series.head(2))).alias(name) for name, series in SERIES.items()]
    ),
    "lazy": MIXED.lazy(),
    "lazy query": MIXED.lazy().filter(pl.col("i") > 1).with_columns(pl.col("i").cast(pl.Int8)),
    "two chunks": pl.concat([MIXED, MIXED.head(1)], rechunk=False),
    "uneven chunks": pl.DataFrame({"a": [1, 2, 3]}).with_columns(pl.Series("b", [1]).append(pl.Series([2, 3]))),
}  # fmt: skip
OBJECTS: dict[str, Any] = {
    "objects": pl.DataFrame(
        {"i": [1, 2], "o": pl.Series([(1, "x"), None], dtype=pl.Object), "j": [2**100, 0]},
        schema_overrides={"j": pl.Int128},
    ),
    "objects alone": pl.Series("o", [{"a": 1}, None, 2.5], dtype=pl.Object),
}
