"""MySQL and MariaDB: reads by prepared statements, writes by LOAD DATA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pymysql
import sqlalchemy as sa
from pymysql.constants import CLIENT
from sqlalchemy import event

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName, bindable
from aqueduct_core.integrations._parts import owned
from aqueduct_core.integrations._results import Result
from aqueduct_core.integrations._server import ServerIntegration
from aqueduct_core.integrations._types import know_types
from aqueduct_core.integrations.mysql._decode import decode, field_of
from aqueduct_core.integrations.mysql._saves import STAGING, MysqlTransaction
from aqueduct_core.integrations.mysql._socket import MysqlConnection, unverified
from aqueduct_core.integrations.mysql._wire import prepare

if TYPE_CHECKING:
    from datetime import datetime

    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._base import Transaction
    from aqueduct_core.integrations._statement import Statement

__all__ = ["MariadbIntegration", "MysqlIntegration"]

_PATIENCE = 10  # seconds to wait for the server to answer at all
_BATCH = 4 << 20  # bytes of a result that are handed on together
_LOCKS = 30  # seconds to wait for rows and tables that another transaction holds
_MODES = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"
_SHAPES = "point linestring polygon multipoint multilinestring multipolygon geometrycollection"
_OTHERS = f"inet4 inet6 geometry {_SHAPES}"
_SESSION = (
    f"time_zone = '+00:00', sql_mode = CONCAT(@@sql_mode, ',{_MODES}'), "
    f"lock_wait_timeout = {_LOCKS}, innodb_lock_wait_timeout = {_LOCKS}"
)
_SAFETY: Mapping[str, Mapping[str, Any]] = {
    "disable": {"ssl_disabled": True},
    "prefer": {"ssl_disabled": True, "tries_tls": True},
    "require": {"ssl": unverified()},
    "verify-ca": {"ssl_verify_cert": True},
    "verify-full": {"ssl_verify_cert": True, "ssl_verify_identity": True},
}


class MysqlIntegration(ServerIntegration):
    """A MySQL or MariaDB database.

    Args:
        name: What the user calls it.
        host: The server.
        database: The database.
        user: Who connects.
        password: Its password, if it needs one.
        port: Where the server listens.
        sslmode: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
        sslrootcert: The file with the certificates to trust.
    """

    kind = "mysql"
    keeps = True

    def __init__(
        self,
        name: str,
        *,
        host: str,
        database: str,
        user: str,
        password: str | None = None,
        port: int = 3306,
        sslmode: str = "prefer",
        sslrootcert: str | None = None,
    ) -> None:
        if sslmode not in _SAFETY:
            raise IntegrationError(
                f"{name}: sslmode={sslmode!r} is not known", hint=f"one of {', '.join(_SAFETY)}"
            )
        known: dict[str, JSON] = {"host": host, "port": port, "database": database, "user": user}
        safety: dict[str, JSON] = {"sslmode": sslmode, "sslrootcert": sslrootcert}
        super().__init__(name, "mysql+pymysql", {**known, "password": password, **safety})

    @property
    def connect_settings(self) -> Mapping[str, Any]:
        known = self._config
        password, trusted = known.get("password"), known.get("sslrootcert")
        if trusted and not Path(trusted).is_file():  # the driver wouldn't say which file
            raise IntegrationError(
                f"{self.name}: there is no file {trusted!r} with certificates to trust",
                hint="sslrootcert is the path of a file in PEM",
            )
        return {
            **_SAFETY[str(known["sslmode"])],
            **({"ssl_ca": trusted} if trusted and "verify" in str(known["sslmode"]) else {}),
            **({"password": str(password).encode()} if password else {}),
            "charset": "utf8mb4",
            "connect_timeout": _PATIENCE,
            # The server may be sent data, but files only when `load` says so: never at its wish.
            "client_flag": CLIENT.LOCAL_FILES,
            "local_infile": False,
            "init_command": f"SET {_SESSION}",
        }

    @cached_property
    def engine(self) -> sa.Engine:
        engine = super().engine
        event.listen(engine, "do_connect", _connect)
        know_types(engine, _OTHERS)
        return engine

    def clean(self, driver: Any) -> None:
        driver.wire.reset()
        driver.query(f"SET NAMES utf8mb4, autocommit = 0, {_SESSION}")

    @property
    def driver_errors(self) -> tuple[type[Exception], ...]:
        return (pymysql.Error,)

    def tables(self) -> list[str]:
        return [name for name in super().tables() if not name.startswith(STAGING)]

    def drop(self, table_name: str) -> None:
        super().drop(table_name)
        if table_name in self.tables():  # the server says nothing then
            raise IntegrationError(
                f"{self.name}: {table_name!r} is a view", hint=f"DROP VIEW {self.quote(table_name)}"
            )

    def estimate(self, connection: sa.Connection, target: TableName) -> int | None:
        text = sa.text(
            "SELECT table_rows FROM information_schema.tables WHERE table_name = :name "
            "AND table_schema = coalesce(:schema, database())"
        )
        found = connection.execute(text, {"name": target.name, "schema": target.schema}).scalar()
        return None if found is None else int(found)

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        given = {
            name: _bindable(name, value) for name, value in statement.values(parameters).items()
        }
        values: list[Any] = []

        def mark(name: str) -> str:
            values.append(given[name])
            return "?"

        text = statement.render(mark)
        with self.connection() as connection, self.explained("run the query", statement.text):
            driver = connection.connection.driver_connection
            assert isinstance(driver, MysqlConnection)
            driver.query("START TRANSACTION READ ONLY")
            prepared = prepare(driver.wire, text)
            if prepared.marks != len(values):
                raise IntegrationError(
                    f"{self.name}: the database finds {prepared.marks} parameters in the query, "
                    f"which has {len(values)}\n{statement.text}",
                    hint="write '' for a quote in text, -- before comments, and no ? outside of text",
                )
            try:
                if not prepared.fields or not prepared.execute(values):
                    self.no_rows(statement)
                fields = [field_of(told) for told in prepared.fields]
                columns = [field.column for field in fields]
                yield Result(self.name, columns, self._chunks(prepared, fields, statement))
            finally:
                if not prepared.is_done:
                    connection.invalidate()  # what nobody read is on its way

    def _chunks(self, prepared: Any, fields: Any, statement: Statement) -> Iterator[list[Any]]:
        with self.explained("read the result", statement.text):
            held: list[list[Any]] = []
            for data, starts in prepared.rows():
                held.append(decode(fields, data, starts))
                if sum(array.nbytes for columns in held for array in columns) >= _BATCH:
                    yield _joined(held)
            if held:
                yield _joined(held)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.connection() as connection, self.connection() as other:
            with self.explained("begin a transaction"):
                begin = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
                self.execute(connection, begin).close()
                self.execute(other, "SET SESSION autocommit = 1").close()
                connection.begin()
                transaction = MysqlTransaction(self, connection, other)
            try:
                yield transaction
                with self.explained("commit"):
                    transaction.finish()
            except BaseException:
                transaction.abandon()
                raise

    def advice(self, said: str) -> str:
        lower = said.lower()
        if "read only transaction" in lower:
            return "queries only read; save() writes"
        if "deadlock" in lower or "user lock" in lower:
            return "another transaction holds the table; try again when it is done"
        return super().advice(said)


class MariadbIntegration(MysqlIntegration):
    """A MariaDB database; the same as `mysql`, by its own name."""

    kind = "mariadb"


def _joined(held: list[list[Any]]) -> list[Any]:
    """Chunks as one, in memory that can be given back."""
    joined = [owned(pa.concat_arrays(arrays)) for arrays in zip(*held, strict=True)]
    held.clear()
    return joined


def _connect(_dialect: Any, _record: Any, _arguments: Any, settings: Any) -> MysqlConnection:
    return MysqlConnection(**settings)


def _bindable(name: str, value: Any) -> Any:
    value = bindable(name, value)
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise IntegrationError(
            f"the parameter :{name} is {value}, which MySQL doesn't have", hint="bind None for NULL"
        )
    zone = getattr(value, "tzinfo", None)
    return value if zone is None else _in_utc(value)


def _in_utc(value: datetime) -> datetime:
    from datetime import UTC

    return value.astimezone(UTC).replace(tzinfo=None)
