"""Saves into Snowflake, where changes of tables can't be taken back.

All rows are first sent to a stage and copied into tables of their own. At the end, rows that join a
table are put there in one transaction. A table that is new, or has other columns than before, is made
by a second session when nothing but the commit is left, and is put back if that fails.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from snowflake.connector import errors

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName
from aqueduct_core.integrations._saves import (
    TableTransaction,
    mark_of,
    no_column,
    refuse_present,
)
from aqueduct_core.integrations._sql import LEDGER
from aqueduct_core.integrations.snowflake._types import (
    accepts,
    given_name,
    stored_name,
    written,
)

if TYPE_CHECKING:
    from aqueduct_core.integrations.snowflake._integration import SnowflakeIntegration

__all__ = ["STAGING", "TABLES", "SnowflakeTransaction"]

STAGING = "aqueduct_staging_"
TABLES = (
    "SELECT table_name AS name, table_schema AS place, table_type AS kind "
    "FROM information_schema.tables UNION "
    "SELECT table_name, table_schema, 'VIEW' FROM information_schema.views"
)
_FILE = 64 << 20  # bytes of a table in one file, of which the warehouse copies several at a time


@dataclass(slots=True)
class _Plan:
    """What is left to do at the end.

    Attributes:
        rows: Statements that change rows, and their values.
        tables: The tables to make: the name, the statement, and the copy of what was there.
    """

    rows: list[tuple[str, Any]] = field(default_factory=list)
    tables: list[tuple[str, str, str | None]] = field(default_factory=list)


class SnowflakeTransaction(TableTransaction):
    """Saves that readers see together.

    Args:
        integration: The database.
        connection: A session for rows.
        other: One for tables.
    """

    def __init__(self, integration: SnowflakeIntegration, connection: Any, other: Any) -> None:
        self._integration = integration
        self._connection = connection
        self._other = other
        self._plan = _Plan()
        self._targets: set[TableName] = set()
        self._made: list[str] = []  # tables that are dropped at the end
        self._stage: str | None = None

    def _database(self) -> SnowflakeIntegration:
        return self._integration

    def _write(self, table_name: str, mode: str, data: Any, keys: Sequence[str]) -> None:
        target = TableName.of(table_name)
        self._check_first(target, mode)
        columns = self._existing(target, mode)
        if columns is not None and mode != "replace":
            self._check(target, data, columns)
        self._plan_rows(target, mode, data, keys, columns, self._staged(data))

    def finish(self) -> None:
        """Show everything."""
        if self._plan.rows:
            self._run("BEGIN")
        for text, values in self._plan.rows:
            self._run(text, values)
        done: list[tuple[str, str | None]] = []
        try:
            for name, text, copy in self._plan.tables:
                if copy is not None:
                    self._define(f"CREATE TABLE {copy} CLONE {name}")
                    self._made.append(copy)
                self._define(text)
                done.append((name, copy))
            if self._plan.rows:
                self._run("COMMIT")
        except BaseException:
            for name, copy in reversed(done):
                self._define(
                    f"DROP TABLE {name}"
                    if copy is None
                    else f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {copy}"  # noqa: S608 - quoted
                )
            raise
        self._drop_made()

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(errors.Error):  # gone with the session, perhaps
            self._run("ROLLBACK")
        with suppress(errors.Error):
            self._drop_made()

    def _drop_made(self) -> None:
        for name in self._made:
            self._define(f"DROP TABLE IF EXISTS {name}")
        self._made.clear()

    def _check_first(self, target: TableName, mode: str) -> None:
        if target in self._targets:
            raise IntegrationError(
                f"{self._integration.name} is saving table {target.name!r} already",
                hint='save each table once: mode="replace" and mode="append" see what was there '
                "before the run",
            )
        self._targets.add(target)

    def _existing(self, target: TableName, mode: str) -> dict[str, Any] | None:
        """The columns of a table that is there."""
        found = self._integration.rows(
            self._other,
            f"SELECT kind FROM ({TABLES}) WHERE name = ? AND place = coalesce(?, current_schema())",  # noqa: S608 - ours
            [stored_name(target.name), target.schema and stored_name(target.schema)],
        )
        if not found:
            return None
        is_view = any("VIEW" in kind for [kind] in found)
        refuse_present(self._integration.name, target.name, mode, is_view=is_view)
        cursor = self._other.cursor()
        told = cursor.describe(f"SELECT * FROM {self._qualified(target)}")  # noqa: S608 - quoted
        cursor.close()
        return {given_name(column.name): column for column in told}

    def _check(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        """See that the table's columns keep the values as they are."""
        for name, kind in zip(data.column_names, data.schema.types, strict=True):
            column = columns.get(given_name(stored_name(name)))
            if column is None:
                raise no_column(target.name, name, columns)
            if not accepts(column, kind):
                raise IntegrationError(
                    f"column {name!r} of table {target.name!r} would change or refuse values of "
                    f"type {kind}",
                    hint='convert the column first; mode="replace" makes a new table',
                )

    def _staged(self, data: Any) -> str:
        """The data in a table of its own, in columns C0, C1, ..."""
        staged = self._quote(f"{STAGING}{uuid4().hex}")
        ways = [written(item.type, f"[{item.name!r}]") for item in data.schema]
        names = [f"C{index}" for index in range(len(ways))]
        defined = ", ".join(f"{name} {way.staged}" for name, way in zip(names, ways, strict=True))
        self._define(f"CREATE TABLE {staged} ({defined})")
        self._made.append(staged)
        if not data.num_rows:
            return staged
        if self._stage is None:
            self._stage = self._quote(f"{STAGING}{uuid4().hex}")
            self._define(f"CREATE TEMPORARY STAGE {self._stage}")
        folder = uuid4().hex
        rows = max(1, data.num_rows * _FILE // max(data.nbytes, 1))
        with tempfile.TemporaryDirectory(prefix="aqueduct-") as place:
            if "'" in place:
                raise IntegrationError(
                    f"the folder {place}, where rows are on their way to Snowflake, has a quote in "
                    "its name, which the command that sends them can't have",
                    hint="set TMPDIR to another folder",
                )
            for number, start in enumerate(range(0, data.num_rows, rows)):
                part = data.slice(start, rows).combine_chunks()
                sent = [way.send(_array(part, index)) for index, way in enumerate(ways)]
                path = Path(place) / f"{number}.parquet"
                pq.write_table(pa.table(sent, names), path)
                where = f"@{self._stage}/{folder}"
                self._define(f"PUT 'file://{path}' {where} AUTO_COMPRESS = FALSE OVERWRITE = TRUE")
                path.unlink()
        self._define(
            f"COPY INTO {staged} FROM @{self._stage}/{folder} FILE_FORMAT = (TYPE = PARQUET) "
            "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
        )
        return staged

    def _plan_rows(
        self,
        target: TableName,
        mode: str,
        data: Any,
        keys: Sequence[str],
        columns: Mapping[str, Any] | None,
        staged: str,
    ) -> None:
        into, listed = self._qualified(target), ", ".join(map(self._quote, data.column_names))
        values = [way.cast.format(f"new.C{index}") for index, way in enumerate(_ways(data))]
        source = f"SELECT {', '.join(values)} FROM {staged} AS new"  # noqa: S608 - quoted
        plan = self._plan
        if columns is None or (mode == "replace" and not self._same(target, data)):
            copy = None if columns is None else self._quote(f"{STAGING}{uuid4().hex}")
            plan.tables.append((into, self._definition(into, data, source), copy))
            return
        if mode == "replace":
            plan.rows.append((f"DELETE FROM {into}", None))  # noqa: S608 - quoted
        elif mode == "upsert":
            expressions = dict(zip(data.column_names, values, strict=True))
            same = " AND ".join(f"{into}.{self._quote(key)} = {expressions[key]}" for key in keys)
            changes = ", ".join(
                f"{self._quote(name)} = {value}"
                for name, value in expressions.items()
                if name not in keys
            )
            if changes:
                plan.rows.append((f"UPDATE {into} SET {changes} FROM {staged} AS new WHERE {same}", None))  # noqa: S608 - quoted  # fmt: skip
            source += f" WHERE NOT EXISTS (SELECT 1 FROM {into} WHERE {same})"  # noqa: S608 - quoted
        plan.rows.append((f"INSERT INTO {into} ({listed}) {source}", None))

    def _definition(self, into: str, data: Any, source: str) -> str:
        """The statement that makes a table with its rows."""
        defined = ", ".join(
            f"{self._quote(name)} {way.declared}"
            for name, way in zip(data.column_names, _ways(data), strict=True)
        )
        mark = "" if self.once is None else f" COMMENT = '{mark_of(self.once)}{data.num_rows}'"
        return f"CREATE OR REPLACE TABLE {into} ({defined}){mark} AS {source}"

    def _same(self, target: TableName, data: Any) -> bool:
        """Whether a new table would have the same columns as the old one."""
        rows = self._integration.rows(self._other, f"DESCRIBE TABLE {self._qualified(target)}")
        there = [(row[0], _type(row[1])) for row in rows]
        return there == [
            (stored_name(name), _type(way.declared))
            for name, way in zip(data.column_names, _ways(data), strict=True)
        ]

    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before."""
        if once is None:
            return None
        self._define(
            f"CREATE TABLE IF NOT EXISTS {self._quote(LEDGER)} "
            "(id VARCHAR(100), table_name VARCHAR, saved NUMBER(19, 0))"
        )
        text = f"SELECT saved FROM {self._quote(LEDGER)} WHERE id = ?"  # noqa: S608 - ours
        found = self._integration.rows(self._other, text, [once])
        if found:
            return int(found[0][0])
        # What was shown just before its transaction was lost with this process.
        mark = mark_of(once)
        marked = self._integration.rows(
            self._other,
            "SELECT comment FROM information_schema.tables WHERE startswith(comment, ?) "
            "AND table_schema = current_schema()",
            [mark],
        )
        return int(marked[0][0][len(mark) :]) if marked else None

    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        if once is not None:
            text = f"INSERT INTO {self._quote(LEDGER)} VALUES (?, ?, ?)"  # noqa: S608 - ours
            self._plan.rows.append((text, [once, table_name, rows]))

    def _quote(self, name: str) -> str:
        return self._integration.quote(name)

    def _qualified(self, target: TableName) -> str:
        return target.quoted(self._quote)

    def _run(self, text: str, values: Any = None) -> None:
        self._integration.rows(self._connection, text, values)

    def _define(self, text: str) -> None:
        self._integration.rows(self._other, text)


def _ways(data: Any) -> list[Any]:
    return [written(item.type, f"[{item.name!r}]") for item in data.schema]


def _array(table: Any, index: int) -> Any:
    column = table.column(index)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _type(declared: str) -> str:
    """A type without what is the default of Snowflake."""
    short = declared.replace(" ", "").upper()
    return short.removesuffix("(16777216)").removesuffix("(8388608)")
