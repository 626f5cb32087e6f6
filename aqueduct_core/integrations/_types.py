"""Which type of column takes which type of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy import types as sql
from sqlalchemy.dialects import mysql, postgresql

from aqueduct_core.errors import LossyTypeError

__all__ = ["accepts", "column_type", "has_room", "know_types"]

_KEY_LENGTH = 255  # characters of text that is a key, where text without a limit can't be one

_SAME: Mapping[Any, sql.TypeEngine[Any]] = {
    pa.bool_(): sql.Boolean(),
    pa.int8(): sql.SmallInteger(),
    pa.int16(): sql.SmallInteger(),
    pa.int32(): sql.Integer(),
    pa.int64(): sql.BigInteger(),
    pa.uint8(): sql.SmallInteger(),
    pa.uint16(): sql.Integer(),
    pa.uint32(): sql.BigInteger(),
    pa.uint64(): sql.Numeric(20, 0),
    pa.float32(): sql.REAL().with_variant(mysql.FLOAT(), "mysql", "mariadb"),
    pa.float64(): sql.Double(),
    pa.string(): sql.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"),
    pa.binary(): sql.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb"),
    pa.date32(): sql.Date(),
    pa.time64("us"): sql.Time().with_variant(mysql.TIME(fsp=6), "mysql", "mariadb"),
    pa.timestamp("us"): sql.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
    pa.timestamp("us", "UTC"): sql.DateTime(timezone=True).with_variant(
        mysql.TIMESTAMP(fsp=6), "mysql", "mariadb"
    ),
    pa.uuid(): sql.Uuid(),
    pa.null(): sql.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb"),
}


def column_type(kind: Any, path: str, dialect: str, *, key: bool = False) -> sql.TypeEngine[Any]:
    """The type of a new column.

    Args:
        kind: The Arrow type of its values.
        path: Where they are, for errors.
        dialect: The name of SQLAlchemy's dialect.
        key: Whether it belongs to the primary key.

    Raises:
        LossyTypeError: The database has none.
    """
    if key and dialect in ("mysql", "mariadb") and pa.types.is_string(kind):
        return sql.String(_KEY_LENGTH)
    if kind in _SAME:
        return _SAME[kind]
    if pa.types.is_decimal(kind) and kind.scale >= 0:
        return sql.Numeric(kind.precision, kind.scale)
    if pa.types.is_list(kind) and dialect == "postgresql":
        return postgresql.ARRAY(column_type(kind.value_type, path, dialect))
    raise LossyTypeError(
        f"the database has no type for {kind}",
        path=path,
        hint="convert the column to numbers or text in an @op before it is saved",
    )


def accepts(column: sql.TypeEngine[Any], kind: Any) -> bool:  # noqa: C901 - a table of cases
    """Whether a column of this type keeps values of an Arrow type as they are."""
    types = pa.types
    if types.is_null(kind):
        return True
    if types.is_boolean(kind):
        tiny = isinstance(column, mysql.TINYINT)  # MySQL's only boolean
        return tiny or isinstance(column, sql.Boolean)
    if types.is_integer(kind):
        if isinstance(column, sql.Float):
            return bool(kind.bit_width <= (16 if _single(column) else 32))
        if isinstance(column, sql.Numeric):
            return column.scale is None or column.scale >= 0  # it would round to tens, or hundreds
        return isinstance(column, sql.Integer)
    if types.is_floating(kind):
        # One of MySQL's with digits behind the point rounds to these.
        real = isinstance(column, sql.Float) and getattr(column, "scale", None) is None
        return real and (kind.bit_width == 32 or not _single(column))
    if types.is_decimal(kind):
        if not isinstance(column, sql.Numeric) or isinstance(column, sql.Float):
            return False
        return column.scale is None or bool(column.scale >= kind.scale)
    if types.is_binary(kind):
        return isinstance(column, sql._Binary)
    if types.is_date(kind):
        return isinstance(column, sql.Date)
    if types.is_time(kind):
        return isinstance(column, sql.Time) and not getattr(column, "timezone", False)
    if types.is_timestamp(kind):
        return isinstance(column, sql.DateTime) and _zoned(column) == (kind.tz is not None)
    if types.is_list(kind):
        return isinstance(column, sql.ARRAY) and accepts(column.item_type, kind.value_type)
    if kind == pa.uuid():
        return isinstance(column, sql.Uuid | sql.String)
    # Text: what the database has no plain type for, such as JSON or an address, it reads from text.
    plain = (sql.Integer, sql.Numeric, sql.Float, sql.Boolean, sql.Date, sql.Time, sql.DateTime)
    return not isinstance(column, (*plain, sql._Binary, sql.ARRAY, sql.NullType))


def has_room(column: sql.TypeEngine[Any], data: Any) -> bool:
    """Whether a column keeps all letters of texts, and all digits of the seconds."""
    if isinstance(column, sql.ARRAY):
        return has_room(column.item_type, pc.list_flatten(data)) if data.type != pa.null() else True
    if pa.types.is_string(data.type) and isinstance(column, sql.String):
        return _has_room_for_texts(column, data)
    if not (pa.types.is_timestamp(data.type) or pa.types.is_time(data.type)):
        return True
    digits = getattr(column, "precision", None)
    if isinstance(column, mysql.DATETIME | mysql.TIMESTAMP | mysql.TIME):
        digits = column.fsp or 0
    if digits is None or digits >= 6:
        return True
    step = 10 ** (6 - digits)
    moments = data.cast(pa.int64())
    rest = pc.subtract(moments, pc.multiply(pc.divide(moments, step), step))
    return not pc.any(pc.not_equal(rest, 0)).as_py()


def know_types(engine: sa.Engine, names: str) -> None:
    """Have an engine tell columns of types that SQLAlchemy doesn't know; they take text.

    Args:
        engine: The engine.
        names: The types, separated by spaces.
    """
    dialect: Any = engine.dialect
    dialect.ischema_names = {
        **dialect.ischema_names,
        **{name: _named(name) for name in names.split()},
    }


def _named(name: str) -> type[sql.UserDefinedType[Any]]:
    class Named(sql.UserDefinedType[Any]):
        cache_ok = True

        def get_col_spec(self, **_: Any) -> str:
            return name.upper()

    return Named


def _has_room_for_texts(column: sql.String, data: Any) -> bool:
    if isinstance(column, sql.Enum):  # MySQL takes a text of digits as the place of a value
        return set(pc.unique(data).to_pylist()) <= {*column.enums, None}
    if isinstance(column, mysql.SET):
        found = pc.unique(data).to_pylist()
        parts = {part for value in found if value for part in value.split(",")}
        return parts <= set(column.values)
    if column.length is None:
        return True
    # Databases cut spaces at the end without a word.
    return (pc.max(pc.utf8_length(data)).as_py() or 0) <= column.length


def _zoned(column: sql.DateTime) -> bool:
    return column.timezone or isinstance(column, mysql.TIMESTAMP)


def _single(column: sql.TypeEngine[Any]) -> bool:
    return isinstance(column, sql.REAL) or type(column) is mysql.FLOAT
