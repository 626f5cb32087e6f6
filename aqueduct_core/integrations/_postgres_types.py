"""What PostgreSQL's types become, so that every value is what it was in the database.

The Arrow driver gets most types right. What it would change without a word (money, the dimensions of
arrays) or give as bytes of the wire (addresses, ranges, bits) the server writes as text instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Column", "Shape", "shape_of"]

_INTEGERS = {21, 23, 20}  # int2, int4, int8
_PLAIN = {16, *_INTEGERS, 700, 701, 25, 1043, 1042, 19, 17}  # bool, floats, texts, name, bytea
_DATE, _TIME, _TIMESTAMPS, _NUMERIC = 1082, 1083, {1114, 1184}, 1700
_CAST = {26: "int8", 790: "numeric"}  # oid; money, whose text depends on the server's locale
# Arrays of bool, integers, floats, texts, bytea, date, timestamp, timestamptz
_ARRAYS = {1000, 1005, 1007, 1016, 1021, 1022, 1009, 1015, 1014, 1001, 1182, 1115, 1185}
_DAY = 86_400_000_000  # microseconds
_FIRST_DAY, _LAST_DAY = -2_500_000, 2_932_896  # 4713 BC with room; 9999-12-31
_LARGEST = 38  # digits of a decimal


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result.

    Attributes:
        name: Its name.
        cast: The type that the server turns it into; empty to leave it as it is.
        finish: What makes the values of the driver's array; raises ValueError for one that can't
            be kept.
        way_out: What to do then.
        is_array: Whether its values are arrays.
    """

    name: str
    cast: str = ""
    finish: Callable[[Any], Any] = lambda array: array
    way_out: str = ""
    is_array: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A query and what its columns become.

    Attributes:
        query: What the Arrow driver is given.
        columns: The columns of the result; `query` has further ones, one for each with arrays.
    """

    query: str
    columns: Sequence[Column]

    def checks(self, table: Any) -> Iterator[tuple[str, bool]]:
        """Whether columns have arrays of several dimensions."""
        names = [column.name for column in self.columns if column.is_array]
        for name, array in zip(names, table.columns[len(self.columns) :], strict=True):
            yield name, bool(pc.any(array).as_py())


def shape_of(connection: psycopg.Connection[Any], query: str) -> Shape | None:
    """What a query's columns are, asked of the server without running it; None if it has none."""
    prepared = connection.pgconn.prepare(b"", query.encode())
    if prepared.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.lookup(_state(prepared))(prepared.get_error_message())
    told = connection.pgconn.describe_prepared(b"")
    if not told.nfields:
        return None
    columns = [
        _column((told.fname(index) or b"").decode(), told.ftype(index), told.fmod(index))
        for index in range(told.nfields)
    ]
    if not any(column.cast or column.is_array for column in columns):
        return Shape(query, columns)
    names = [f"c{index}" for index in range(len(columns))]
    listed = [
        f"{name}::{column.cast}" if column.cast else name
        for name, column in zip(names, columns, strict=True)
    ]
    listed += [
        f"array_ndims({name}) > 1"
        for name, column in zip(names, columns, strict=True)
        if column.is_array
    ]
    # A line break before the bracket: the query may end in a comment.
    text = f"SELECT {', '.join(listed)} FROM ({query}\n) AS q ({', '.join(names)})"  # noqa: S608 - the user's own
    return Shape(text, columns)


def _column(name: str, kind: int, modifier: int) -> Column:
    if kind in _PLAIN:
        return Column(name)
    if kind == _NUMERIC:
        return Column(name, finish=partial(_decimals, modifier), way_out=f"SELECT {name}::float8")
    if kind == _DATE:
        return Column(name, finish=_dates, way_out=f"SELECT {name}::text, or leave such rows out")
    if kind in _TIMESTAMPS:
        way_out = f"SELECT {name}::text, or leave such rows out"
        return Column(name, finish=_timestamps, way_out=way_out)
    if kind == _TIME:
        return Column(name, finish=_times, way_out=f"SELECT {name}::text")
    if kind in _ARRAYS:
        return Column(name, is_array=True)
    cast = _CAST.get(kind, "text")
    if cast == "numeric":
        return Column(name, cast, partial(_decimals, -1), f"SELECT {name}::text")
    return Column(name, cast)


def _decimals(modifier: int, array: Any) -> Any:
    """Numbers from their text, with the digits that the column has, or that they need."""
    texts = array.cast(pa.string()) if not isinstance(array.type, pa.BaseExtensionType) else None
    if texts is None:
        chunks = [chunk.storage for chunk in array.chunks]
        texts = pa.chunked_array(chunks, pa.string())
    if modifier >= 0:
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        scale -= (scale & 0x400) << 1  # PostgreSQL 15 knows negative ones
    else:
        precision, scale = _LARGEST, 0
    special = pc.match_substring_regex(texts, "^(nan|-?inf)")
    if pc.any(special).as_py():
        raise ValueError("NaN and infinity are no decimal numbers")
    if modifier < 0:
        # `numeric` without digits: the scale is that of the longest fraction
        parts = pc.split_pattern(texts, ".", max_splits=1)
        fractions = pc.list_element(parts.filter(pc.equal(pc.list_value_length(parts), 2)), 1)
        scale = pc.max(pc.utf8_length(fractions)).as_py() or 0
    if not 0 <= scale <= precision <= _LARGEST:
        raise ValueError(f"its numbers have more than {_LARGEST} digits")
    try:
        return texts.cast(pa.decimal128(precision, scale))
    except pa.ArrowInvalid as error:
        raise ValueError(f"its numbers have more than {_LARGEST} digits ({error})") from error


def _dates(array: Any) -> Any:
    limits = pc.min_max(array.cast(pa.int32())).as_py()
    if limits["min"] is not None and (limits["min"] < _FIRST_DAY or limits["max"] > 110_000_000):
        raise ValueError("infinity is no date")
    return array


def _timestamps(array: Any) -> Any:
    limits = pc.min_max(array.cast(pa.int64())).as_py()
    if limits["min"] is not None and limits["min"] < _FIRST_DAY * _DAY:
        raise ValueError("infinity is no timestamp")
    return array


def _times(array: Any) -> Any:
    if (pc.max(array.cast(pa.int64())).as_py() or 0) >= _DAY:
        raise ValueError("24:00:00 is beyond the last time of a day")
    return array


def _state(result: Any) -> str:
    return (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
