"""What DuckDB's types become, and which of its types takes which values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import LossyTypeError
from aqueduct_core.integrations._results import Column, as_arrow

__all__ = ["accepts", "columns_of", "declared", "fits_precision"]

_PLAIN = frozenset(
    [
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "utinyint",
        "usmallint",
        "uinteger",
        "ubigint",
        "float",
        "double",
        "decimal",
        "varchar",
        "blob",
        "date",
        "time",
        "timestamp",
        "timestamp_s",
        "timestamp_ms",
        "timestamp_ns",
        "uuid",
        '"null"',
        "null",
        "hugeint",
        "uhugeint",
    ]
) | {"timestamp with time zone"}
_NESTED = frozenset(["struct", "map", "union", "variant"])
_INFINITE_DAY, _INFINITE_MOMENT, _DAY = 2**31 - 1, 2**63 - 1, 86_400_000_000
_DIGITS = 38  # of a decimal

_NEW = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.null(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.time64("us"): "TIME",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    pa.uuid(): "UUID",
}
_ROOM = {"TIMESTAMP_S": 1_000_000, "TIMESTAMP_MS": 1_000}  # microseconds in the smallest step


def columns_of(names: Sequence[str], types: Sequence[Any]) -> tuple[list[Column], list[str]]:
    """The columns of a result, by their types in the database.

    Returns:
        The columns, and for each what the database is to make of it first, with `{}` for the
        column; empty to leave it.
    """
    way_out = "SELECT {}::VARCHAR, or leave such rows out"
    columns = [
        Column(name, partial(_settle, "UHUGEINT" in str(kind)), way_out.format(name))
        for name, kind in zip(names, types, strict=True)
    ]
    return columns, [_cast(kind) for kind in types]


def declared(kind: Any, path: str) -> str:
    """The type of a new column for values of an Arrow type.

    Raises:
        LossyTypeError: There is none.
    """
    if kind in _NEW:
        return _NEW[kind]
    if pa.types.is_decimal(kind) and 0 <= kind.scale <= kind.precision <= _DIGITS:
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_list(kind):
        return f"{declared(kind.value_type, path)}[]"
    raise LossyTypeError(
        f"DuckDB has no type for {kind}",
        path=path,
        hint="convert the column to numbers or text in an @op before it is saved",
    )


def accepts(column: str, like: Any, kind: Any) -> bool:  # noqa: C901 - a table of cases
    """Whether a column keeps values of an Arrow type as they are.

    Args:
        column: The column's type in the database.
        like: The Arrow type of its values.
        kind: That of the values to be put there.
    """
    types = pa.types
    if types.is_null(kind):
        return True
    if types.is_boolean(kind):
        return bool(types.is_boolean(like))
    if types.is_integer(kind):
        if types.is_floating(like):
            return bool(kind.bit_width <= like.bit_width // 2)
        return bool(types.is_integer(like) or types.is_decimal(like))
    if types.is_floating(kind):
        return bool(types.is_floating(like) and kind.bit_width <= like.bit_width)
    if types.is_decimal(kind):
        return bool(types.is_decimal(like) and like.scale >= kind.scale)
    if types.is_binary(kind):
        return column == "BLOB"
    if types.is_date(kind):
        return column == "DATE"
    if types.is_time(kind):
        return column in ("TIME", "TIME_NS")
    if types.is_timestamp(kind):
        return bool(types.is_timestamp(like) and (like.tz is None) == (kind.tz is None))
    if types.is_list(kind):
        listed = types.is_list(like) or types.is_fixed_size_list(like)
        return listed and accepts(column.rpartition("[")[0], like.value_type, kind.value_type)
    if kind == pa.uuid():
        return column in ("UUID", "VARCHAR")
    # Text: what the database has no plain type for, such as JSON or an interval, it reads from text.
    return column in ("VARCHAR", "JSON", "UUID", "INTERVAL", "BIT") or column.startswith("ENUM")


def fits_precision(column: str, data: Any) -> bool:
    """Whether a column keeps all digits of the seconds."""
    if pa.types.is_list(data.type):
        return fits_precision(column.rpartition("[")[0], pc.list_flatten(data))
    step = _ROOM.get(column)
    if step is None or not pa.types.is_timestamp(data.type):
        return True
    moments = data.cast(pa.int64())
    rest = pc.subtract(moments, pc.multiply(pc.divide(moments, step), step))
    return not pc.any(pc.not_equal(rest, 0)).as_py()


def _cast(kind: Any) -> str:
    if kind.id in ("list", "array"):
        child = kind.children[0][1]
        if child.id in _PLAIN:
            return "{}" + f"::{child}[]" if kind.id == "array" else ""
        return "to_json({})::VARCHAR"
    if kind.id in _NESTED:
        return "to_json({})::VARCHAR"
    return "" if kind.id in _PLAIN else "{}::VARCHAR"


def _any_of(numbers: Any, limit: int) -> bool:
    return bool(pc.any(pc.is_in(numbers, pa.array([limit, -limit], numbers.type))).as_py())


def _settle(is_unsigned: bool, chunks: list[Any]) -> Any:
    """One column, if there is a value for all of its values."""
    array = as_arrow(chunks)
    _check(is_unsigned, array)
    return array


def _check(is_unsigned: bool, array: Any) -> None:
    """Refuse values that Arrow has no value for.

    Args:
        is_unsigned: Whether the database's numbers are not negative: the largest come as if they were.
        array: The values.

    Raises:
        ValueError: There is such a value.
    """
    kind, types = array.type, pa.types
    if types.is_list(kind) or types.is_fixed_size_list(kind):
        _check(is_unsigned, pc.list_flatten(array))
    if types.is_date(kind) and _any_of(array.cast(pa.int32()), _INFINITE_DAY):
        raise ValueError("infinity is no date")
    if types.is_timestamp(kind) and _any_of(array.cast(pa.int64()), _INFINITE_MOMENT):
        raise ValueError("infinity is no timestamp")
    if types.is_time(kind) and (pc.max(array.cast(pa.int64())).as_py() or 0) >= _DAY:
        raise ValueError("24:00:00 is beyond the last time of a day")
    if types.is_decimal(kind) and kind.precision == _DIGITS:
        too_large = f"its numbers have more than {_DIGITS} digits"
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            raise ValueError(too_large) from None
        if is_unsigned and (pc.min(array).as_py() or 0) < 0:
            raise ValueError(too_large)
