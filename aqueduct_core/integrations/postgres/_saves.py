"""Saves into PostgreSQL, by COPY."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv
from sqlalchemy.dialects import postgresql

from aqueduct_core.errors import IntegrationError, LossyTypeError
from aqueduct_core.integrations._names import TableName
from aqueduct_core.integrations._saves import merging
from aqueduct_core.integrations.alchemy._saves import AlchemyTransaction
from aqueduct_core.integrations.postgres._copy import HEAD, TAIL, encoded, is_binary

__all__ = ["PostgresTransaction"]

_BATCH = 50_000
_LONGEST = 63  # bytes of a name
_CUT = {
    18: 1,
    19: _LONGEST,
}  # types by oid that cut a text, "char" and name: the bytes that they keep
_OPTIONS = csv.WriteOptions(include_header=False)


class PostgresTransaction(AlchemyTransaction):
    """Saves that readers see together; they are not kept waiting while rows are written."""

    def check_names(self, names: Sequence[str]) -> None:
        for name in names:
            if len(name.encode()) > _LONGEST:  # PostgreSQL would cut it
                raise IntegrationError(
                    f"the name {name!r} is longer than {_LONGEST} bytes, which is what PostgreSQL "
                    "keeps of a name",
                    hint="rename the column, or the table",
                )

    def _check(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        super()._check(target, data, {name: _base(kind) for name, kind in columns.items()})

    def load(self, target: TableName, data: Any) -> None:
        columns = ", ".join(map(self.integration.quote, data.column_names))
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        oids = self._oids(driver, target, data.column_names)
        for name, oid in zip(data.column_names, oids, strict=True):
            if oid in _CUT and (pc.max(pc.binary_length(data[name])).as_py() or 0) > _CUT[oid]:
                raise LossyTypeError(
                    f"PostgreSQL would cut a text to {_CUT[oid]} bytes",
                    path=f"[{name!r}]",
                    hint="give the table's column the type text",
                )
        binary = all(map(is_binary, data.schema.types, oids))
        text = f"COPY {self.qualified(target)} ({columns}) FROM STDIN (FORMAT {'binary' if binary else 'csv'})"
        with driver.cursor() as cursor, cursor.copy(text.encode()) as copy:
            if binary:
                copy.write(HEAD)
                for rows in encoded(data, oids):
                    copy.write(rows)
                copy.write(TAIL)
                return
            written = pa.table([_written(column) for column in data.columns], data.column_names)
            for batch in written.to_batches(_BATCH):
                buffer = pa.BufferOutputStream()
                csv.write_csv(batch, buffer, _OPTIONS)
                copy.write(buffer.getvalue())

    def _oids(
        self, driver: psycopg.Connection[Any], target: TableName, names: Sequence[str]
    ) -> list[int]:
        """The types of a table's columns."""
        found = driver.execute(
            "SELECT attname, atttypid FROM pg_attribute "
            "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
            [self.qualified(target)],
        )
        known = dict(found.fetchall())
        return [int(known[name]) for name in names]

    def replace(self, target: TableName, data: Any, columns: Mapping[str, Any]) -> None:
        if self._same_columns(data, columns):
            # Not TRUNCATE, after which other transactions would see no rows.
            self.run(f"DELETE FROM {self.qualified(target)}")  # noqa: S608 - quoted
            self.load(target, data)
            return
        # The rows go into a table beside it, so that the old one is locked for the swap only.
        new = TableName(f"aqueduct_{uuid4().hex}", target.schema)
        self.create(new, data)
        self.load(new, data)
        self.run(f"DROP TABLE {self.qualified(target)}")
        name = self.integration.quote(target.name)
        self.run(f"ALTER TABLE {self.qualified(new)} RENAME TO {name}")

    def merge(self, target: TableName, data: Any, keys: Sequence[str]) -> None:
        staging, quote = TableName(f"aqueduct_{uuid4().hex}"), self.integration.quote
        columns, new = ", ".join(map(quote, data.column_names)), self.qualified(staging)
        # The columns of the table itself: they take text for JSON, and know which keys are the same.
        self.run(
            f"CREATE TEMP TABLE {new} ON COMMIT DROP AS "  # noqa: S608 - quoted
            f"SELECT {columns} FROM {self.qualified(target)} LIMIT 0"
        )
        self.load(staging, data)
        self.run(f"ALTER TABLE {new} ADD PRIMARY KEY ({', '.join(map(quote, keys))})")
        self.run(f"ANALYZE {new}")
        # Two saves at once would both add a row that is in neither's sight.
        self.run(f"LOCK TABLE {self.qualified(target)} IN SHARE ROW EXCLUSIVE MODE")
        self.merge_from(self.qualified(staging), target, data.column_names, keys)

    def merge_from(
        self, staging: str, target: TableName, names: Sequence[str], keys: Sequence[str]
    ) -> None:
        into = self.qualified(target)
        # As with COPY, what is given for an identity column is taken.
        given = "OVERRIDING SYSTEM VALUE"
        for text in merging(into, staging, names, keys, self.integration.quote, given):
            self.run(text)

    def create_ledger(self) -> None:
        # Two runs may make it at the same time; the second waits here.
        self.run("SELECT pg_advisory_xact_lock(hashtext('aqueduct_saves'))")
        super().create_ledger()

    def run(self, text: str) -> None:
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        driver.execute(text.encode())


def _base(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """What a column takes: a domain what its type does, and what SQLAlchemy doesn't know text."""
    if isinstance(kind, postgresql.DOMAIN):
        return _base(kind.data_type)
    return sa.Text() if isinstance(kind, sa.types.NullType) else kind


def _written(column: Any) -> Any:
    """A column as text that COPY reads, where Arrow's CSV would write something else."""
    kind = column.type
    if pa.types.is_binary(kind):
        return pa.array([_bytes(value) for value in column.to_pylist()], pa.string())
    if kind == pa.uuid():
        texts = [value and str(value) for value in column.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_list(kind):
        return pa.array([_array(value) for value in column.to_pylist()], pa.string())
    return column


def _bytes(value: bytes | None) -> str | None:
    return None if value is None else "\\x" + value.hex()


def _array(values: list[Any] | None) -> str | None:
    return None if values is None else f"{{{','.join(map(_item, values))}}}"


def _item(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        value = "\\x" + value.hex()
    if isinstance(value, bool | UUID):
        return str(value).lower()
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
