"""Saves into a SQLite file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._columns import Column, affinity, check_keys, columns_of, fits
from aqueduct_core.integrations._saves import (
    TableTransaction,
    merging,
    no_column,
    refuse_present,
)
from aqueduct_core.integrations._sql import LEDGER

if TYPE_CHECKING:
    from aqueduct_core.integrations.sqlite._driver import Connection
    from aqueduct_core.integrations.sqlite._integration import SqliteIntegration

__all__ = ["SqliteTransaction"]

_CHUNK = 100_000  # rows that the driver is given at once
_MOST = 2_000  # columns
_MIXED = {int: pa.int64(), float: pa.float64(), str: pa.string(), bytes: pa.binary()}


@dataclass(frozen=True, slots=True)
class _Data:
    """A table as SQLite takes it."""

    columns: Sequence[Column]

    @property
    def num_rows(self) -> int:
        return len(self.columns[0])


class SqliteTransaction(TableTransaction):
    """Saves into one SQLite file; readers see all of them or none, since DDL is transactional."""

    def __init__(self, integration: SqliteIntegration, connection: Connection) -> None:
        self._integration = integration
        self._connection = connection

    def _database(self) -> SqliteIntegration:
        return self._integration

    def _taken(self, value: Any, keys: Sequence[str]) -> _Data:
        columns = columns_of(value)
        if len(columns) > _MOST:  # the driver could write them, and others could not read them
            raise IntegrationError(
                f"{len(columns)} columns are too many for SQLite, which has up to {_MOST}",
                hint="save some columns, or turn columns into rows: df.melt(...)",
            )
        if keys:
            chosen = {item.name: item.values(0, len(item)) for item in columns if item.name in keys}
            rows = zip(*chosen.values(), strict=True)
            check_keys(keys, [item.name for item in columns], rows)
        return _Data(columns)

    def _write(self, table_name: str, mode: str, data: _Data, keys: Sequence[str]) -> None:
        columns = data.columns
        self._integration.quote(table_name)  # refuses what can be no name
        found = self._connection.ask(
            "SELECT type, name FROM sqlite_master WHERE name = ? COLLATE NOCASE "
            "AND type IN ('table', 'view')",
            table_name,
        )
        if not found:
            self._create(table_name, columns, keys)
        else:
            [(kind, name)] = found
            refuse_present(self._integration.name, name, mode, is_view=kind == "view")
            self._prepare(name, mode, columns)
            if mode == "upsert":
                self._merge(name, columns, keys)
                return
        self._insert(table_name, columns)

    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before."""
        if once is None:
            return None
        self._connection.run(
            f"CREATE TABLE IF NOT EXISTS {LEDGER} (id TEXT PRIMARY KEY, table_name TEXT, saved INTEGER)"
        )
        text = f"SELECT saved FROM {LEDGER} WHERE id = ?"  # noqa: S608 - ours
        found = self._connection.ask(text, once)
        return found[0][0] if found else None

    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        if once is not None:
            text = f"INSERT INTO {LEDGER} VALUES (?, ?, ?)"  # noqa: S608 - ours
            known = {"id": [once], "name": [table_name], "rows": [rows]}
            self._connection.run(text, pa.table(known))

    def _merge(self, name: str, columns: Sequence[Column], keys: Sequence[str]) -> None:
        """Change the rows with the same keys, and add the others."""
        self._connection.run("DROP TABLE IF EXISTS temp.aqueduct_staging")
        self._create("aqueduct_staging", columns, keys, kind="TEMP TABLE")
        self._insert("aqueduct_staging", columns)
        quote, names = self._integration.quote, [item.name for item in columns]
        for text in merging(f"main.{quote(name)}", "temp.aqueduct_staging", names, keys, quote):
            self._connection.run(text)
        self._connection.run("DROP TABLE temp.aqueduct_staging")

    def _prepare(self, name: str, mode: str, columns: Sequence[Column]) -> None:
        if mode in ("append", "upsert"):
            self._check_columns(name, columns)
        else:
            self._connection.run(f"DROP TABLE {self._integration.quote(name)}")
            self._create(name, columns)

    def _create(
        self, name: str, columns: Sequence[Column], keys: Sequence[str] = (), *, kind: str = "TABLE"
    ) -> None:
        quote = self._integration.quote
        defined = [f"{quote(item.name)} {item.declared}".rstrip() for item in columns]
        if keys:
            defined.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
        self._connection.run(f"CREATE {kind} {quote(name)} ({', '.join(defined)})")

    def _check_columns(self, name: str, columns: Sequence[Column]) -> None:
        table = self._connection.ask(f"PRAGMA table_info({self._integration.quote(name)})")
        existing = {row[1].lower(): row[2] for row in table}
        for column in columns:
            declared = existing.get(column.name.lower())
            if declared is None:
                raise no_column(name, column.name, existing)
            if not fits(column.declared, affinity(declared)):
                raise IntegrationError(
                    f"column {column.name!r} of table {name!r} is declared "
                    f"{declared or 'without a type'}, and SQLite would change "
                    f"{column.declared or 'mixed'} values that are put there",
                    hint='convert the column first; mode="replace" makes a new table',
                )

    def _insert(self, name: str, columns: Sequence[Column]) -> None:
        quote = self._integration.quote
        listed = ", ".join(quote(column.name) for column in columns)
        marks = ", ".join("coalesce(?, ?, ?, ?)" if _is_mixed(item) else "?" for item in columns)
        text = f"INSERT INTO {quote(name)} ({listed}) VALUES ({marks})"  # noqa: S608 - quoted
        for start in range(0, len(columns[0]), _CHUNK):
            arrays = [array for item in columns for array in _arrays(item, start)]
            names = [f"p{index}" for index in range(len(arrays))]
            self._connection.run(text, pa.table(arrays, names))


def _is_mixed(column: Column) -> bool:
    return isinstance(column.data, list) and column.declared == ""


def _arrays(column: Column, start: int) -> list[Any]:
    """Some values as arrays that the driver takes; mixed ones as four, of which one has the value."""
    part = column.data[start : start + _CHUNK]
    if not isinstance(part, list):
        plain = pa.types.is_large_string(part.type) or pa.types.is_string_view(part.type)
        return [part.cast(pa.string()) if plain else part]
    if column.declared == "NULL":
        return [pa.nulls(len(part), pa.string())]
    return [
        pa.array([value if type(value) is kind else None for value in part], arrow)
        for kind, arrow in _MIXED.items()
    ]
