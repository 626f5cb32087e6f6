"""Rows in the binary form of MySQL's protocol as Arrow columns, many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pymysql.constants import FIELD_TYPE, FLAG

from aqueduct_core.integrations._results import Column, as_arrow

__all__ = ["Field", "decode", "field_of"]

_BINARY = 63  # the character set of what is no text
_DIGITS, _MORE_DIGITS = 38, 76  # of decimals in Arrow
_YEARS = 10_000
_DAY = 86_400_000_000  # microseconds

_NUMBERS = {
    FIELD_TYPE.TINY: ("<i1", "<u1"),
    FIELD_TYPE.SHORT: ("<i2", "<u2"),
    FIELD_TYPE.YEAR: ("<i2", "<i2"),
    FIELD_TYPE.INT24: ("<i4", "<u4"),
    FIELD_TYPE.LONG: ("<i4", "<u4"),
    FIELD_TYPE.LONGLONG: ("<i8", "<u8"),
    FIELD_TYPE.FLOAT: ("<f4", "<f4"),
    FIELD_TYPE.DOUBLE: ("<f8", "<f8"),
}
_DECIMALS = (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL)
_MOMENTS = (FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a result, and how its values are read.

    Attributes:
        column: The column.
        width: The bytes of each value; 0 if each says its own length.
        read: Makes an array: of all bytes, where values begin, how long they are, and which are
            missing.
    """

    column: Column
    width: int
    read: Callable[[bytes, Any, Any, Any], Any]


def field_of(told: Any) -> Field:
    """How a column is read, by what the server tells of it."""
    kind, name = told.type_code, told.name
    if kind in _NUMBERS:
        dtype = np.dtype(_NUMBERS[kind][bool(told.flags & FLAG.UNSIGNED)])
        boolean = kind == FIELD_TYPE.TINY and told.length == 1
        column = Column(name, _booleans) if boolean else Column(name)
        return Field(column, dtype.itemsize, partial(_numbers, dtype))
    if kind == FIELD_TYPE.NULL:
        return Field(Column(name), 0, _nothing)
    if kind in _MOMENTS:
        way_out = f"SELECT CAST({name} AS CHAR), or leave such rows out"
        if kind in (FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE):
            return Field(Column(name, _dates, way_out), 0, _moments)
        zone = "UTC" if kind == FIELD_TYPE.TIMESTAMP else None
        return Field(Column(name, partial(_timestamps, zone), way_out), 0, _moments)
    if kind == FIELD_TYPE.TIME:
        return Field(Column(name, _times, f"SELECT TIME_TO_SEC({name})"), 0, _durations)
    if kind in _DECIMALS:
        scale = told.scale
        digits = told.length - (scale > 0) - (not told.flags & FLAG.UNSIGNED)
        way_out = f"SELECT CAST({name} AS DOUBLE)"
        return Field(Column(name, partial(_decimals, digits, scale), way_out), 0, _texts)
    if kind == FIELD_TYPE.BIT:
        return Field(Column(name, partial(_bits, told.length)), 0, _bytes)
    if told.charsetnr == _BINARY and kind != FIELD_TYPE.JSON:
        return Field(Column(name), 0, _bytes)
    return Field(Column(name), 0, _texts)


def decode(fields: Sequence[Field], data: bytes, starts: Any) -> list[Any]:
    """The values of each column.

    Args:
        fields: The columns.
        data: Rows, with some bytes behind them.
        starts: Where each row begins.
    """
    octets = np.frombuffer(data, np.uint8)
    position = starts + 1 + (len(fields) + 9) // 8
    columns, bits = [], octets[starts + 1]
    for index, field in enumerate(fields):
        place = index + 2
        if not place & 7:
            bits = octets[starts + 1 + place // 8]
        missing = (bits & (1 << (place & 7))) > 0
        mask = missing if missing.any() else None
        if field.width:
            length: Any = field.width
            begin = position
        elif field.read is _nothing:
            length, begin = 0, position
        else:
            length, begin = _lengths(data, octets, position)
        columns.append(field.read(data, begin, length, mask))
        after = begin + length
        position = after if mask is None else np.where(missing, position, after)
    return columns


def _lengths(data: bytes, octets: Any, position: Any) -> tuple[Any, Any]:
    """How long values are that say so, and where they begin."""
    told = octets[position]
    length = told.astype(np.int64)
    begin = position + 1
    for code, dtype, mask, size in (
        (252, "<u2", 2**16 - 1, 2),
        (253, "<u4", 2**24 - 1, 3),
        (254, "<u8", 2**63 - 1, 8),
    ):
        long = np.flatnonzero(told == code)
        if len(long):
            length[long] = _at(data, dtype)[begin[long]].astype(np.int64) & mask
            begin[long] += size
    return length, begin


def _at(data: bytes, dtype: Any) -> Any:
    """The value of a type at each place of the bytes."""
    kind = np.dtype(dtype)
    return np.ndarray((len(data) - kind.itemsize + 1,), kind, data, 0, (1,))


def _numbers(dtype: Any, data: bytes, begin: Any, _length: Any, mask: Any) -> Any:
    return pa.array(_at(data, dtype)[begin], mask=mask, from_pandas=False)


def _nothing(_data: bytes, begin: Any, _length: Any, _mask: Any) -> Any:
    return pa.nulls(len(begin))


def _texts(data: bytes, begin: Any, length: Any, mask: Any) -> Any:
    return _gathered(pa.string(), data, begin, length, mask)


def _bytes(data: bytes, begin: Any, length: Any, mask: Any) -> Any:
    return _gathered(pa.binary(), data, begin, length, mask)


def _gathered(kind: Any, data: bytes, begin: Any, length: Any, mask: Any) -> Any:
    """Bytes from different places, one after the other."""
    if mask is not None:
        length = np.where(mask, 0, length)
    offsets = np.zeros(len(length) + 1, np.int32)
    np.cumsum(length, out=offsets[1:])
    width = int(length[0]) if len(length) else 0
    if width and offsets[-1] == width * len(length) and (length == width).all():
        found = _at(data, f"V{width}")[begin]  # codes and the like
    else:
        places = np.repeat((begin - offsets[:-1]).astype(np.int32), length)
        places += np.arange(offsets[-1], dtype=np.int32)
        found = np.frombuffer(data, np.uint8)[places]
    valid = None if mask is None else pa.array(~mask).buffers()[1]
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(found)]
    return pa.Array.from_buffers(kind, len(length), buffers)


