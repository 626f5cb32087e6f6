"""Saves through SQLAlchemy, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName
from aqueduct_core.integrations._saves import TableTransaction, no_column, refuse_present
from aqueduct_core.integrations._sql import LEDGER
from aqueduct_core.integrations._types import accepts, column_type, has_room

if TYPE_CHECKING:
    from aqueduct_core.integrations.alchemy._integration import AlchemyIntegration

__all__ = ["AlchemyTransaction"]

_BATCH = 10_000  # rows in one call of the driver


class AlchemyTransaction(TableTransaction):
    """Saves into one database; readers see all of them or none where DDL is transactional.

    Args:
        integration: The database.
        connection: A connection of its own, which the caller commits.
    """

    def __init__(self, integration: AlchemyIntegration, connection: sa.Connection) -> None:
        self.integration = integration
        self.connection = connection
        self.dialect = integration.engine.dialect.name

    def check_names(self, names: Sequence[str]) -> None:
        """See that the database keeps names as they are; most tell it themselves."""

    def finish(self) -> None:
        """What is left to do before the commit."""

    def _database(self) -> AlchemyIntegration:
        return self.integration

    def _write(self, table_name: str, mode: str, data: Any, keys: Sequence[str]) -> None:
        target = TableName.of(table_name)
        self.check_names([target.schema or "", target.name, *data.column_names])
        columns = self._existing(target, mode)
        if columns is None:
            self.create(target, data, keys)
            self.load(target, data)
        elif mode == "replace":
            self.replace(target, data, columns)
        else:
            self._check(target, data, columns)
            if mode == "append":
                self.load(target, data)
            else:
                self.merge(target, data, keys)

    def _existing(
        self, target: TableName, mode: str
    ) -> Mapping[str, sa.types.TypeEngine[Any]] | None:
        """The columns of a table that is there."""
        inspector = sa.inspect(self.connection)
        is_view = target.name in inspector.get_view_names(target.schema)
        if not is_view and not inspector.has_table(target.name, target.schema):
            return None
        refuse_present(self.integration.name, target.name, mode, is_view=is_view)
        columns = inspector.get_columns(target.name, target.schema)
        return {column["name"]: column["type"] for column in columns}

    def _check(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        """See that the table's columns keep the values as they are."""
        for name, kind in zip(data.column_names, data.schema.types, strict=True):
            if name not in columns:
                raise no_column(target.name, name, columns)
            if not accepts(columns[name], kind) or not has_room(columns[name], data[name]):
                raise IntegrationError(
                    f"column {name!r} of table {target.name!r} is {columns[name]!r}, which would "
                    f"change or refuse values of type {kind}",
                    hint='convert the column first; mode="replace" makes a new table',
                )

    def _same_columns(self, data: Any, columns: Mapping[str, Any]) -> bool:
        """Whether a new table would have the same columns as the old one."""
        if list(columns) != data.column_names:
            return False
        dialect = self.integration.engine.dialect
        if any(isinstance(kind, sa.types.NullType) for kind in columns.values()):
            return False
        return all(
            columns[name].compile(dialect) == self._type(data, name).compile(dialect)
            for name in data.column_names
        )

    def _type(self, data: Any, name: str, keys: Sequence[str] = ()) -> sa.types.TypeEngine[Any]:
        kind = data.schema.field(name).type
        return column_type(kind, f"[{name!r}]", self.dialect, key=name in keys)

    def create(self, target: TableName, data: Any, keys: Sequence[str] = ()) -> None:
        """Make a table with the columns of the data, and keys as its primary key."""
        self.run(f"CREATE TABLE {self.qualified(target)} ({self.definition(data, keys)})")

    def definition(self, data: Any, keys: Sequence[str]) -> str:
        quote, dialect = self.integration.quote, self.integration.engine.dialect
        defined = [
            f"{quote(name)} {self._type(data, name, keys).compile(dialect)}"
            for name in data.column_names
        ]
        if keys:
            defined.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
        return ", ".join(defined)

    def replace(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        """Put the data in place of a table; one with the same columns keeps its indexes."""
        if self._same_columns(data, columns):
            self.run(f"DELETE FROM {self.qualified(target)}")  # noqa: S608 - quoted
        else:
            self.run(f"DROP TABLE {self.qualified(target)}")
            self.create(target, data)
        self.load(target, data)

    def load(self, target: TableName, data: Any) -> None:
        """Add rows to a table."""
        columns = [sa.column(name, self._type(data, name)) for name in data.column_names]
        insert = sa.insert(sa.table(target.name, *columns, schema=target.schema))
        for batch in data.to_batches(_BATCH):
            if batch.num_rows:
                self.connection.execute(insert, batch.to_pylist())

    def merge(self, target: TableName, data: Any, keys: Sequence[str]) -> None:
        """Change the rows with the same keys, and add the others."""
        staging = TableName("aqueduct_staging", target.schema)
        self.run(f"DROP TABLE IF EXISTS {self.qualified(staging)}")
        self.create(staging, data, keys)
        self.load(staging, data)
        self.merge_from(self.qualified(staging), target, data.column_names, keys)
        self.run(f"DROP TABLE {self.qualified(staging)}")

    def merge_from(
        self, staging: str, target: TableName, names: Sequence[str], keys: Sequence[str]
    ) -> None:
        """Merge a table that has been loaded, by SQL that every database knows."""
        quote, into = self.integration.quote, self.qualified(target)
        same = " AND ".join(f"{into}.{quote(key)} = {staging}.{quote(key)}" for key in keys)
        others = [quote(name) for name in names if name not in keys]
        if others:
            new = (f"(SELECT {staging}.{name} FROM {staging} WHERE {same})" for name in others)  # noqa: S608 - quoted
            changes = ", ".join(
                f"{name} = {value}" for name, value in zip(others, new, strict=True)
            )
            self.run(f"UPDATE {into} SET {changes} WHERE EXISTS (SELECT 1 FROM {staging} WHERE {same})")  # noqa: S608 - quoted  # fmt: skip
        self.insert_missing(staging, target, names, same)

    def insert_missing(
        self, staging: str, target: TableName, names: Sequence[str], same: str
    ) -> None:
        into, columns = self.qualified(target), ", ".join(map(self.integration.quote, names))
        self.run(
            f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {staging} "  # noqa: S608 - quoted
            f"WHERE NOT EXISTS (SELECT 1 FROM {into} WHERE {same})"
        )

    def qualified(self, target: TableName) -> str:
        return target.quoted(self.integration.quote)

    def run(self, text: str) -> None:
        self.integration.execute(self.connection, text).close()

    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before."""
        if once is None:
            return None
        if not sa.inspect(self.connection).has_table(LEDGER):
            self.create_ledger()
        found = self.connection.execute(
            sa.select(_ledger.c.saved).where(_ledger.c.id == once)
        ).scalar()
        return None if found is None else int(found)

    def create_ledger(self) -> None:
        _ledger.create(self.connection, checkfirst=True)

    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        if once is not None:
            known = {"id": once, "table_name": table_name[:255], "saved": rows}
            self.connection.execute(sa.insert(_ledger), known)


_ledger = sa.Table(
    LEDGER,
    sa.MetaData(),
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("table_name", sa.String(255)),
    sa.Column("saved", sa.BigInteger),
)
