"""Saves into a SQLite file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._columns import Column, affinity, check_keys, columns_of, fits
from aqueduct_core.integrations._sql import LEDGER, saved

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations.sqlite._driver import Connection
    from aqueduct_core.integrations.sqlite._integration import SqliteIntegration

__all__ = ["SqliteTransaction"]

_CHUNK = 100_000  # rows that the driver is given at once
_MOST = 2_000  # columns
_MIXED = {int: pa.int64(), float: pa.float64(), str: pa.string(), bytes: pa.binary()}


class SqliteTransaction:
    """Saves into one SQLite file; readers see all of them or none, since DDL is transactional."""

    def __init__(self, integration: SqliteIntegration, connection: Connection) -> None:
        self._integration = integration
        self._connection = connection

    def save(
        self,
        value: Any,
        table_name: str,
        mode: str,
        *,
        keys: Sequence[str] = (),
        once: str | None = None,
    ) -> Mapping[str, JSON]:
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
        with self._integration.explained(f"save table {table_name!r}"):
            before = self._remembered(once)
            if before is not None:
                return saved(table_name, mode, before)
            self._write(table_name, mode, columns, keys)
            self._remember(once, table_name, len(columns[0]))
        return saved(table_name, mode, len(columns[0]))

    def _write(
        self, table_name: str, mode: str, columns: list[Column], keys: Sequence[str]
    ) -> None:
        found = self._connection.ask(
            "SELECT type, name FROM sqlite_master WHERE name = ? COLLATE NOCASE "
            "AND type IN ('table', 'view')",
            table_name,
        )
        if not found:
            self._create(table_name, columns, keys)
        else:
            [(kind, name)] = found
            self._prepare(kind, name, mode, columns)
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

    def _merge(self, name: str, columns: list[Column], keys: Sequence[str]) -> None:
        """Change the rows with the same keys, and add the others."""
        quote = self._integration.quote
        self._connection.run("DROP TABLE IF EXISTS temp.aqueduct_staging")
        self._create("aqueduct_staging", columns, keys, kind="TEMP TABLE")
        self._insert("aqueduct_staging", columns)
        target, names = f"main.{quote(name)}", [quote(item.name) for item in columns]
        same = " AND ".join(f"mine.{quote(key)} = new.{quote(key)}" for key in keys)
        others = [quote(item.name) for item in columns if item.name not in keys]
        if others:
            changes = ", ".join(f"{column} = new.{column}" for column in others)
            text = f"UPDATE {target} AS mine SET {changes} FROM temp.aqueduct_staging AS new"  # noqa: S608 - quoted
            self._connection.run(f"{text} WHERE {same}")
        listed = ", ".join(names)
        self._connection.run(
            f"INSERT INTO {target} ({listed}) SELECT {listed} FROM temp.aqueduct_staging AS new "  # noqa: S608 - quoted
            f"WHERE NOT EXISTS (SELECT 1 FROM {target} AS mine WHERE {same})"
        )
        self._connection.run("DROP TABLE temp.aqueduct_staging")

    def _prepare(self, kind: str, name: str, mode: str, columns: list[Column]) -> None:
        if mode == "fail":
            raise IntegrationError(
                f"{self._integration.name} has a {kind} {name!r} already",
                hint='save with mode="replace" or mode="append"',
            )
        if kind == "view":
            raise IntegrationError(
                f"{self._integration.name}: {name!r} is a view, which can't be saved to",
                hint="save to a table of another name",
            )
        if mode in ("append", "upsert"):
            self._check_columns(name, columns)
        else:
            self._connection.run(f"DROP TABLE {self._integration.quote(name)}")
            self._create(name, columns)

    def _create(
        self, name: str, columns: list[Column], keys: Sequence[str] = (), *, kind: str = "TABLE"
    ) -> None:
        quote = self._integration.quote
        defined = [f"{quote(item.name)} {item.declared}".rstrip() for item in columns]
        if keys:
            defined.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
        self._connection.run(f"CREATE {kind} {quote(name)} ({', '.join(defined)})")

    def _check_columns(self, name: str, columns: list[Column]) -> None:
        table = self._connection.ask(f"PRAGMA table_info({self._integration.quote(name)})")
        existing = {row[1].lower(): row[2] for row in table}
        for column in columns:
            declared = existing.get(column.name.lower())
            if declared is None:
                raise IntegrationError(
                    f"table {name!r} has no column {column.name!r}",
                    hint=f'its columns are {", ".join(existing)}; mode="replace" makes a new table',
                )
            if not fits(column.declared, affinity(declared)):
                raise IntegrationError(
                    f"column {column.name!r} of table {name!r} is declared "
                    f"{declared or 'without a type'}, and SQLite would change "
                    f"{column.declared or 'mixed'} values that are put there",
                    hint='convert the column first; mode="replace" makes a new table',
                )

    def _insert(self, name: str, columns: list[Column]) -> None:
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