def _moments(data: bytes, begin: Any, length: Any, mask: Any) -> Any:
    """Dates and timestamps in microseconds; what is no date is the smallest number."""
    octets = np.frombuffer(data, np.uint8)
    year, month, day = _at(data, "<u2")[begin], octets[begin + 2], octets[begin + 3]
    real = (length >= 4) & (year < _YEARS) & (month > 0) & (month <= 12) & (day > 0)
    first_days, sizes = _calendar()
    place = np.where(real, year.astype(np.int64) * 12 + month - 1, 0)
    real &= day <= sizes[place]
    moments = (first_days[place] + day - 1) * _DAY + _clock(data, begin + 4, length - 4)
    return pa.array(np.where(real, moments, np.iinfo(np.int64).min), mask=mask)


@cache
def _calendar() -> tuple[Any, Any]:
    """For each month from the year 0 on, its first day counted from 1970, and how many it has."""
    months = np.arange(-1970 * 12, (_YEARS - 1970) * 12 + 1).astype("datetime64[M]")
    first_days = months.astype("datetime64[D]").astype(np.int64)
    return first_days[:-1], np.diff(first_days)


def _durations(data: bytes, begin: Any, length: Any, mask: Any) -> Any:
    """Times in microseconds."""
    some = length >= 8
    days = np.where(some, _at(data, "<u4")[begin + 1].astype(np.int64), 0)
    moments = days * _DAY + _clock(data, begin + 5, length - 5)
    negative = some & (np.frombuffer(data, np.uint8)[begin] == 1)
    return pa.array(np.where(negative, -moments, moments), mask=mask)


def _clock(data: bytes, begin: Any, length: Any) -> Any:
    octets = np.frombuffer(data, np.uint8)
    hours, minutes, seconds = (octets[begin + offset].astype(np.int64) for offset in range(3))
    clock = np.where(length >= 3, ((hours * 60 + minutes) * 60 + seconds) * 1_000_000, 0)
    return clock + np.where(length >= 7, _at(data, "<u4")[begin + 3], 0)


def _booleans(chunks: list[Any]) -> Any:
    """What is declared as a boolean is a small number, which may be another one."""
    array = as_arrow(chunks)
    limits = pc.min_max(array).as_py()
    if limits["min"] is not None and not 0 <= limits["min"] <= limits["max"] <= 1:
        return array
    return array.cast(pa.bool_())


def _dates(chunks: list[Any]) -> Any:
    return pa.chunked_array(
        [pc.divide(part, _DAY).cast(pa.int32()) for part in _real(chunks)], pa.int32()
    ).cast(pa.date32())


def _timestamps(zone: str | None, chunks: list[Any]) -> Any:
    return as_arrow(_real(chunks)).cast(pa.timestamp("us", zone))


def _real(chunks: list[Any]) -> list[Any]:
    for chunk in chunks:
        if pc.min(chunk).as_py() == np.iinfo(np.int64).min:
            raise ValueError("it has a date with no day, month or year, such as 0000-00-00")
    return chunks


def _times(chunks: list[Any]) -> Any:
    array = as_arrow(chunks)
    limits = pc.min_max(array).as_py()
    if limits["min"] is not None and not 0 <= limits["min"] <= limits["max"] < _DAY:
        raise ValueError("it has a time before or beyond those of a day")
    return array.cast(pa.time64("us"))


def _decimals(digits: int, scale: int, chunks: list[Any]) -> Any:
    kind = pa.decimal128(min(max(digits, scale, 1), _DIGITS), min(scale, _DIGITS))
    try:
        array = as_arrow(chunks)
        if digits > _DIGITS:  # Arrow casts a text with too many digits to something else
            array = array.cast(pa.decimal256(_MORE_DIGITS, kind.scale))
        return array.cast(kind)
    except pa.ArrowInvalid as error:
        raise ValueError(f"its numbers have more than {_DIGITS} digits ({error})") from error


def _bits(width: int, chunks: list[Any]) -> Any:
    """One bit is a boolean; several are text."""
    values = [value and int.from_bytes(value, "big") for value in as_arrow(chunks).to_pylist()]
    if width == 1:
        return pa.chunked_array([pa.array([value and bool(value) for value in values], pa.bool_())])
    texts = [None if value is None else f"{value:0{width}b}" for value in values]
    return pa.chunked_array([pa.array(texts, pa.string())])
