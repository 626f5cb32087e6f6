"""Saves into MySQL and MariaDB, where changes of tables can't be taken back.

Rows that join a table are written in a transaction. A table that is new, or has other columns than
before, is made beside the old one by a second connection. At the end, when nothing but the commit is
left, all these tables get their names in one statement, and lose them again if the commit fails.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pymysql
import sqlalchemy as sa

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName
from aqueduct_core.integrations._saves import mark_of
from aqueduct_core.integrations._sql import LEDGER
from aqueduct_core.integrations.alchemy._saves import AlchemyTransaction
from aqueduct_core.integrations.mysql._load import check_numbers, load, not_allowed
from aqueduct_core.integrations.mysql._socket import MysqlConnection

if TYPE_CHECKING:
    from aqueduct_core.integrations.alchemy._integration import AlchemyIntegration

__all__ = ["STAGING", "MysqlTransaction"]

STAGING = "aqueduct_staging_"
_LOCKS = 30  # seconds to wait for another save into the same table
_COMPUTED = re.compile(
    "(STORED|VIRTUAL|PERSISTENT) GENERATED|^(PERSISTENT|VIRTUAL)$", re.IGNORECASE
)
_PREFIX = 191  # characters of a text that are in an index


class MysqlTransaction(AlchemyTransaction):
    """Saves that readers see together.

    Args:
        integration: The database.
        connection: A connection in a transaction, for rows.
        other: One that commits at once, for tables.
    """

    def __init__(
        self, integration: AlchemyIntegration, connection: sa.Connection, other: sa.Connection
    ) -> None:
        super().__init__(integration, connection)
        self._other = other
        self._new: dict[TableName, TableName] = {}  # a table, and the one that takes its place
        self._old: dict[TableName, TableName] = {}  # a table, and where it went
        self._changed: set[TableName] = set()  # tables that have got rows
        self._ledger = False

    def finish(self) -> None:
        """Show everything."""
        if not self._new:
            self.connection.commit()
            return
        there = sa.inspect(self._other)
        moves = []
        for target, staged in self._new.items():
            if there.has_table(target.name, target.schema):
                self._old[target] = _beside(target)
                moves.append((target, self._old[target]))
            moves.append((staged, target))
        self._rename(moves)
        try:
            self.connection.commit()
        except BaseException:
            self._rename([(after, before) for before, after in reversed(moves)])
            self._old.clear()
            raise
        self._new.clear()
        for old in self._old.values():
            self._define(f"DROP TABLE {self.qualified(old)}")

    def abandon(self) -> None:
        """Leave nothing behind."""
        for connection, work in (
            (self.connection, self.connection.rollback),
            (self._other, self._drop_new),
        ):
            try:
                work()
            except (pymysql.Error, sa.exc.SQLAlchemyError):
                connection.invalidate()  # gone with the server

    def _drop_new(self) -> None:
        for staged in self._new.values():
            self._define(f"DROP TABLE IF EXISTS {self.qualified(staged)}")

    def create(self, target: TableName, data: Any, keys: Sequence[str] = ()) -> None:
        staged = _beside(target)
        self._new[target] = staged
        mark = "" if self.once is None else f"{mark_of(self.once)}{data.num_rows}"
        self._define(
            f"CREATE TABLE {self.qualified(staged)} ({self.definition(data, keys)}) "
            f"ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE {self._collation} "
            f"COMMENT='{mark}'"
        )

    def definition(self, data: Any, keys: Sequence[str]) -> str:
        quote, dialect = self.integration.quote, self.integration.engine.dialect
        # Without NULL old servers give a timestamp that is missing the time of the save.
        defined = [
            f"{quote(name)} {self._type(data, name, keys).compile(dialect)}"
            + (" NOT NULL" if name in keys else " NULL")
            for name in data.column_names
        ]
        if keys:
            defined.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
        return ", ".join(defined)

    def replace(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        before = self._new.pop(target, None)
        self.create(target, data)
        if before is not None:
            self._define(f"DROP TABLE {self.qualified(before)}")
        elif self._columns(target) == self._columns(self._new[target]):
            # The same columns: the table stays, with its indexes and rights.
            self._define(f"DROP TABLE {self.qualified(self._new.pop(target))}")
            self.run(f"DELETE FROM {self.qualified(target)}")  # noqa: S608 - quoted
        elif target in self._changed:
            raise IntegrationError(
                f"table {target.name!r} has got rows in this transaction, and shall have other "
                "columns now",
                hint="save each table once",
            )
        else:
            self._check_references(target)
        self.load(target, data)

    def load(self, target: TableName, data: Any) -> None:
        check_numbers(data)
        staged = self._new.get(target)
        if staged is None:
            self._changed.add(target)
            self._load(self.connection, target, data)
        else:
            self._load(self._other, staged, data)

    def merge(self, target: TableName, data: Any, keys: Sequence[str]) -> None:
        check_numbers(data)
        place = self._new.get(target)
        connection = self.connection if place is None else self._other
        if place is None:
            self._changed.add(target)
            self._wait_for_turn(target)
        self._merge(connection, place or target, data, keys)

    def _merge(
        self, connection: sa.Connection, target: TableName, data: Any, keys: Sequence[str]
    ) -> None:
        quote, into = self.integration.quote, self.qualified(target)
        staging = TableName(f"{STAGING}{uuid4().hex}", target.schema)
        new, names = self.qualified(staging), data.column_names
        columns = ", ".join(map(quote, names))
        indexed = [
            f"{quote(key)}({_PREFIX})" if self._is_long(target, key) else quote(key) for key in keys
        ]
        self._run_on(
            connection,
            f"CREATE TEMPORARY TABLE {new} (INDEX ({', '.join(indexed)})) "  # noqa: S608 - quoted
            f"SELECT {columns} FROM {into} LIMIT 0",
        )
        self._load(connection, staging, data)
        self._check_keys(connection, new, data, keys)
        same = " AND ".join(f"mine.{quote(key)} = new.{quote(key)}" for key in keys)
        changes = ", ".join(
            f"mine.{quote(name)} = new.{quote(name)}" for name in names if name not in keys
        )
        if changes:
            update = f"UPDATE {into} AS mine JOIN {new} AS new ON {same} SET {changes}"  # noqa: S608 - quoted
            self._run_on(connection, update)
        self._run_on(connection, f"DELETE new FROM {new} AS new JOIN {into} AS mine ON {same}")
        self._run_on(connection, f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {new}")  # noqa: S608 - quoted
        self._run_on(connection, f"DROP TEMPORARY TABLE {new}")

    def _check_keys(
        self, connection: sa.Connection, new: str, data: Any, keys: Sequence[str]
    ) -> None:
        """The table may take two texts for the same that differ in case or accents."""
        if not any(pa.types.is_string(data.schema.field(key).type) for key in keys):
            return
        listed = ", ".join(map(self.integration.quote, keys))
        text = f"SELECT {listed} FROM {new} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - quoted
        cursor = self.integration.execute(connection, text)
        if (row := cursor.fetchone()) is not None:
            raise IntegrationError(
                f"two rows have the same keys {', '.join(map(repr, keys))} by the rules of the "
                f"table: {row!r}",
                hint="its collation takes case, accents or spaces at the end for the same",
            )
        cursor.close()

    def _existing(
        self, target: TableName, mode: str
    ) -> Mapping[str, sa.types.TypeEngine[Any]] | None:
        staged = self._new.get(target)
        found = super()._existing(target if staged is None else staged, mode)
        if found is None:
            return None
        if staged is None:
            self._check_engine(target)
        # SQLAlchemy gives names as they are quoted.
        return {name.replace("``", "`"): kind for name, kind in found.items()}

    def _check(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        super()._check(target, data, columns)
        text = (
            "SELECT column_name, is_nullable, extra FROM information_schema.columns "
            "WHERE table_name = :name AND table_schema = coalesce(:schema, database())"
        )
        found = self._told(self._new.get(target, target), text)
        for name, is_nullable, extra in found:
            if name not in data.column_names:
                continue
            # It would compute these anew, and make the moment of the save of a moment that is missing.
            made = _COMPUTED.search(extra)
            missing = is_nullable == "NO" and "auto_increment" not in extra.lower()
            if made or (missing and data[name].null_count):
                raise IntegrationError(
                    f"column {name!r} of table {target.name!r} "
                    + ("is computed from others" if made else "takes no NULL"),
                    hint="leave the column out" + ("" if made else ", or give each row a value"),
                )

    def _check_engine(self, target: TableName) -> None:
        """Rows of some kinds of tables can't be taken back."""
        text = (
            "SELECT t.engine FROM information_schema.tables AS t JOIN information_schema.engines "
            "AS e ON e.engine = t.engine WHERE e.transactions = 'NO' AND t.table_name = :name "
            "AND t.table_schema = coalesce(:schema, database())"
        )
        engine = self._told(target, text).scalar()
        if engine is not None:
            raise IntegrationError(
                f"table {target.name!r} is one of {engine}, which knows no transactions",
                hint=f"ALTER TABLE {self.qualified(target)} ENGINE=InnoDB",
            )

    def _check_references(self, target: TableName) -> None:
        """A table could not be dropped any more, when the new one has taken its place."""
        text = (
            "SELECT table_name FROM information_schema.key_column_usage "
            "WHERE referenced_table_name = :name "
            "AND referenced_table_schema = coalesce(:schema, database()) "
            "AND (table_name, table_schema) <> (referenced_table_name, referenced_table_schema) LIMIT 1"
        )
        other = self._told(target, text).scalar()
        if other is not None:
            raise IntegrationError(
                f"table {target.name!r} has other columns than what is saved, and can't be replaced: "
                f"a foreign key of table {other!r} refers to it",
                hint="save the columns that it has, or drop the foreign key",
            )

    def _columns(self, target: TableName) -> list[Any]:
        text = (
            "SELECT column_name, column_type, collation_name FROM information_schema.columns "
            "WHERE table_name = :name AND table_schema = coalesce(:schema, database()) "
            "ORDER BY ordinal_position"
        )
        return [tuple(row) for row in self._told(target, text)]

    def _told(self, target: TableName, text: str) -> Any:
        """What the server says of a table, which `:name` and `:schema` name."""
        given = {"name": target.name, "schema": target.schema}
        return self._other.execute(sa.text(text), given)

    def _is_long(self, target: TableName, key: str) -> bool:
        """Whether a key can't be in an index whole."""
        kind = {name: kind for name, kind, _ in self._columns(target)}[key].lower()
        size = kind.partition("(")[2].rstrip(")")
        return "text" in kind or "blob" in kind or (kind.startswith("var") and int(size) > _PREFIX)

    def _type(self, data: Any, name: str, keys: Sequence[str] = ()) -> sa.types.TypeEngine[Any]:
        if data.schema.field(name).type == pa.uuid():
            return sa.CHAR(36)
        return super()._type(data, name, keys)

    @property
    def _collation(self) -> str:
        """Texts are the same only if they are equal, as in other databases."""
        dialect: Any = self.integration.engine.dialect
        if dialect.is_mariadb:
            return "utf8mb4_nopad_bin"
        return "utf8mb4_0900_bin" if dialect.server_version_info >= (8, 0, 17) else "utf8mb4_bin"

    def _load(self, connection: sa.Connection, target: TableName, data: Any) -> None:
        names = [self.integration.quote(name) for name in data.column_names]
        driver = connection.connection.driver_connection
        assert isinstance(driver, MysqlConnection)
        try:
            load(driver, self.qualified(target), names, data)
        except pymysql.Error as error:
            if not not_allowed(error):
                raise
            self._insert(connection, target, data)

    def _insert(self, connection: sa.Connection, target: TableName, data: Any) -> None:
        """Add rows where the server takes no data from its clients: several times slower."""
        quote = self.integration.quote
        marks = ", ".join(["%s"] * data.num_columns)
        columns = ", ".join(quote(name).replace("%", "%%") for name in data.column_names)
        into = self.qualified(target).replace("%", "%%")
        text = f"INSERT INTO {into} ({columns}) VALUES ({marks})"  # noqa: S608 - quoted
        cursor: Any = connection.connection.cursor()
        for batch in data.to_batches(_PREFIX):
            values = [_sent(column) for column in batch.columns]
            cursor.executemany(text, list(zip(*values, strict=True)))
        cursor.close()

    def _wait_for_turn(self, target: TableName) -> None:
        """Two saves at once would both add a row that is in neither's sight."""
        name = hashlib.sha256(repr((self.integration.place, target)).encode()).hexdigest()
        found = self.connection.execute(
            sa.text("SELECT get_lock(:name, :patience)"), {"name": name, "patience": _LOCKS}
        )
        if found.scalar() != 1:
            raise IntegrationError(
                f"another save into table {target.name!r} goes on for {_LOCKS} seconds",
                hint="try again when it is done",
            )

    def _remembered(self, once: str | None) -> int | None:
        if once is None:
            return None
        if not self._ledger:
            self._define(
                f"CREATE TABLE IF NOT EXISTS {LEDGER} (id VARCHAR(100) PRIMARY KEY, "
                "table_name VARCHAR(255), saved BIGINT) ENGINE=InnoDB CHARACTER SET utf8mb4 "
                f"COLLATE {self._collation}"
            )
            self._ledger = True
        known = super()._remembered(once)
        return self._marked(once) if known is None else known

    def _marked(self, once: str) -> int | None:
        """What was shown just before its transaction was lost with the server, or this process."""
        text = sa.text(
            "SELECT table_comment FROM information_schema.tables WHERE table_schema = database() "
            "AND left(table_comment, :length) = :mark AND left(table_name, :width) <> :staging"
        )
        mark = mark_of(once)
        given = {"length": len(mark), "mark": mark, "width": len(STAGING), "staging": STAGING}
        found = self._other.execute(text, given).scalar()
        return None if found is None else int(str(found).rpartition(":")[2])

    def _rename(self, moves: Sequence[tuple[TableName, TableName]]) -> None:
        listed = [f"{self.qualified(one)} TO {self.qualified(two)}" for one, two in moves]
        self._define(f"RENAME TABLE {', '.join(listed)}")

    def _define(self, text: str) -> None:
        self._run_on(self._other, text)

    def _run_on(self, connection: sa.Connection, text: str) -> None:
        self.integration.execute(connection, text).close()


def _beside(target: TableName) -> TableName:
    return TableName(f"{STAGING}{uuid4().hex}", target.schema)


def _sent(column: Any) -> list[Any]:
    if column.type == pa.uuid():
        return [value and str(value) for value in column.to_pylist()]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"))
    values: list[Any] = column.to_pylist()
    return values
