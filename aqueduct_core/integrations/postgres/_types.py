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

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._results import Column, Result, arrow_chunks, as_arrow

__all__ = ["Shape", "shape_of"]

_INTEGERS = {21, 23, 20}  # int2, int4, int8
_PLAIN = {16, *_INTEGERS, 700, 701, 25, 1043, 1042, 19, 17}  # bool, floats, texts, name, bytea
_DATE, _TIME, _TIMESTAMPS, _NUMERIC = 1082, 1083, {1114, 1184}, 1700
_CASTS = {26: "int8", 790: "numeric"}  # oid; money, whose text depends on the server's locale
# Arrays of bool, integers, floats, texts, bytea, date, timestamp, timestamptz
_ARRAYS = {1000, 1005, 1007, 1016, 1021, 1022, 1009, 1015, 1014, 1001, 1182, 1115, 1185}
_DAY = 86_400_000_000  # microseconds
_FIRST_DAY, _LAST_DAY = -2_500_000, 2_932_896  # 4713 BC with room; 9999-12-31
_LARGEST = 38  # digits of a decimal


@dataclass(frozen=True, slots=True)
class Shape:
    """A query and what its columns become.

    Attributes:
        query: What the Arrow driver is given.
        columns: The columns of the result.
        arrays: Which of them are arrays. For each of these `query` has a further column, whether it
            has several dimensions, which the driver would lose.
    """

    query: str
    columns: Sequence[Column]
    arrays: Sequence[int]

    def result(self, source: str, reader: Any) -> Result:
        """The result that the driver reads."""
        return Result(source, self.columns, self._chunks(source, reader))

    def _chunks(self, source: str, reader: Any) -> Iterator[list[Any]]:
        for chunk in arrow_chunks(reader):
            for index, deep in zip(self.arrays, chunk[len(self.columns) :], strict=True):
                if pc.any(deep).as_py():
                    name = self.columns[index].name
                    raise IntegrationError(
                        f"{source}: column {name!r} has arrays of several dimensions",
                        hint=f"read it as text or JSON: SELECT to_jsonb({name})",
                    )
            del chunk[len(self.columns) :]
            yield chunk


def shape_of(connection: psycopg.Connection[Any], query: str) -> Shape | None:
    """What a query's columns are, asked of the server without running it; None if it has none.

    The connection is in a transaction then. Else somebody might lock a table between the two questions,
    and the second one has all threads of the process wait for it, also who is to unlock it.
    """
    connection.pgconn.exec_(b"BEGIN")
    prepared = connection.pgconn.prepare(b"", query.encode())
    if prepared.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.lookup(_state(prepared))(prepared.get_error_message())
    told = connection.pgconn.describe_prepared(b"")
    if not told.nfields:
        return None
    kinds = [told.ftype(index) for index in range(told.nfields)]
    # A line break at the end: something is put behind it, and it may end in a comment.
    query = f"{query}\n"
    columns = [
        _column((told.fname(index) or b"").decode(), kind, told.fmod(index))
        for index, kind in enumerate(kinds)
    ]
    casts = [_cast(kind) for kind in kinds]
    arrays = [index for index, kind in enumerate(kinds) if kind in _ARRAYS]
    if not any(casts) and not arrays:
        return Shape(query, columns, arrays)
    names = [f"c{index}" for index in range(len(columns))]
    listed = [f"{name}::{cast}" if cast else name for name, cast in zip(names, casts, strict=True)]
    listed += [f"array_ndims({names[index]}) > 1" for index in arrays]
    text = f"SELECT {', '.join(listed)} FROM ({query}) AS q ({', '.join(names)})"  # noqa: S608 - the user's own
    return Shape(text, columns, arrays)


def _cast(kind: int) -> str:
    """The type that the server turns a column into; empty to leave it as it is."""
    known = {*_PLAIN, *_ARRAYS, *_TIMESTAMPS, _NUMERIC, _DATE, _TIME}
    return "" if kind in known else _CASTS.get(kind, "text")


def _column(name: str, kind: int, modifier: int) -> Column:
    as_text = f"SELECT {name}::text"
    if kind == _NUMERIC:
        return Column(name, _whole(partial(_decimals, modifier)), as_text)
    if _cast(kind) == "numeric":
        return Column(name, _whole(partial(_decimals, -1)), as_text)
    if kind == _DATE:
        return Column(name, _whole(_dates), f"{as_text}, or leave such rows out")
    if kind in _TIMESTAMPS:
        return Column(name, _whole(_timestamps), f"{as_text}, or leave such rows out")
    if kind in _LISTED:
        return Column(name, _whole(partial(_lists, _LISTED[kind])), as_text)
    if kind == _TIME:
        return Column(name, _whole(_times), as_text)
    return Column(name)


def _whole(finish: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    return lambda chunks: finish(as_arrow(chunks))


def _decimals(modifier: int, array: Any) -> Any:
    """Numbers from their text, with the digits that the column has, or that they need."""
    texts = array.cast(pa.string()) if not isinstance(array.type, pa.BaseExtensionType) else None
    if texts is None:
        chunks = [chunk.storage for chunk in array.chunks]
        texts = pa.chunked_array(chunks, pa.string())
    if modifier >= 0:
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        scale -= (scale & 0x400) << 1  # PostgreSQL 15 knows negative ones
        # Then zeros follow the digits. Or more zeros than digits stand behind the point.
        precision, scale = max(precision - min(scale, 0), scale), max(scale, 0)
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
        whole = pc.utf8_length(pc.utf8_ltrim(pc.list_element(parts, 0), "-0"))
        # Arrow casts a text of 39 digits to another number without a word.
        precision = max(precision, scale + (pc.max(whole).as_py() or 0))
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


def _lists(finish: Callable[[Any], Any], array: Any) -> Any:
    """Arrays, whose values are looked at as others are."""
    finish(pc.list_flatten(array))
    return array


def _times(array: Any) -> Any:
    if (pc.max(array.cast(pa.int64())).as_py() or 0) >= _DAY:
        raise ValueError("24:00:00 is beyond the last time of a day")
    return array


_LISTED = {1182: _dates, 1115: _timestamps, 1185: _timestamps}


def _state(result: Any) -> str:
    return (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
