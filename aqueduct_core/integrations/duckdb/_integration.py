"""DuckDB, by its own Arrow interface."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import duckdb

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._file import DatabaseFile
from aqueduct_core.integrations._names import TableName, bindable
from aqueduct_core.integrations._results import Result, arrow_chunks
from aqueduct_core.integrations._sql import LEDGER, ColumnInfo, TableInfo
from aqueduct_core.integrations.duckdb._saves import DuckdbTransaction
from aqueduct_core.integrations.duckdb._types import columns_of

if TYPE_CHECKING:
    from aqueduct_core.integrations._base import Transaction
    from aqueduct_core.integrations._statement import Statement

__all__ = ["DuckdbIntegration"]

_PATIENCE = 30.0  # seconds to wait for another program, which has the file for itself
_STEP = 0.02
_BATCH = 30_720  # rows; a quarter of those of a group in the file
_AHEAD = 1 << 20  # bytes of a result that are read before they are asked for
_KEPT = 16 << 20  # bytes of a result after which what was read of the file is forgotten
_KEPT_OF_LARGE = 32 << 20  # the same, of a result that is so large that it makes no difference
# A query names tables of the database, not variables of the code that happens to run it.
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {"python_enable_replacements": "false"}


class DuckdbIntegration(DatabaseFile):
    """A DuckDB database file.

    The file is opened for every query and every save, and closed again: a program that writes to
    it has it for itself, one at a time.

    Args:
        name: What the user calls it.
        path: The file. It is made by the first save if it isn't there.
    """

    kind = "duckdb"

    def tables(self) -> list[str]:
        with self._reading() as connection, self.explained("list its tables"):
            rows = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_catalog = "
                "current_database() AND table_schema = current_schema()"
            ).fetchall()
        return sorted(name for [name] in rows if name != LEDGER)

    def describe(self, table_name: str) -> TableInfo:
        target = TableName.of(table_name)
        with self._reading() as connection, self.explained(f"describe table {table_name!r}"):
            rows = connection.execute(f"DESCRIBE {self.qualified(table_name)}").fetchall()
            found = connection.execute(
                "SELECT estimated_size FROM duckdb_tables() WHERE lower(table_name) = lower(?) "
                "AND database_name = current_database() AND schema_name = "
                "coalesce(?, current_schema())",
                [target.name, target.schema],
            ).fetchall()
        columns = tuple(ColumnInfo(row[0], row[1], row[2] == "YES") for row in rows)
        return TableInfo(table_name, columns, found[0][0] if found else None)

    def drop(self, table_name: str) -> None:
        with self._writing() as connection, self.explained(f"drop table {table_name!r}"):
            connection.execute(f"DROP TABLE IF EXISTS {self.qualified(table_name)}").fetchall()

    def qualified(self, name: str) -> str:
        return TableName.of(name).quoted(self.quote)

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        given = {
            name: bindable(name, value) for name, value in statement.values(parameters).items()
        }
        text = statement.render(lambda name: f"${name}")
        with self._reading() as connection, self.explained("run the query", statement.text):
            self._check(connection, text, statement)
            found = connection.sql(text, params=given)
            columns, casts = columns_of(found.columns, found.types)
            if any(casts):
                names = [f"c{index}" for index in range(len(columns))]
                listed = [
                    cast.format(name) if cast else name
                    for cast, name in zip(casts, names, strict=True)
                ]
                # A line break before the bracket: the query may end in a comment.
                text = f"SELECT {', '.join(listed)} FROM ({text}\n) AS q ({', '.join(names)})"  # noqa: S608 - the user's own
                found = connection.sql(text, params=given)
            reader = found.to_arrow_reader(_BATCH)
            yield Result(self.name, columns, self._chunks(connection, reader, statement))

    def _chunks(self, connection: Any, reader: Any, statement: Statement) -> Iterator[list[Any]]:
        """What the reader gives, perhaps when nobody else explains errors any more."""
        size = total = 0
        with self.explained("read the result", statement.text), connection.cursor() as other:
            for chunk in arrow_chunks(reader):
                came = sum(array.nbytes for array in chunk)
                yield chunk
                size, total = size + came, total + came
                if size >= min(max(_KEPT, total // 8), _KEPT_OF_LARGE):
                    size = 0
                    self._forget(other)

    def _forget(self, connection: Any) -> None:
        """Have DuckDB let go of what it has read: it would keep a file of any size in memory.

        The limit is there for a moment only, in which what can be read again is dropped. A query that
        needs more than that keeps it.
        """
        turn = _turn(self.path)
        if not turn.acquire(blocking=False):
            return  # a save of this process may need memory just now
        try:
            with suppress(duckdb.OutOfMemoryException):
                connection.execute(f"SET memory_limit = '{_KEPT}B'").fetchall()
            connection.execute("RESET memory_limit").fetchall()
        finally:
            turn.release()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._writing() as connection:
            with self.explained("begin a transaction"):
                connection.begin()
            try:
                yield DuckdbTransaction(self, connection)
            except BaseException:
                with suppress(duckdb.Error):  # a full disk, for one, ends the database itself
                    connection.rollback()
                raise
            with self.explained("commit"):
                connection.commit()

    def _check(self, connection: Any, text: str, statement: Statement) -> None:
        """See that it is one query: more would be run, too."""
        found = connection.extract_statements(text)
        if [item.type for item in found] != [duckdb.StatementType.SELECT]:
            raise IntegrationError(
                f"{self.name}: this is not one query\n{statement.text}",
                hint="sql() takes a SELECT; save() writes",
            )

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """A connection on which nothing can be written."""
        self.check_folder()
        there = self.path.exists()
        with self._open(read_only=True) if there else duckdb.connect(config=_SETTINGS) as opened:
            opened.execute("SET TimeZone = 'UTC'").fetchall()
            opened.execute(f"SET streaming_buffer_size = '{_AHEAD}B'").fetchall()
            # Beside a save in the same process the file can only be opened like the save has it.
            opened.execute("BEGIN TRANSACTION READ ONLY").fetchall()
            yield opened

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A connection for one writer at a time."""
        self.check_folder()
        turn = _turn(self.path)
        if not turn.acquire(timeout=_PATIENCE):
            raise self._taken("another save of this process")
        try:
            with self._open(read_only=False) as opened:
                opened.execute("SET TimeZone = 'UTC'").fetchall()
                yield opened
        finally:
            turn.release()

    def _open(self, *, read_only: bool) -> Any:
        """A connection, when no other program has the file for itself."""
        deadline = time.monotonic() + _PATIENCE
        with self.explained("open the database"):
            while True:
                try:
                    return duckdb.connect(self.path, read_only=read_only, config=_SETTINGS)
                except (duckdb.IOException, duckdb.ConnectionException) as error:
                    if isinstance(error, duckdb.ConnectionException):
                        read_only = False if read_only else read_only
                    elif "lock" not in str(error):
                        raise
                    if time.monotonic() > deadline:
                        raise self._taken(str(error)) from error
                time.sleep(_STEP)

    def _taken(self, by: str) -> IntegrationError:
        return IntegrationError(
            f"{self.name} ({self.path}) is in use: {by}",
            hint="DuckDB lets one program write at a time; close the other one",
        )

    @contextmanager
    def explained(self, what: str, text: str = "") -> Iterator[None]:
        """Tell errors of DuckDB in terms of the integration."""
        try:
            yield
        except duckdb.Error as error:
            raise IntegrationError(
                f"{self.name} ({self.path}) could not {what}: {error}" + (text and f"\n{text}"),
                hint=_advice(str(error), self.name),
            ) from error


def _advice(said: str, name: str) -> str:
    if "does not exist" in said:
        return f"tables() lists what is there: client.integration({name!r}).tables()"
    if "read-only" in said:
        return "queries only read; save() writes, if the file may be written"
    if "not a valid DuckDB" in said:
        return "the file is something else; check the path"
    return "check the query and the database"


_turns: WeakValueDictionary[Path, Any] = WeakValueDictionary()
_turns_lock = Lock()


class _Turn:
    """A lock that can be forgotten when nobody holds it."""

    __slots__ = ("__weakref__", "acquire", "release")

    def __init__(self) -> None:
        lock = Lock()
        self.acquire, self.release = lock.acquire, lock.release


def _turn(path: Path) -> Any:
    """The lock of one file in this process."""
    with _turns_lock:
        return _turns.setdefault(path, _Turn())
