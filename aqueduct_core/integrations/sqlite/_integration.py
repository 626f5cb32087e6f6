"""SQLite, through its Arrow driver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._file import DatabaseFile
from aqueduct_core.integrations._names import bindable
from aqueduct_core.integrations._results import Column, Result, arrow_chunks, extract, read
from aqueduct_core.integrations._sql import LEDGER, ColumnInfo, TableInfo
from aqueduct_core.integrations.sqlite._driver import (
    DRIVER_ERRORS,
    Connection,
    DoubtfulError,
    told,
)
from aqueduct_core.integrations.sqlite._saves import SqliteTransaction

if TYPE_CHECKING:
    from aqueduct_core.integrations._base import Transaction
    from aqueduct_core.integrations._statement import Statement

__all__ = ["SqliteIntegration"]

_CHUNK = 20_000  # rows in flight between the driver and Arrow
_PATIENCE = 30.0  # seconds to wait for another writer
# What SQLite calls columns in a view whose own names are TRUE or FALSE.
_INVENTED = re.compile(r"column\d+")


class SqliteIntegration(DatabaseFile):
    """A SQLite database file.

    Args:
        name: What the user calls it.
        path: The file. It is made by the first save if it isn't there.
    """

    kind = "sqlite"

    def tables(self) -> list[str]:
        with self._connection() as connection, self.explained("list its tables"):
            found = connection.ask(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                "AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
            )
        return sorted(name for [name] in found if name != LEDGER)

    def describe(self, table_name: str) -> TableInfo:
        with self._connection() as connection, self.explained(f"describe table {table_name!r}"):
            quoted = self.quote(table_name)
            found = connection.ask(f"PRAGMA table_info({quoted})")
            if not found:
                raise IntegrationError(
                    f"{self.name}: no such table: {table_name}",
                    hint=self._advice("no such table"),
                )
            [[rows]] = connection.ask(f"SELECT count(*) FROM {quoted}")  # noqa: S608 - quoted
        columns = tuple(ColumnInfo(row[1], row[2], not row[3]) for row in found)
        return TableInfo(table_name, columns, rows)

    def drop(self, table_name: str) -> None:
        with self._connection() as connection, self.explained(f"drop table {table_name!r}"):
            connection.run(f"DROP TABLE IF EXISTS {self.quote(table_name)}")

    def read(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        with suppress(DoubtfulError):
            return read(self._quick_result(statement, parameters))
        return super().read(statement, parameters)

    def extract(self, statement: Statement, parameters: Mapping[str, Any]) -> Any:
        with suppress(DoubtfulError), ExitStack() as held:
            return extract(held.enter_context(self._quick_result(statement, parameters)), held)
        return super().extract(statement, parameters)

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        bound = self._bound(statement, parameters)
        with self._connection() as connection, self.explained("run the query", statement.text):
            shape = connection.shape(statement)
            names = connection.names(statement, bound)
            if not names:
                raise IntegrationError(
                    f"{self.name}: the statement returns no rows\n{statement.text}",
                    hint="sql() takes a SELECT; save() writes",
                )
            if shape is None:
                reader = connection.open(statement, bound, lambda text: text, _CHUNK)
                yield Result(self.name, [Column(name) for name in names], arrow_chunks(reader))
                return
            known = [(name, kind) for name, (_, kind) in zip(names, shape, strict=True)]
            yield connection.exact(self.name, statement, bound, known)

    @contextmanager
    def _quick_result(
        self, statement: Statement, parameters: Mapping[str, Any]
    ) -> Iterator[Result]:
        """The result in the quickest way, which can't read everything."""
        bound = self._bound(statement, parameters)
        with self._connection() as connection:
            try:
                shape = connection.shape(statement)
                if not shape or any(":" in name for name, _ in shape):  # names that repeat
                    raise DoubtfulError(f"{self.name}: the columns can't be told at once")
                if any(_INVENTED.fullmatch(name) for name, _ in shape):
                    names = connection.names(statement, bound)
                    if len(set(names)) < len(names):
                        raise DoubtfulError(f"{self.name}: names repeat")
                    shape = [(name, kind) for name, (_, kind) in zip(names, shape, strict=True)]
                yield connection.quick(self.name, statement, bound, shape)
            except DRIVER_ERRORS as error:
                raise DoubtfulError(
                    f"{self.name} ({self.path}) could not read on: {told(error)}",
                    hint="columns with values of several types need a CAST in the query",
                ) from error

    def _bound(self, statement: Statement, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = statement.values(parameters)
        return {key: _bindable(key, value) for key, value in given.items()}

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._connection() as connection:
            with self.explained("begin a transaction"):
                connection.run("BEGIN IMMEDIATE")
            try:
                yield SqliteTransaction(self, connection)
            except BaseException:
                with suppress(*DRIVER_ERRORS):  # SQLite has taken it back itself after some errors
                    connection.run("ROLLBACK")
                raise
            with self.explained("commit"):
                connection.run("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        self.check_folder()
        with self.explained("open the database"):
            connection = Connection(str(self.path), _PATIENCE)
        with closing(connection):
            yield connection

    @contextmanager
    def explained(self, what: str, text: str = "") -> Iterator[None]:
        """Tell errors of the driver in terms of the integration."""
        try:
            yield
        except DRIVER_ERRORS as error:
            said = told(error)
            raise IntegrationError(
                f"{self.name} ({self.path}) could not {what}: {said}" + (text and f"\n{text}"),
                hint=self._advice(said),
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


def _bindable(name: str, value: Any) -> Any:
    """A parameter's value as SQLite takes it; dates as the text that saves write."""
    value = bindable(name, value)
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
