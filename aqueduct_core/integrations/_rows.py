"""Rows as columns, every value as the database gave it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.integrations._results import Column
from aqueduct_core.serializers.tables._moments import with_moments

__all__ = ["as_declared", "columns_of_rows", "row_chunks"]

_DIGITS = 38  # of a decimal
_PURE = {pa.float64(): {float, type(None)}, pa.binary(): {bytes, type(None)}}


def columns_of_rows(names: Sequence[str], declared: Sequence[str] | None) -> list[Column]:
    """Columns that `row_chunks` gives.

    Integers stay integers (`int64`, or `Int64` where some are NULL), floats become `float64`, text
    the string type of pandas, a column of mixed types keeps its values as objects. Columns that
    are declared as dates, times, timestamps or booleans become those if all their values are.

    Args:
        names: The names of the columns.
        declared: The declared type of each column, in upper case; None if not known.
    """
    return [
        Column(name, partial(_settled, kind.partition("(")[0].strip()))
        for name, kind in zip(names, declared or [""] * len(names), strict=True)
    ]


def row_chunks(width: int, rows: Iterable[Sequence[Sequence[Any]]]) -> Iterator[list[Any]]:
    """Lists of rows as chunks of columns; one without rows if there are none.

    Args:
        width: How many columns there are.
        rows: The lists.
    """
    empty = True
    for some in rows:
        yield [_chunk(values) for values in zip(*some, strict=True)]
        empty = False
    if empty:
        yield [pa.nulls(0)] * width


def _chunk(values: tuple[Any, ...]) -> Any:
    """Values of one type as an Arrow array; others as they are."""
    try:
        array = with_moments(pa.array(values), values)
    except (pa.ArrowException, UnicodeError):
        return values
    # Arrow takes integers among floats and text among bytes; here they would be changed.
    pure, kind = _PURE.get(array.type), array.type
    if pure and not pure.issuperset(map(type, values)):
        return values
    if pa.types.is_time(kind) and any(value is not None and value.tzinfo for value in values):
        return values  # Arrow would leave the zone away
    # Arrow takes the zone of the first value; each chunk might have another one.
    return array.cast(pa.timestamp(kind.unit, "UTC")) if getattr(kind, "tz", None) else array


def _settled(declared: str, chunks: list[Any]) -> Any:
    if all(isinstance(chunk, pa.Array) for chunk in chunks):
        types = {chunk.type for chunk in chunks} - {pa.null()}
        digits = _digits(types)
        if len(types) <= 1 or digits is not None:
            kind = digits or (types.pop() if types else _assumed(declared))
            if kind is not None:
                arrays = [chunk.cast(kind) for chunk in chunks]
                return as_declared(pa.chunked_array(arrays, kind), declared)
    values = [value for chunk in chunks for value in _values(chunk)]
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int, float}:
        try:
            return pa.chunked_array([pa.array(values, pa.float64())])
        except pa.ArrowInvalid:
            return _objects(values)  # with an integer that a float can't hold
    return _objects(values)


def _digits(types: set[Any]) -> Any:
    """The type of decimals that all of these are; None if there is none."""
    if not types or not all(map(pa.types.is_decimal128, types)):
        return None
    scale = max(kind.scale for kind in types)
    digits = max(kind.precision - kind.scale for kind in types) + scale
    return pa.decimal128(digits, scale) if digits <= _DIGITS else None


def _objects(values: list[Any]) -> Any:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return pd.Series(column, dtype=object)


def _values(chunk: Any) -> Any:
    return chunk.to_pylist() if isinstance(chunk, pa.Array) else chunk


def _assumed(declared: str) -> Any:
    """The type of a column without a single value."""
    if declared in ("BOOLEAN", "BOOL"):
        return pa.int64()
    if declared in ("DATE", "TIME", "DATETIME") or declared.startswith("TIMESTAMP"):
        return pa.string()
    if "INT" in declared:
        return pa.int64()
    if any(word in declared for word in ("CHAR", "CLOB", "TEXT")):
        return pa.string()
    if "BLOB" in declared:
        return pa.binary()
    if any(word in declared for word in ("REAL", "FLOA", "DOUB")):
        return pa.float64()
    return None


def as_declared(array: Any, declared: str) -> Any:
    """The array as the type it is declared, or as it is if a value doesn't fit."""
    if declared in ("BOOLEAN", "BOOL") and pa.types.is_integer(array.type):
        fits = pc.all(pc.is_in(array, pa.array([0, 1, None]))).as_py()
        return array if fits is False else array.cast(pa.bool_())
    if not pa.types.is_string(array.type):
        return array
    try:
        if declared == "DATE":
            return array.cast(pa.date32())
        if declared == "TIME":
            times = [value and time.fromisoformat(value) for value in array.to_pylist()]
            return pa.chunked_array([pa.array(times, pa.time64("us"))])
    except (pa.ArrowException, ValueError):
        return array
    if declared == "DATETIME" or declared.startswith("TIMESTAMP"):
        for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ns")):
            try:
                return array.cast(kind)
            except pa.ArrowException:
                continue
    return array
