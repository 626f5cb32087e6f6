"""Saves into DuckDB, whose DDL is transactional, from Arrow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName
from aqueduct_core.integrations._saves import (
    TableTransaction,
    merging,
    no_column,
    refuse_present,
)
from aqueduct_core.integrations._sql import LEDGER
from aqueduct_core.integrations.duckdb._types import accepts, declared, fits_precision

if TYPE_CHECKING:
    from aqueduct_core.integrations.duckdb._integration import DuckdbIntegration

__all__ = ["DuckdbTransaction"]

_DATA = "aqueduct_data"  # what is being saved, as a view of this connection


class DuckdbTransaction(TableTransaction):
    """Saves into one file; readers see all of them or none."""

    def __init__(self, integration: DuckdbIntegration, connection: Any) -> None:
        self._integration = integration
        self._connection = connection

    def _database(self) -> DuckdbIntegration:
        return self._integration

    def _write(self, table_name: str, mode: str, data: Any, keys: Sequence[str]) -> None:
        self._connection.register(_DATA, data)
        self._put(TableName.of(table_name), mode, data, keys)
        self._connection.unregister(_DATA)

    def _put(self, target: TableName, mode: str, data: Any, keys: Sequence[str]) -> None:
        columns = self._existing(target, mode)
        if columns is None:
            self._create(target, data, keys)
        elif mode == "replace":
            if list(columns.items()) == list(_new_columns(data).items()):
                self._run(f"DELETE FROM {self._qualified(target)}")  # noqa: S608 - quoted
            else:
                self._run(f"DROP TABLE {self._qualified(target)}")
                self._create(target, data)
        else:
            self._check(target, data, columns)
            if mode == "upsert":
                into, quote = self._qualified(target), self._integration.quote
                for text in merging(into, _DATA, data.column_names, keys, quote):
                    self._run(text)
                return
        self._insert(target, data.column_names)

    def _existing(self, target: TableName, mode: str) -> dict[str, str] | None:
        """The columns of a table that is there, and their types."""
        found = self._connection.execute(
            "SELECT table_name, table_type FROM information_schema.tables WHERE "
            "table_catalog = current_database() AND lower(table_name) = lower(?) "
            "AND lower(table_schema) = lower(coalesce(?, current_schema()))",
            [target.name, target.schema],
        ).fetchall()
        if not found:
            return None
        [[name, kind]] = found
        refuse_present(self._integration.name, name, mode, is_view=kind == "VIEW")
        rows = self._connection.execute(f"DESCRIBE {self._qualified(target)}").fetchall()
        return {row[0]: row[1] for row in rows}

    def _check(self, target: TableName, data: Any, columns: Mapping[str, str]) -> None:
        """See that the table's columns keep the values as they are."""
        empty = self._connection.sql(f"SELECT * FROM {self._qualified(target)} LIMIT 0")  # noqa: S608 - quoted
        schema = empty.to_arrow_table().schema
        known = {
            name.lower(): (kind, like)
            for (name, kind), like in zip(columns.items(), schema.types, strict=True)
        }
        for name in data.column_names:
            if name.lower() not in known:
                raise no_column(target.name, name, columns)
            (column, like), values = known[name.lower()], data[name]
            if not accepts(column, like, values.type) or not fits_precision(column, values):
                raise IntegrationError(
                    f"column {name!r} of table {target.name!r} is {column}, which would change or "
                    f"refuse values of type {values.type}",
                    hint='convert the column first; mode="replace" makes a new table',
                )

    def _create(self, target: TableName, data: Any, keys: Sequence[str] = ()) -> None:
        quote = self._integration.quote
        defined = [f"{quote(name)} {kind}" for name, kind in _new_columns(data).items()]
        if keys:
            defined.append(f"PRIMARY KEY ({', '.join(map(quote, keys))})")
        self._run(f"CREATE TABLE {self._qualified(target)} ({', '.join(defined)})")

    def _insert(self, target: TableName, names: Sequence[str]) -> None:
        columns = ", ".join(map(self._integration.quote, names))
        self._run(
            f"INSERT INTO {self._qualified(target)} ({columns}) SELECT {columns} FROM {_DATA}"  # noqa: S608 - quoted
        )

    def _remembered(self, once: str | None) -> int | None:
        """How many rows were saved under this before."""
        if once is None:
            return None
        self._run(
            f"CREATE TABLE IF NOT EXISTS {LEDGER} "
            "(id VARCHAR PRIMARY KEY, table_name VARCHAR, saved BIGINT)"
        )
        text = f"SELECT saved FROM {LEDGER} WHERE id = ?"  # noqa: S608 - ours
        found = self._connection.execute(text, [once]).fetchall()
        return int(found[0][0]) if found else None

    def _remember(self, once: str | None, table_name: str, rows: int) -> None:
        if once is not None:
            text = f"INSERT INTO {LEDGER} VALUES (?, ?, ?)"  # noqa: S608 - ours
            self._connection.execute(text, [once, table_name, rows]).fetchall()

    def _qualified(self, target: TableName) -> str:
        return target.quoted(self._integration.quote)

    def _run(self, text: str) -> None:
        self._connection.execute(text).fetchall()


def _new_columns(data: Any) -> dict[str, str]:
    """The columns of a new table, as DuckDB writes their types."""
    names = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    kinds = [declared(field.type, f"[{field.name!r}]") for field in data.schema]
    listed = [names.get(kind, kind).replace(", ", ",") for kind in kinds]
    return dict(zip(data.column_names, listed, strict=True))
