"""Tables as columns that SQLite can keep, or an error that names the column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import IntegrationError, LossyTypeError, UnserializableError
from aqueduct_core.integrations._names import is_text
from aqueduct_core.serializers.tables._moments import with_moments

__all__ = [
    "Column",
    "affinity",
    "check_key_columns",
    "check_keys",
    "check_zones",
    "columns_of",
    "fits",
    "named_columns",
]

_YEARS = (-62_167_219_200_000_000, 253_402_300_799_999_999)  # 0000 to 9999, in microseconds
_MIXED = {int, float, str, bytes}


@dataclass(frozen=True, slots=True)
class Column:
    """One column on its way into a table.

    Attributes:
        name: Its name.
        declared: The type that its values are declared as; empty for values of mixed types.
        data: An Arrow array, or a list.
    """

    name: str
    declared: str
    data: Any

    def __len__(self) -> int:
        return len(self.data)

    def values(self, start: int, end: int) -> list[Any]:
        """Some of the values, as the driver takes them."""
        part = self.data[start:end]
        return part if isinstance(part, list) else part.to_pylist()


def columns_of(value: Any) -> list[Column]:
    """The columns of a table of any library, as SQLite takes them.

    Raises:
        IntegrationError: It is no table, or its columns can't be named like this.
        UnserializableError: A value can't be kept; the text names the column.
    """
    return [_column(name, data) for name, data in named_columns(value)]


def named_columns(value: Any) -> list[tuple[str, Any]]:
    """The columns of a table of any library: pandas Series, or Arrow arrays.

    The row labels of a pandas object are saved if they have a name, and left out otherwise.

    Raises:
        IntegrationError: It is no table, or its columns can't be named like this.
    """
    if isinstance(value, pd.Series) and value.name is not None:
        value = value.to_frame()
    if not isinstance(value, pd.DataFrame) and hasattr(value, "collect"):
        value = value.collect()  # a lazy frame of polars
    table = None if isinstance(value, pd.DataFrame) else _arrow(value)
    if isinstance(value, pd.DataFrame):
        levels = enumerate(value.index.names)
        pairs = [
            (name, pd.Series(value.index.get_level_values(level)))
            for level, name in levels
            if name is not None
        ]
        pairs += [(name, value.iloc[:, index]) for index, name in enumerate(value.columns)]
    elif table is not None:
        pairs = list(zip(table.column_names, table.columns, strict=True))
    else:
        raise IntegrationError(
            f"{type(value).__name__} can't be saved to a database: it is no table",
            hint="save a DataFrame or an Arrow table",
        )
    _check_names([name for name, _ in pairs])
    return pairs


def check_keys(keys: Sequence[str], columns: Sequence[str], rows: Iterable[Any]) -> None:
    """See that keys tell rows apart.

    Args:
        keys: The columns that shall.
        columns: All columns.
        rows: The values of the keys.

    Raises:
        IntegrationError: They don't; the text names the keys.
    """
    listed = ", ".join(map(repr, keys))
    for key in keys:
        if key not in columns:
            raise IntegrationError(
                f"the key {key!r} is no column of what is saved",
                hint=f"its columns are {', '.join(columns)}",
            )
    seen = set()
    for row in rows:
        if None in row:
            raise IntegrationError(
                f"a row has no value for all of the keys {listed}",
                hint="leave such rows out, or choose other keys",
            )
        if row in seen:
            raise IntegrationError(
                f"two rows have the same keys {listed}: {row!r}",
                hint="save one row for each; drop_duplicates(subset=keys)",
            )
        seen.add(row)


def check_key_columns(keys: Sequence[str], table: Any) -> None:
    """See that keys of an Arrow table tell its rows apart.

    Raises:
        IntegrationError: They don't; the text names the keys.
    """
    known = [key for key in keys if key in table.column_names]
    chosen = table.select(known)
    for key, kind in zip(known, chosen.schema.types, strict=True):
        if pa.types.is_nested(kind):
            raise IntegrationError(
                f"the key {key!r} has values of type {kind}, which don't tell rows apart",
                hint="choose keys of numbers, text or moments",
            )
    nulls = any(column.null_count for column in chosen.columns)
    if len(known) == len(keys) and not nulls:
        try:
            groups = chosen.group_by(known).aggregate([([], "count_all")])
        except pa.ArrowNotImplementedError:  # a type that Arrow doesn't group by, such as UUID
            groups = None
        if groups is not None:
            twice = groups.filter(pc.greater(groups["count_all"], 1)).select(known).slice(0, 1)
            chosen = pa.concat_tables([twice, twice])
    rows = zip(*(column.to_pylist() for column in chosen.columns), strict=True)
    check_keys(keys, table.column_names, rows)


def affinity(declared: str) -> str:
    """How SQLite converts values in a column that is declared like this."""
    upper = declared.upper()
    if "INT" in upper:
        return "integer"
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if not upper or "BLOB" in upper:
        return "none"
    if any(word in upper for word in ("REAL", "FLOA", "DOUB")):
        return "real"
    return "numeric"


def fits(declared: str, into: str) -> bool:
    """Whether values declared like this stay what they are in a column of another affinity."""
    allowed = {
        "INTEGER": ("integer", "numeric"),
        "BOOLEAN": ("integer", "numeric"),
        "REAL": ("real", "numeric"),
        "TEXT": ("text",),
        "DATE": ("text", "numeric"),
        "TIME": ("text", "numeric"),
        "TIMESTAMP": ("text", "numeric"),
        "BLOB": ("text", "integer", "real", "numeric"),
        "NULL": ("text", "integer", "real", "numeric"),
        "": (),
    }
    return into == "none" or into in allowed[declared]


def _arrow(value: Any) -> Any:
    """A table of any library as one of Arrow; None if it is something else."""
    if not hasattr(value, "__arrow_c_stream__"):
        return None
    try:
        return pa.table(value)
    except pa.ArrowInvalid:  # values without columns, such as a Series that has no name
        return None


def _check_names(names: Sequence[Any]) -> None:
    if not names:
        raise IntegrationError(
            "a table without columns can't be saved to a database", hint="save at least one column"
        )
    seen: dict[str, Any] = {}
    for name in names:
        if not isinstance(name, str) or not name or not is_text(name):
            raise IntegrationError(
                f"{name!r} can't be the name of a column in a database",
                hint="rename the columns: df.columns = [...]",
            )
        if name.lower() in seen:
            raise IntegrationError(
                f"two columns are called {seen[name.lower()]!r} and {name!r}, which is the same "
                "name in a database",
                hint="rename one of them",
            )
        seen[name.lower()] = name


def _column(name: str, data: Any) -> Column:
    path = f"[{name!r}]"
    try:
        if isinstance(data, pd.Series) and data.dtype == np.dtype(object):
            return _objects(name, path, data)
        array = data if isinstance(data, pa.ChunkedArray) else pa.array(data, from_pandas=True)
        return _typed(name, path, array)
    except UnserializableError:
        raise
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        kind = getattr(data, "dtype", None) or getattr(data, "type", None)
        raise UnserializableError(
            f"a column of {kind} can't be kept by the database ({error})",
            path=path,
            hint="convert it to numbers, text, bytes, dates or timestamps first",
        ) from error


def _typed(name: str, path: str, array: Any) -> Column:
    kind = array.type
    types = pa.types
    if types.is_dictionary(kind):
        decoded = array.cast(kind.value_type)
        return _typed(name, path, decoded)
    if types.is_null(kind):
        return Column(name, "NULL", array)
    if types.is_boolean(kind):
        return Column(name, "BOOLEAN", array.cast(pa.int8()))
    if types.is_integer(kind):
        return Column(name, "INTEGER", array.cast(pa.int64()))
    if types.is_floating(kind):
        return Column(name, "REAL", array.cast(pa.float64()))
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return Column(name, "TEXT", array)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return Column(name, "BLOB", array)
    if types.is_date(kind):
        return Column(name, "DATE", array.cast(pa.date32()).cast(pa.string()))
    if types.is_time(kind):
        return Column(name, "TIME", array.cast(pa.string()))
    if types.is_timestamp(kind):
        return Column(name, "TIMESTAMP", _timestamps(path, array))
    raise LossyTypeError(
        f"SQLite has no type for {kind}",
        path=path,
        hint="convert the column to numbers or text in an @op before it is saved",
    )


def _timestamps(path: str, array: Any) -> Any:
    """Timestamps as text that sorts by time: UTC where there is a zone, six digits or nine."""
    zone = "UTC" if array.type.tz else None
    array = array.cast(pa.timestamp(array.type.unit, zone))
    try:
        array = array.cast(pa.timestamp("us", zone))
    except pa.ArrowInvalid:
        if array.type.unit != "ns":
            raise
    if array.type.unit == "us":
        limits = pc.min_max(array.cast(pa.int64())).as_py()
        low, high = limits["min"], limits["max"]
        if low is not None and (low < _YEARS[0] or high > _YEARS[1]):
            raise LossyTypeError(
                "a timestamp lies outside of the years 0000 to 9999",
                path=path,
                hint="SQLite keeps timestamps as text with four digits for the year",
            )
    return array.cast(pa.string())


def _objects(name: str, path: str, data: Any) -> Column:
    """A column of Python objects: of one type, or of mixed ones that SQLite can tell apart."""
    missing = np.asarray(pd.isna(np.asarray(data, dtype=object)))
    values = [None if gone else _plain(value) for value, gone in zip(data, missing, strict=True)]
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return Column(name, "NULL", values)
    check_zones(path, kinds, values)
    if kinds in ({int}, {float}, {str}, {bytes}, {bool}, {date}, {time}):
        return _typed(name, path, pa.array(values))
    if kinds == {datetime}:
        return _typed(name, path, with_moments(pa.array(values), values))
    if kinds <= _MIXED:
        return Column(name, "", values)
    row, value = next(
        (row, value) for row, value in enumerate(values) if type(value) not in {*_MIXED, type(None)}
    )
    raise UnserializableError(
        f"SQLite can't keep a {type(value).__name__}"
        + ("" if len(kinds) == 1 else " beside values of other types"),
        path=f"{path}.iloc[{row}]",
        hint="convert the column to one of: numbers, text, bytes, bool, date, time, datetime",
    )


def check_zones(path: str, kinds: set[type], values: Sequence[Any]) -> None:
    """See that no zone of times or moments would be lost.

    Raises:
        LossyTypeError: One would; the text names the column.
    """
    if kinds == {datetime}:
        if len({value.tzinfo is None for value in values if value is not None}) > 1:
            raise LossyTypeError(
                "timestamps with and without a zone are mixed", path=path, hint="give all a zone"
            )
    elif kinds == {time} and any(value.tzinfo is not None for value in values if value is not None):
        raise LossyTypeError(
            "times of day with a zone can't be kept",
            path=path,
            hint="save them as text, or take the zone away: value.replace(tzinfo=None)",
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value.to_pydatetime() if type(value) is pd.Timestamp and not value.nanosecond else value
