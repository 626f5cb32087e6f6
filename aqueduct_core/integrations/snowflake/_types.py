"""What Snowflake's types become, and how values of Arrow types get there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import LossyTypeError
from aqueduct_core.integrations._results import Column

__all__ = ["Written", "accepts", "column_of", "given_name", "stored_name", "written"]

FIXED, REAL, TEXT, DATE, BINARY, TIME, BOOLEAN = 0, 1, 2, 3, 11, 12, 13
ZONED, PLAIN_TIMESTAMP = (4, 6, 7), 8
_DIGITS = {1: 3, 2: 5, 4: 10, 8: 19}  # of integers, by their bytes
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
_FOLDED = re.compile(r"[A-Z_][A-Z0-9_$]*")


def stored_name(name: str) -> str:
    """The name that Snowflake keeps: what is written without quotes is in capitals there."""
    return name.upper() if _PLAIN.fullmatch(name) else name


def given_name(name: str) -> str:
    """The name for one that Snowflake keeps: what needs no quotes is in small letters."""
    return name.lower() if _FOLDED.fullmatch(name) else name


@dataclass(frozen=True, slots=True)
class Written:
    """How values get into a table.

    Attributes:
        declared: The type of a new column for them.
        staged: The type of the column that they are sent to.
        cast: What makes the one of the other, with `{}` for the value.
        send: Makes what is sent.
    """

    declared: str
    staged: str
    cast: str = "{}"
    send: Callable[[Any], Any] = lambda array: array


def written(kind: Any, path: str) -> Written:  # noqa: C901 - a table of cases
    """How values of an Arrow type are written.

    Numbers, booleans and text are sent as they are, everything else as text: that says what is
    meant whatever the settings of the account and of the file are.

    Raises:
        LossyTypeError: There is no type for them.
    """
    types = pa.types
    if types.is_boolean(kind):
        return Written("BOOLEAN", "BOOLEAN")
    if kind == pa.uint64():
        return Written("NUMBER(20, 0)", "VARCHAR", "TO_NUMBER({}, 20, 0)", _text)
    if types.is_integer(kind):
        width = kind.bit_width // 8 * (1 if types.is_signed_integer(kind) else 2)
        number = f"NUMBER({_DIGITS[min(width, 8)]}, 0)"
        return Written(number, number, send=lambda array: array.cast(pa.int64()))
    if types.is_floating(kind):
        return Written("FLOAT", "FLOAT", send=lambda array: array.cast(pa.float64()))
    if types.is_decimal(kind) and 0 <= kind.scale <= kind.precision <= 38:
        size = f"{kind.precision}, {kind.scale}"
        return Written(f"NUMBER({size})", "VARCHAR", f"TO_NUMBER({{}}, {size})", _plain_decimals)
    if types.is_string(kind) or types.is_null(kind):
        return Written("VARCHAR", "VARCHAR", send=_text)
    if types.is_binary(kind):
        return Written("BINARY", "VARCHAR", "TO_BINARY({}, 'HEX')", _hex)
    if types.is_date(kind):
        return Written("DATE", "VARCHAR", "TO_DATE({})", _text)
    if types.is_time(kind):
        return Written("TIME(6)", "VARCHAR", "TO_TIME({})", _text)
    if types.is_timestamp(kind):
        if kind.tz is None:
            return Written("TIMESTAMP_NTZ(6)", "VARCHAR", "TO_TIMESTAMP_NTZ({})", _text)
        return Written("TIMESTAMP_TZ(6)", "VARCHAR", "CAST({} AS TIMESTAMP_TZ(6))", _zoned)
    if kind == pa.uuid():
        return Written("VARCHAR(36)", "VARCHAR", send=_texts)
    raise LossyTypeError(
        f"Snowflake has no type for {kind}",
        path=path,
        hint="convert the column to numbers or text in an @op before it is saved",
    )


def accepts(column: Any, kind: Any) -> bool:
    """Whether a column keeps values of an Arrow type as they are.

    Args:
        column: What the driver tells of it.
        kind: The Arrow type.
    """
    types, code = pa.types, column.type_code
    if types.is_null(kind):
        return True
    if types.is_boolean(kind):
        return bool(code == BOOLEAN)
    if types.is_integer(kind):
        return bool(code == FIXED or (code == REAL and kind.bit_width <= 32))
    if types.is_floating(kind):
        return bool(code == REAL)
    if types.is_decimal(kind):
        return bool(code == FIXED and column.scale >= kind.scale)
    if types.is_binary(kind):
        return bool(code == BINARY)
    if types.is_date(kind):
        return bool(code == DATE)
    if types.is_time(kind):
        return bool(code == TIME)
    if types.is_timestamp(kind):
        return bool(code == PLAIN_TIMESTAMP if kind.tz is None else code in ZONED)
    return bool(code == TEXT)


def column_of(told: Any) -> Column:
    """A column of a result, by what the driver tells of it."""
    name = given_name(told.name)
    way_out = f"SELECT {name}::VARCHAR"
    if told.type_code == FIXED:
        scale = told.scale or 0
        settle = partial(_decimals, told.precision or 38, scale) if scale else _integers
        return Column(name, settle, way_out)
    if told.type_code == TIME:
        return Column(name, _times, way_out)
    if told.type_code in ZONED:
        return Column(name, partial(_timestamps, "UTC"), way_out)
    if told.type_code == PLAIN_TIMESTAMP:
        return Column(name, partial(_timestamps, None), way_out)
    if told.type_code == REAL:
        return Column(name, _as(pa.float64()), way_out)
    return Column(name)


def _as(kind: Any) -> Callable[[list[Any]], Any]:
    return lambda chunks: pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)


def _integers(chunks: list[Any]) -> Any:
    """Integers, which come in the smallest type that each chunk needs."""
    try:
        return _as(pa.int64())(chunks)
    except pa.ArrowInvalid:
        return _as(pa.decimal128(38, 0))(chunks)


def _decimals(precision: int, scale: int, chunks: list[Any]) -> Any:
    return _as(pa.decimal128(precision, scale))(chunks)


def _times(chunks: list[Any]) -> Any:
    try:
        return _as(pa.time64("us"))(chunks)
    except pa.ArrowInvalid as error:
        raise ValueError("it has times with more than six digits of a second") from error


def _timestamps(zone: str | None, chunks: list[Any]) -> Any:
    try:
        return _as(pa.timestamp("us", zone))(chunks)
    except pa.ArrowInvalid:
        return _as(pa.timestamp("ns", zone))(chunks)


def _text(array: Any) -> Any:
    return array.cast(pa.string())


def _zoned(array: Any) -> Any:
    texts = array.cast(pa.timestamp("us")).cast(pa.string())
    return pc.binary_join_element_wise(texts, "+00:00", "")


def _plain_decimals(array: Any) -> Any:
    texts = [None if value is None else f"{value:f}" for value in array.to_pylist()]
    return pa.array(texts, pa.string())


def _hex(array: Any) -> Any:
    texts = [None if value is None else value.hex() for value in array.to_pylist()]
    return pa.array(texts, pa.string())


def _texts(array: Any) -> Any:
    return pa.array([value and str(value) for value in array.to_pylist()], pa.string())
