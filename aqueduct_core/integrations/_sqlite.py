"""SQLite, through the driver of the standard library.

Its Arrow driver (ADBC) reads three times as fast, but types a column by the first rows it sees: a
number and a text in one column come back as two texts, integers above 2**53 beside a float are
rounded. The standard driver gives every value as it is stored, so it is the one that is used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, inspect
from sqlalchemy.pool import NullPool

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._columns import Column, affinity, check_keys, columns_of, fits
from aqueduct_core.integrations._results import Result
from aqueduct_core.integrations._rows import columns_of_rows, row_chunks
from aqueduct_core.integrations._sql import LEDGER, ColumnInfo, SqlDatabase, TableInfo, saved

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._statement import Statement

__all__ = ["SqliteIntegration"]

_CHUNK = 20_000  # rows in flight between the driver and Arrow
_PATIENCE = 30.0  # seconds to wait for another writer


class SqliteIntegration(SqlDatabase):
    """A SQLite database file.

    Args:
        name: What the user calls it.
        path: The file. It is made by the first save if it isn't there.
    """

    kind = "sqlite"

    def __init__(self, name: str, *, path: str | Path) -> None:
        super().__init__(name)
        if str(path) in ("", ":memory:"):
            raise IntegrationError(
                f"{name}: a database in memory is gone with its connection",
                hint="give the path of a file",
            )
        self.path = Path(path).expanduser().resolve()
        url = URL.create("sqlite", database=str(self.path))
        # Transactions are begun by hand; a connection is as cheap as opening the file.
        settings = {"timeout": _PATIENCE, "isolation_level": None}
        self._engine = create_engine(url, poolclass=NullPool, connect_args=settings)

    def config(self) -> Mapping[str, JSON]:
        return {"path": str(self.path)}

    def tables(self) -> list[str]:
        self._check_folder()
        with self._explained("list its tables"):
            inspector = inspect(self._engine)
            names = [*inspector.get_table_names(), *inspector.get_view_names()]
            return sorted(name for name in names if name != LEDGER)

    def describe(self, table_name: str) -> TableInfo:
        with self._connection() as connection, self._explained(f"describe table {table_name!r}"):
            quoted = self.quote(table_name)
            found = connection.execute(f"PRAGMA table_info({quoted})").fetchall()
            if not found:
                raise IntegrationError(
                    f"{self.name}: no such table: {table_name}",
                    hint=self._advice("no such table"),
                )
            [[rows]] = connection.execute(f"SELECT count(*) FROM {quoted}").fetchall()  # noqa: S608 - quoted
        columns = tuple(ColumnInfo(row[1], row[2], not row[3]) for row in found)
        return TableInfo(table_name, columns, rows)

    def drop(self, table_name: str) -> None:
        with self._connection() as connection, self._explained(f"drop table {table_name!r}"):
            connection.execute(f"DROP TABLE IF EXISTS {self.quote(table_name)}")

    def quote(self, name: str) -> str:
        return str(self._engine.dialect.identifier_preparer.quote_identifier(name))

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        text = statement.render(lambda name: f":{name}")
        given = statement.values(parameters)
        bound = {key: _bindable(key, value) for key, value in given.items()}
        with self._connection() as connection, self._explained("run the query", statement.text):
            declared = _declared_types(connection, statement)
            connection.execute("PRAGMA query_only = ON")  # a query reads, nothing else
            with closing(connection.execute(text, bound)) as cursor:
                if cursor.description is None:
                    raise IntegrationError(
                        f"{self.name}: the statement returns no rows\n{statement.text}",
                        hint="sql() takes a SELECT; save() writes",
                    )
                columns = columns_of_rows([column[0] for column in cursor.description], declared)
                rows = iter(lambda: cursor.fetchmany(_CHUNK), [])
                yield Result(self.name, columns, row_chunks(len(columns), rows))

    @contextmanager
    def transaction(self) -> Iterator[_Transaction]:
        with self._connection() as connection:
            with self._explained("begin a transaction"):
                connection.execute("BEGIN IMMEDIATE")
            try:
                yield _Transaction(self, connection)
            except BaseException:
                connection.rollback()
                raise
            with self._explained("commit"):
                connection.execute("COMMIT")

    def _check_folder(self) -> None:
        if not self.path.parent.is_dir():
            raise IntegrationError(
                f"{self.name}: there is no folder {self.path.parent}",
                hint="check the path, or make the folder",
            )

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        self._check_folder()
        with self._explained("open the database"):
            pooled = self._engine.raw_connection()
        try:
            connection = pooled.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            yield connection
        finally:
            pooled.close()

    @contextmanager
    def _explained(self, what: str, text: str = "") -> Iterator[None]:
        """Tell errors of the driver in terms of the integration."""
        from sqlalchemy.exc import DBAPIError

        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, DBAPIError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            raise IntegrationError(
                f"{self.name} ({self.path}) could not {what}: {cause}" + (text and f"\n{text}"),
                hint=self._advice(str(cause)),
            ) from error

    def _advice(self, reason: str) -> str:
        if "no such table" in reason:
            tables = self.tables()
            return f"the tables are: {', '.join(tables)}" if tables else "the database is empty"
        if "locked" in reason:
            return f"another program writes to it, for longer than {_PATIENCE:.0f} seconds"
        if "readonly" in reason:
            return "queries only read; save() writes, if the file may be written"
        if "not a database" in reason:
            return "the file is something else; check the path"
        return "check the query and the database"


class _Transaction:
    """Saves into one SQLite file; readers see all of them or none, since DDL is transactional."""

    def __init__(self, integration: SqliteIntegration, connection: sqlite3.Connection) -> None:
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
        if keys:
            chosen = {item.name: item.values(0, len(item)) for item in columns if item.name in keys}
            rows = zip(*chosen.values(), strict=True)
            check_keys(keys, [item.name for item in columns], rows)
        with self._integration._explained(f"save table {table_name!r}"):
            before = self._remembered(once)
            if before is not None:
                return saved(table_name, mode, before)
            self._write(table_name, mode, columns, keys)
            self._remember(once, table_name, len(columns[0]))
        return saved(table_name, mode, len(columns[0]))

    def _write(
        self, table_name: str, mode: str, columns: list[Column], keys: Sequence[str]
    ) -> None:
        found = self._connection.execute(
            "SELECT type, name FROM sqlite_master WHERE name = ? COLLATE NOCASE "
            "AND type IN ('table', 'view')",
            (table_name,),
        ).fetchone()
        if found is None:
            self._create(table_name, columns, keys)
        else:
            kind, name = found
            self._prepare(kind, name, mode, columns)
            if mode == "upsert":
                self._merge(name, columns, keys)
                return
        self._insert(table_name, columns)

    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before."""
        if once is None:
            return None
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {LEDGER} (id TEXT PRIMARY KEY, table_name TEXT, saved INTEGER)"
        )
        text = f"SELECT saved FROM {LEDGER} WHERE id = ?"  # noqa: S608 - ours
        row = self._connection.execute(text, (once,)).fetchone()
        return None if row is None else row[0]

    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        if once is not None:
            text = f"INSERT INTO {LEDGER} VALUES (?, ?, ?)"  # noqa: S608 - ours
            self._connection.execute(text, (once, table_name, rows))

    def _merge(self, name: str, columns: list[Column], keys: Sequence[str]) -> None:
        """Change the rows with the same keys, and add the others."""
        quote = self._integration.quote
        self._connection.execute("DROP TABLE IF EXISTS temp.aqueduct_staging")
        self._create("aqueduct_staging", columns, keys, kind="TEMP TABLE")
        self._insert("aqueduct_staging", columns)
        target, names = f"main.{quote(name)}", [quote(item.name) for item in columns]
        same = " AND ".join(f"mine.{quote(key)} = new.{quote(key)}" for key in keys)
        others = [quote(item.name) for item in columns if item.name not in keys]
        if others:
            changes = ", ".join(f"{column} = new.{column}" for column in others)
            text = f"UPDATE {target} AS mine SET {changes} FROM temp.aqueduct_staging AS new"  # noqa: S608 - quoted
            self._connection.execute(f"{text} WHERE {same}")
        listed = ", ".join(names)
        self._connection.execute(
            f"INSERT INTO {target} ({listed}) SELECT {listed} FROM temp.aqueduct_staging AS new "  # noqa: S608 - quoted
            f"WHERE NOT EXISTS (SELECT 1 FROM {target} AS mine WHERE {same})"
        )
        self._connection.execute("DROP TABLE temp.aqueduct_staging")

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
            self._connection.execute(f"DROP TABLE {self._integration.quote(name)}")
            self._create(name, columns)

    def _create(
        self, name: str, columns: list[Column], keys: Sequence[str] = (), *, kind: str = "TABLE"
    ) -> None:
        quote = self._integration.quote
        defined = [f"{quote(item.name)} {item.declared}".rstrip() for item in columns]
        if keys:
            defined.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
        self._connection.execute(f"CREATE {kind} {quote(name)} ({', '.join(defined)})")

    def _check_columns(self, name: str, columns: list[Column]) -> None:
        table = self._connection.execute(f"PRAGMA table_info({self._integration.quote(name)})")
        existing = {row[1].lower(): row[2] for row in table.fetchall()}
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
        marks = ", ".join(repeat("?", len(columns)))
        text = f"INSERT INTO {quote(name)} ({listed}) VALUES ({marks})"  # noqa: S608 - quoted
        for start in range(0, len(columns[0]), _CHUNK):
            rows = zip(*(column.values(start, start + _CHUNK) for column in columns), strict=True)
            self._connection.executemany(text, rows)


def _declared_types(connection: sqlite3.Connection, statement: Statement) -> list[str] | None:
    """The declared type of each result column, empty for computed ones; None if it can't be told.

    The driver doesn't tell, but a view's columns keep the declarations of what they come from.
    """
    view = f"CREATE TEMP VIEW aqueduct_types AS {statement.without_parameters()}"
    try:
        connection.execute(view)
        columns = connection.execute("PRAGMA temp.table_info(aqueduct_types)").fetchall()
    except (sqlite3.Error, sqlite3.Warning):
        return None  # not every statement can be a view; the values are right without it, too
    return [str(column[2]).upper() for column in columns]


def _bindable(name: str, value: Any) -> Any:
    """A parameter's value as SQLite takes it; dates as the text that saves write."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a NumPy scalar
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    raise IntegrationError(
        f"the parameter :{name} is {type(value).__name__}, which SQLite can't compare with",
        hint="bind None, a bool, number, str, bytes, date, time or datetime",
    )
