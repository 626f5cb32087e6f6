"""Databases through SQLAlchemy: any URL, by the driver and dialect that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import NullPool

from aqueduct_core.errors import IntegrationError, MissingExtraError
from aqueduct_core.integrations._names import TableName, bindable
from aqueduct_core.integrations._pool import OPTIONS, Holder, Kept, keep
from aqueduct_core.integrations._reach import refused, unreachable
from aqueduct_core.integrations._results import Result
from aqueduct_core.integrations._rows import columns_of_rows, row_chunks
from aqueduct_core.integrations._sql import LEDGER, ColumnInfo, SqlDatabase, TableInfo
from aqueduct_core.integrations.alchemy._saves import AlchemyTransaction

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._base import Transaction
    from aqueduct_core.integrations._statement import Statement

__all__ = ["AlchemyIntegration"]

CHUNK = 20_000  # rows in flight between the driver and Arrow


class AlchemyIntegration(SqlDatabase):
    """A database with a SQLAlchemy URL.

    Args:
        name: What the user calls it.
        url: `dialect+driver://user:password@host/database`.
    """

    kind = "sqlalchemy"
    secrets = frozenset({"url"})
    # Connections are kept only where `clean` knows how to take back what was done to a session.
    keeps: ClassVar[bool] = False

    def __init__(self, name: str, *, url: str) -> None:
        super().__init__(name)
        self._kept: list[Kept] = []
        try:
            self.url = sa.make_url(url)
        except exc.ArgumentError:
            raise IntegrationError(
                f"{name}: the url is none of SQLAlchemy",
                hint="dialect+driver://user:password@host:port/database",
            ) from None

    def config(self) -> Mapping[str, JSON]:
        return {"url": self.url.render_as_string(hide_password=False)}

    @property
    def place(self) -> str:
        """Where it is, without secrets."""
        host = self.url.host or ""
        port = f":{self.url.port}" if self.url.port else ""
        return f"{host}{port}/{self.url.database or ''}"

    @property
    def connect_settings(self) -> Mapping[str, Any]:
        """What the driver is given beside the URL."""
        return {}

    @cached_property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's engine, which connects when somebody reads or saves."""
        pool = OPTIONS if self.keeps else {"poolclass": NullPool}
        settings = dict(self.connect_settings)
        try:
            engine = sa.create_engine(self.url, hide_parameters=True, connect_args=settings, **pool)
        except exc.NoSuchModuleError as error:
            raise IntegrationError(
                f"{self.name}: SQLAlchemy knows no dialect {self.url.drivername!r} here",
                hint="install the package that brings it",
            ) from error
        except ModuleNotFoundError as error:
            raise MissingExtraError(error.name or "a driver", "sql", self.name) from error
        if self.keeps:
            self.keep(engine, engine.dialect.do_ping)
        return engine

    def keep(self, holder: Holder, ping: Callable[[Any], object]) -> None:
        """Look after connections that are used again."""
        self._kept.append(keep(self, holder, ping))

    def close(self) -> None:
        for kept in self._kept:
            kept.close_idle()

    def test(self) -> None:
        self.close()  # a connection that is there says nothing of the password
        with self.connection():
            return

    def quote(self, name: str) -> str:
        preparer = self.engine.dialect.identifier_preparer
        end = preparer.final_quote
        return f"{preparer.initial_quote}{name.replace(end, end * 2)}{end}"

    def qualified(self, name: str) -> str:
        return TableName.of(name).quoted(self.quote)

    def tables(self) -> list[str]:
        with self.connection() as connection, self.explained("list its tables"):
            inspector = sa.inspect(connection)
            names = {*inspector.get_table_names(), *inspector.get_view_names()}
        return sorted(names - {LEDGER})

    def describe(self, table_name: str) -> TableInfo:
        target = TableName.of(table_name)
        with self.connection() as connection, self.explained(f"describe table {table_name!r}"):
            try:
                found = sa.inspect(connection).get_columns(target.name, target.schema)
            except exc.NoSuchTableError:
                raise IntegrationError(
                    f"{self.name} has no table {table_name!r}",
                    hint=self.advice("does not exist"),
                ) from None
            rows = self.estimate(connection, target)
        dialect = self.engine.dialect
        columns = tuple(
            ColumnInfo(item["name"], _written(item["type"], dialect), item["nullable"])
            for item in found
        )
        return TableInfo(table_name, columns, rows)

    def estimate(self, connection: sa.Connection, target: TableName) -> int | None:
        """How many rows a table has, without counting."""
        return None

    def preview(self, table_name: str, limit: int = 10) -> Any:
        if self.engine.dialect.name != "mssql":
            return super().preview(table_name, limit)
        return self.query(f"SELECT TOP {int(limit)} * FROM {self.qualified(table_name)}")  # noqa: S608 - quoted

    def drop(self, table_name: str) -> None:
        with self.connection() as connection, self.explained(f"drop table {table_name!r}"):
            connection.begin()
            self.execute(connection, f"DROP TABLE IF EXISTS {self.qualified(table_name)}").close()
            connection.commit()

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        given = {
            name: bindable(name, value) for name, value in statement.values(parameters).items()
        }
        with self.connection() as connection, self.explained("run the query", statement.text):
            text, values = self._marked(statement, given)
            streaming = connection.execution_options(stream_results=True)
            found = streaming.exec_driver_sql(text, values)
            if not found.returns_rows:
                self.no_rows(statement)
            columns = columns_of_rows(list(found.keys()), None)
            rows = iter(lambda: found.fetchmany(CHUNK), [])
            yield Result(self.name, columns, row_chunks(len(columns), rows))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.connection() as connection:
            with self.explained("begin a transaction"):
                connection.begin()
                transaction = AlchemyTransaction(self, connection)
            yield transaction  # leaving the connection takes back what isn't committed
            with self.explained("commit"):
                transaction.finish()
                connection.commit()

    def execute(self, connection: sa.Connection, text: str) -> Any:
        """Run SQL that has no parameters, as it is written."""
        cursor = connection.connection.cursor()
        cursor.execute(text)
        return cursor

    def no_rows(self, statement: Statement) -> NoReturn:
        raise IntegrationError(
            f"{self.name}: the statement returns no rows\n{statement.text}",
            hint="sql() takes a SELECT; save() writes",
        )

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """A connection that nobody else uses meanwhile.

        Raises:
            IntegrationError: It can't be made; the text says which setting is wrong.
        """
        engine = self.engine
        expected: tuple[type[Exception], ...] = (exc.SQLAlchemyError, OSError, *self.driver_errors)
        try:
            connection = engine.connect()
        except UnicodeError:
            raise IntegrationError(
                f"{self.name} ({self.place}): the driver can't send the user or the password, whose "
                "letters it has no bytes for",
                hint="choose another password; the kinds postgres and mysql take any",
            ) from None  # it would show the letter
        except expected as error:
            said = str(error.orig if isinstance(error, exc.DBAPIError) else error).strip()
            problem, hint = unreachable(said)
            raise IntegrationError(
                f"{self.name} ({self.place}) can't be reached: {problem}\n{said}", hint=hint
            ) from None  # the chain would show what the driver was called with
        with connection:
            try:
                yield connection
            except Exception:
                self._give_back(connection, expected)
                raise
            except BaseException:  # wherever it was interrupted
                connection.invalidate()
                raise
            self._give_back(connection, expected)

    def _give_back(self, connection: sa.Connection, expected: tuple[type[Exception], ...]) -> None:
        """Leave nothing of what was done to a connection."""
        try:
            connection.rollback()
            if not connection.invalidated:
                self.clean(connection.connection.driver_connection)
        except expected:  # it is gone, or nobody knows what is left of it
            connection.invalidate()

    def clean(self, driver: Any) -> None:
        """Take back whatever was done to the session, for those whose connections are kept.

        Args:
            driver: The driver's connection. An error of it ends the connection.
        """

    @property
    def driver_errors(self) -> tuple[type[Exception], ...]:
        """What the drivers raise."""
        driver: Any = self.engine.dialect.loaded_dbapi
        return (driver.Error,)

    @contextmanager
    def explained(self, what: str, text: str = "") -> Iterator[None]:
        """Tell errors of the driver in terms of the integration."""
        expected: tuple[type[Exception], ...] = (exc.SQLAlchemyError, *self.driver_errors)
        try:
            yield
        except expected as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            said = str(cause).strip()
            raise IntegrationError(
                f"{self.name} ({self.place}) could not {what}: {said}" + (text and f"\n{text}"),
                hint=self.advice(said),
            ) from cause

    def advice(self, said: str) -> str:
        """What to do about an error of the driver."""
        known = refused(said)
        if known is not None:
            return known
        if re.search(r"does not exist|doesn't exist|no such table", said, re.IGNORECASE):
            return f"tables() lists what is there: client.integration({self.name!r}).tables()"
        return "check the query and the database"

    def _marked(self, statement: Statement, given: Mapping[str, Any]) -> tuple[str, Any]:
        """The text and values of a statement in the driver's own style of parameters."""
        style = self.engine.dialect.paramstyle
        if style in ("pyformat", "format"):
            escape: Callable[[str], str] = lambda text: text.replace("%", "%%")  # noqa: E731
        else:
            escape = lambda text: text  # noqa: E731
        if style == "named":
            return statement.render(lambda name: f":{name}"), dict(given)
        if style == "pyformat":
            return statement.render(lambda name: f"%({name})s", escape), dict(given)
        values: list[Any] = []

        def mark(name: str) -> str:
            values.append(given[name])
            marks = {"format": "%s", "numeric": f":{len(values)}"}
            return marks.get(style, f"${len(values)}" if style == "numeric_dollar" else "?")

        text = statement.render(mark, escape)
        return text, tuple(values)


def _written(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> str:
    """A type as the database writes it; there are some that SQLAlchemy doesn't know."""
    return "unknown" if isinstance(kind, sa.types.NullType) else kind.compile(dialect)
