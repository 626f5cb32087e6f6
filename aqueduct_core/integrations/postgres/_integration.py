"""PostgreSQL: reads by its Arrow driver, writes by COPY."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName, bindable
from aqueduct_core.integrations._pool import Lender
from aqueduct_core.integrations._server import ServerIntegration
from aqueduct_core.integrations._types import know_types
from aqueduct_core.integrations.postgres._saves import PostgresTransaction
from aqueduct_core.integrations.postgres._types import shape_of

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._base import Transaction
    from aqueduct_core.integrations._results import Result
    from aqueduct_core.integrations._statement import Statement

__all__ = ["PostgresIntegration"]

_PATIENCE = 10  # seconds to wait for the server to answer at all
_LOCKS = 30  # seconds to wait for a table that another transaction holds
_BATCH = 4 << 20  # bytes that the driver hands on at once; memory for more is had anew each time
_OTHERS = (
    "xml point line lseg box path polygon circle pg_lsn pg_snapshot txid_snapshot xid xid8 tid"
)
_BATCH_OPTION = "adbc.postgresql.batch_size_hint_bytes"


class PostgresIntegration(ServerIntegration):
    """A PostgreSQL database.

    Args:
        name: What the user calls it.
        host: The server, or the folder of its socket.
        database: The database.
        user: Who connects.
        password: Its password, if it needs one.
        port: Where the server listens.
        sslmode: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
        sslrootcert: The file with the certificates to trust.
    """

    kind = "postgres"
    keeps = True

    def __init__(
        self,
        name: str,
        *,
        host: str,
        database: str,
        user: str,
        password: str | None = None,
        port: int = 5432,
        sslmode: str = "prefer",
        sslrootcert: str | None = None,
    ) -> None:
        known: dict[str, JSON] = {"host": host, "port": port, "database": database, "user": user}
        safety: dict[str, JSON] = {"sslmode": sslmode, "sslrootcert": sslrootcert}
        super().__init__(name, "postgresql+psycopg", {**known, "password": password, **safety})

    @property
    def connect_settings(self) -> Mapping[str, Any]:
        known = self.config()
        safety = {key: known[key] for key in ("sslmode", "sslrootcert") if key in known}
        return {
            **safety,
            "connect_timeout": _PATIENCE,
            "application_name": "aqueduct",
            "prepare_threshold": None,  # DISCARD ALL forgets what the driver would remember
        }

    @property
    def driver_errors(self) -> tuple[type[Exception], ...]:
        return (psycopg.Error, adbc.Error, OSError)  # the last by Arrow, in the middle of a read

    @cached_property
    def engine(self) -> sa.Engine:
        engine = super().engine
        know_types(engine, _OTHERS)
        return engine

    def estimate(self, connection: sa.Connection, target: TableName) -> int | None:
        text = sa.text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")
        found = connection.execute(text, {"name": target.quoted(self.quote)}).scalar()
        return int(found) if found is not None and found >= 0 else None  # -1: never analyzed

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        given = {
            name: _bindable(name, value) for name, value in statement.values(parameters).items()
        }
        with self.connection() as connection, self.explained("run the query", statement.text):
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            # COPY takes no parameters: libpq writes the values as literals, as it does for COPY in
            # every driver.
            text = statement.render(
                lambda name: f"%({name})s", lambda text: text.replace("%", "%%")
            )
            query = psycopg.ClientCursor(driver).mogrify(text, given)
            shape = shape_of(driver, query)
            if shape is None:
                self.no_rows(statement)
        with (
            self._reading() as lent,
            self.explained("run the query", statement.text),
            lent.cursor() as cursor,
        ):
            # The driver asks twice, too. Without a transaction a table could be replaced between, and
            # the second time be seen as if it had no rows.
            _execute(lent, "BEGIN")
            cursor.adbc_statement.set_options(**{_BATCH_OPTION: str(_BATCH)})
            cursor.execute(shape.query)
            with cursor.fetch_record_batch() as reader:
                if len(reader.schema) != len(shape.columns) + len(shape.arrays):
                    raise IntegrationError(
                        f"{self.name}: a table got other columns while it was about to be read\n"
                        f"{statement.text}",
                        hint="try again",
                    )
                yield shape.result(self.name, _Batches(reader, lent.info))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.connection() as connection:
            with self.explained("begin a transaction"):
                connection.begin()
                transaction = PostgresTransaction(self, connection)
                transaction.run(f"SET LOCAL lock_timeout = '{_LOCKS}s'")
            yield transaction  # leaving the connection takes back what isn't committed
            with self.explained("commit"):
                connection.commit()

    def clean(self, driver: Any) -> None:
        driver.rollback()
        driver.autocommit = True
        driver.execute("DISCARD ALL")
        driver.autocommit = False

    @cached_property
    def _readers(self) -> Lender:
        """Connections of the Arrow driver, which may only read. It takes a fifth of a second to make one."""
        known: dict[str, Any] = dict(self.config())
        known["dbname"] = known.pop("database")
        read_only = "-c default_transaction_read_only=on"
        place = make_conninfo(**known, connect_timeout=_PATIENCE, options=read_only)

        def connect() -> Any:
            return adbc.connect(place, autocommit=True)

        lender = Lender(connect)
        self.keep(lender, lambda connection: _execute(connection, "SELECT 1"))
        return lender

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """A connection of the Arrow driver."""
        with self.explained("connect"):
            lent = self._readers.pool.connect()
        try:
            yield lent
        except Exception:
            _give_back(lent)
            raise
        except BaseException:  # wherever it was interrupted
            lent.invalidate()
            raise
        _give_back(lent)


class _Batches:
    """What the Arrow driver reads; notes on the connection whether something is still to come."""

    def __init__(self, reader: Any, notes: dict[str, Any]) -> None:
        self._reader = reader
        self._notes = notes
        self.schema = reader.schema
        notes["unread"] = True

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._reader
        except pa.ArrowInvalid as error:  # as which some of what the server says is told
            raise OSError(str(error)) from error
        self._notes["unread"] = False


def _give_back(lent: Any) -> None:
    """Leave nothing of what was done to a connection of the Arrow driver."""
    try:
        if lent.info.get("unread"):
            lent.invalidate()
            return
        _execute(lent, "ROLLBACK")
        _execute(lent, "DISCARD ALL")
    except (adbc.Error, OSError):
        lent.invalidate()
    else:
        lent.close()


def _execute(connection: Any, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_sql_query(text)
        cursor.adbc_statement.execute_update()


def _bindable(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [bindable(name, item) for item in value]
    return bindable(name, value)
