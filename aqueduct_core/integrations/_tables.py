"""Tables as typed columns on their way into a database, or an error that names the column."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.errors import LossyTypeError, UnserializableError
from aqueduct_core.integrations._columns import check_zones, named_columns
from aqueduct_core.serializers.tables._moments import with_moments

__all__ = ["table_of"]

_PURE = ({int}, {float}, {str}, {bytes}, {bool}, {date}, {time}, {Decimal}, {list})


def table_of(value: Any) -> Any:
    """A table of any library as an Arrow table of plain types.

    Raises:
        IntegrationError: It is no table, or its columns can't be named like this.
        UnserializableError: A value can't be kept; the text names the column.
    """
    columns = named_columns(value)
    return pa.table([_column(name, data) for name, data in columns], [name for name, _ in columns])


def _column(name: str, data: Any) -> Any:
    path = f"[{name!r}]"
    try:
        if isinstance(data, pd.Series) and data.dtype == np.dtype(object):
            return _objects(path, data)
        array = data if isinstance(data, pa.ChunkedArray) else pa.array(data, from_pandas=True)
        return _plain(path, array)
    except UnserializableError:
        raise
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kind = getattr(data, "dtype", None) or getattr(data, "type", None)
        raise UnserializableError(
            f"a column of {kind} can't be kept by the database ({error})",
            path=path,
            hint="convert it to numbers, text, bytes, dates or timestamps first",
        ) from error


def _plain(path: str, array: Any) -> Any:
    """The array in one of the types that there are columns for."""
    kind, types = array.type, pa.types
    if types.is_dictionary(kind):
        return _plain(path, array.cast(kind.value_type))
    if types.is_large_string(kind) or types.is_string_view(kind):
        return array.cast(pa.string())
    if any(test(kind) for test in (types.is_large_binary, types.is_fixed_size_binary)):
        return array.cast(pa.binary())
    if types.is_float16(kind):
        return array.cast(pa.float32())
    if types.is_date64(kind):
        return array.cast(pa.date32())
    if types.is_time(kind):
        return array.cast(pa.time64("us"))
    if types.is_timestamp(kind):
        return array.cast(pa.timestamp("us", "UTC" if kind.tz else None))
    if types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _plain(path, array.cast(pa.list_(kind.value_type)))
    if types.is_list(kind) and not types.is_nested(kind.value_type):
        return array
    kept = (
        types.is_null,
        types.is_boolean,
        types.is_integer,
        types.is_floating,
        types.is_decimal,
        types.is_string,
        types.is_binary,
        types.is_date32,
    )
    if kind == pa.uuid() or any(test(kind) for test in kept):
        return array
    raise LossyTypeError(
        f"the database has no type for {kind}",
        path=path,
        hint="convert the column to numbers or text in an @op before it is saved",
    )


def _objects(path: str, data: Any) -> Any:
    """A column of Python objects, which must be of one type."""
    values = [None if _missing(value) else _native(value) for value in data]
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {UUID}:
        storage = pa.array([value and value.bytes for value in values], pa.binary(16))
        return pa.ExtensionArray.from_storage(pa.uuid(), storage)
    check_zones(path, kinds, values)
    if kinds in _PURE:
        return _plain(path, pa.array(values))
    if kinds == {int, float} and all(
        int(float(value)) == value for value in values if type(value) is int
    ):
        return pa.array(values, pa.float64())
    if kinds == {datetime}:
        return _plain(path, with_moments(pa.array(values), values))
    common = max(kinds, key=lambda kind: sum(type(value) is kind for value in values))
    row, value = next(
        (row, value)
        for row, value in enumerate(values)
        if value is not None and (len(kinds) == 1 or type(value) is not common)
    )
    raise UnserializableError(
        f"a database column can't keep a {type(value).__name__}"
        + ("" if len(kinds) == 1 else f" among values of {common.__name__}"),
        path=f"{path}.iloc[{row}]",
        hint="convert the column to one type: numbers, text, bytes, bool, date, time or datetime",
    )


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _native(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.to_pydatetime() if type(value) is pd.Timestamp and not value.nanosecond else value
