"""Warehouses by the SQLAlchemy dialects that their makers give: read and written in rows.

BigQuery and Trino change tables in no transaction that could be taken back, so they are only read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql as typed_mssql

from aqueduct_core.errors import IntegrationError, LossyTypeError, MissingExtraError
from aqueduct_core.integrations._server import ServerIntegration
from aqueduct_core.integrations.alchemy._saves import AlchemyTransaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._base import Transaction

__all__ = ["BigqueryIntegration", "MssqlIntegration", "RedshiftIntegration", "TrinoIntegration"]

mssql: Any = typed_mssql  # its types have no annotations
_KEY = 255  # characters of a text that is a key
_REDSHIFT_TEXT = 65_535  # bytes of a text, at most


class _Dialect(ServerIntegration):
    """A database by the dialect of another package."""

    transactions: type[AlchemyTransaction] | None = None
    package: str

    @cached_property
    def engine(self) -> sa.Engine:
        try:
            return super().engine
        except (ImportError, IntegrationError) as error:
            told = (ImportError, sa.exc.NoSuchModuleError)
            if not isinstance(error, told) and not isinstance(error.__cause__, told):
                raise
            what = f"An integration of kind {self.kind!r}"
            raise MissingExtraError(self.package, self.kind, what) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        if self.transactions is None:
            raise IntegrationError(
                f"{self.name}: an integration of kind {self.kind!r} is only read",
                hint="it has no transaction in which a save could be taken back; save to another",
            )
        with self.connection() as connection:
            with self.explained("begin a transaction"):
                connection.begin()
                transaction = self.transactions(self, connection)
            yield transaction  # leaving the connection takes back what isn't committed
            with self.explained("commit"):
                transaction.finish()
                connection.commit()


class _Read(_Dialect):
    """A database that is only read."""

    def save(self, *_: Any, **__: Any) -> None:
        with self.transaction():  # refuses when the workflow is written
            return

    def drop(self, table_name: str) -> None:
        self.save()


class _MssqlTransaction(AlchemyTransaction):
    def _type(self, data: Any, name: str, keys: Sequence[str] = ()) -> sa.types.TypeEngine[Any]:
        kind, types = data.schema.field(name).type, pa.types
        found: sa.types.TypeEngine[Any] | None = None
        if types.is_string(kind) or types.is_null(kind):
            found = mssql.NVARCHAR(_KEY if name in keys else None)
        elif types.is_binary(kind):
            found = mssql.VARBINARY("max")
        elif types.is_timestamp(kind):  # DATETIME keeps three digits of a second
            found = mssql.DATETIME2(6) if kind.tz is None else mssql.DATETIMEOFFSET(6)
        elif types.is_time(kind):
            found = mssql.TIME(6)
        return found or super()._type(data, name, keys)


class _RedshiftTransaction(AlchemyTransaction):
    def _type(self, data: Any, name: str, keys: Sequence[str] = ()) -> sa.types.TypeEngine[Any]:
        kind, types = data.schema.field(name).type, pa.types
        if types.is_string(kind) or types.is_null(kind):
            return sa.VARCHAR(_REDSHIFT_TEXT)  # TEXT would be one of 256
        if kind == pa.uuid():
            return sa.VARCHAR(36)
        if types.is_binary(kind):
            raise LossyTypeError(
                "bytes are not saved to Redshift",
                path=f"[{name!r}]",
                hint="save them as text, in hexadecimal for example",
            )
        return super()._type(data, name, keys)


class MssqlIntegration(_Dialect):
    """A SQL Server database.

    Args:
        name: What the user calls it.
        host: The server.
        database: The database.
        user: Who connects.
        password: Its password.
        port: Where the server listens.
        encryption: `require`, or `off`; by default what the server wants.
    """

    kind = "mssql"
    package = "pymssql"
    transactions = _MssqlTransaction

    def __init__(
        self,
        name: str,
        *,
        host: str,
        database: str,
        user: str,
        password: str | None = None,
        port: int = 1433,
        encryption: str | None = None,
    ) -> None:
        known: dict[str, JSON] = {"host": host, "port": port, "database": database, "user": user}
        config: dict[str, JSON] = {**known, "password": password, "encryption": encryption}
        super().__init__(name, "mssql+pymssql", config)

    @property
    def connect_settings(self) -> Mapping[str, Any]:
        encryption = self._config.get("encryption")
        return {"login_timeout": 10, **({"encryption": encryption} if encryption else {})}


class RedshiftIntegration(_Dialect):
    """An Amazon Redshift database.

    Args:
        name: What the user calls it.
        host: The cluster's or workgroup's address.
        database: The database.
        user: Who connects.
        password: Its password.
        port: Where the server listens.
        sslmode: `verify-ca` or `verify-full`.
    """

    kind = "redshift"
    package = "redshift_connector"
    transactions = _RedshiftTransaction

    def __init__(
        self,
        name: str,
        *,
        host: str,
        database: str,
        user: str,
        password: str | None = None,
        port: int = 5439,
        sslmode: str = "verify-ca",
    ) -> None:
        known: dict[str, JSON] = {"host": host, "port": port, "database": database, "user": user}
        config: dict[str, JSON] = {**known, "password": password, "sslmode": sslmode}
        super().__init__(name, "redshift+redshift_connector", config)

    @property
    def connect_settings(self) -> Mapping[str, Any]:
        return {"sslmode": self._config["sslmode"], "timeout": 10}


class TrinoIntegration(_Read):
    """A Trino cluster.

    Args:
        name: What the user calls it.
        host: The coordinator.
        catalog: The catalog.
        user: Who connects.
        password: Its password; a connection with one is over TLS.
        port: Where the coordinator listens.
        schema: The schema of tables that are named without one.
    """

    kind = "trino"
    package = "trino"

    def __init__(
        self,
        name: str,
        *,
        host: str,
        catalog: str,
        user: str,
        password: str | None = None,
        port: int = 8080,
        schema: str | None = None,
    ) -> None:
        database = catalog if schema is None else f"{catalog}/{schema}"
        known: dict[str, JSON] = {"host": host, "port": port, "user": user, "password": password}
        super().__init__(name, "trino", {**known, "database": database})
        del self._config["database"]
        self._config |= {"catalog": catalog, **({"schema": schema} if schema else {})}


class BigqueryIntegration(_Read):
    """A BigQuery project.

    Args:
        name: What the user calls it.
        project: The project, which pays for the queries.
        dataset: The dataset of tables that are named without one.
        credentials_path: The file with the key of a service account; by default what the machine is
            logged in as.
        location: Where queries run.
    """

    kind = "bigquery"
    package = "sqlalchemy-bigquery"
    secrets = frozenset()

    def __init__(
        self,
        name: str,
        *,
        project: str,
        dataset: str | None = None,
        credentials_path: str | None = None,
        location: str | None = None,
    ) -> None:
        query = {"credentials_path": credentials_path or "", "location": location or ""}
        super().__init__(name, "bigquery", {"host": project, "database": dataset}, **query)
        given: dict[str, JSON] = {"project": project, "dataset": dataset, **query}
        self._config = {key: value for key, value in given.items() if value}
