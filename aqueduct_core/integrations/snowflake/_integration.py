"""Snowflake: results come in Arrow, rows go by files on a stage."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import snowflake.connector as driver
from snowflake.connector import errors

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._names import TableName, bindable
from aqueduct_core.integrations._reach import unreachable
from aqueduct_core.integrations._results import Result
from aqueduct_core.integrations._settings import port_number
from aqueduct_core.integrations._sql import LEDGER, ColumnInfo, SqlDatabase, TableInfo
from aqueduct_core.integrations.snowflake._saves import STAGING, TABLES, SnowflakeTransaction
from aqueduct_core.integrations.snowflake._types import column_of, given_name, stored_name

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.integrations._base import Transaction
    from aqueduct_core.integrations._statement import Statement

__all__ = ["SnowflakeIntegration"]

_PATIENCE = 30  # seconds to wait for a login
_PORTS = {"https": 443, "http": 80}


class SnowflakeIntegration(SqlDatabase):
    """A schema of a Snowflake database.

    Names that need no quotes in Snowflake are written in small letters here, for tables and for the
    columns of results; all others are as they are.

    Args:
        name: What the user calls it.
        account: The account, such as `myorg-account1`.
        user: Who connects.
        database: The database.
        schema: The schema.
        password: Its password, or a token that takes the place of one.
        private_key_file: The file with its key, for a login without a password.
        private_key_file_pwd: What the key is encrypted with.
        authenticator: How to log in, if not by password or key; `oauth` with a token, for example.
        token: What `authenticator` takes.
        warehouse: What computes; by default that of the user.
        role: Whose rights to use; by default the user's.
        host: The server; by default that of the account.
        port: Where it listens.
        protocol: `https`, or `http` for a server on this machine.
    """

    kind = "snowflake"
    secrets = frozenset({"password", "private_key_file_pwd", "token"})

    def __init__(
        self,
        name: str,
        *,
        account: str,
        user: str,
        database: str,
        schema: str = "PUBLIC",
        password: str | None = None,
        private_key_file: str | None = None,
        private_key_file_pwd: str | None = None,
        authenticator: str | None = None,
        token: str | None = None,
        warehouse: str | None = None,
        role: str | None = None,
        host: str | None = None,
        port: int | None = None,
        protocol: str | None = None,
    ) -> None:
        super().__init__(name)
        given = {key: value for key, value in locals().items() if key not in ("self", "name")}
        given.pop("__class__", None)
        self._config: dict[str, JSON] = {
            key: value for key, value in given.items() if value is not None
        }
        if port is not None:
            self._config["port"] = port_number(name, port)

    def config(self) -> Mapping[str, JSON]:
        return dict(self._config)

    @property
    def place(self) -> str:
        """Where it is, without secrets."""
        known = self._config
        return f"{known.get('host') or known['account']}/{known['database']}.{known['schema']}"

    def test(self) -> None:
        with self.connection() as connection, self.explained("connect"):
            found = self.rows(connection, "SELECT current_database(), current_schema()")
            for setting, value in zip(("database", "schema"), found[0], strict=True):
                if value is None:
                    raise IntegrationError(
                        f"{self.name} ({self.place}) can't be reached: there is no such {setting} "
                        "for this user",
                        hint=f"check {setting}, and the role's rights",
                    )

    def tables(self) -> list[str]:
        with self.connection() as connection, self.explained("list its tables"):
            text = f"SELECT name FROM ({TABLES}) WHERE place = current_schema()"  # noqa: S608 - ours
            found = self.rows(connection, text)
            names = [given_name(name) for [name] in found]
        return sorted(name for name in names if name != LEDGER and not name.startswith(STAGING))

    def describe(self, table_name: str) -> TableInfo:
        target = TableName.of(table_name)
        with self.connection() as connection, self.explained(f"describe table {table_name!r}"):
            found = self.rows(connection, f"DESCRIBE TABLE {self.qualified(table_name)}")
            rows = self.rows(
                connection,
                "SELECT row_count FROM information_schema.tables WHERE table_name = ? "
                "AND table_schema = coalesce(?, current_schema())",
                [stored_name(target.name), target.schema and stored_name(target.schema)],
            )
        columns = tuple(ColumnInfo(given_name(row[0]), row[1], row[3] == "Y") for row in found)
        return TableInfo(table_name, columns, rows[0][0] if rows else None)

    def drop(self, table_name: str) -> None:
        with self.connection() as connection, self.explained(f"drop table {table_name!r}"):
            self.rows(connection, f"DROP TABLE IF EXISTS {self.qualified(table_name)}")

    def quote(self, name: str) -> str:
        return '"' + stored_name(name).replace('"', '""') + '"'

    def qualified(self, name: str) -> str:
        return TableName.of(name).quoted(self.quote)

    @contextmanager
    def result(self, statement: Statement, parameters: Mapping[str, Any]) -> Iterator[Result]:
        given = statement.values(parameters)
        values: list[Any] = []

        def mark(name: str) -> str:
            text, value = _bound(bindable(name, given[name]))
            values.append(value)
            return text

        text = statement.render(mark)
        with (
            self.connection() as connection,
            self.explained("run the query", statement.text),
            closing(connection.cursor()) as cursor,
        ):
            # Only what returns rows can stand in brackets; nothing is run to see that. A line break
            # before the bracket: the query may end in a comment.
            cursor.describe(f"SELECT * FROM (\n{text}\n)", values)  # noqa: S608 - the user's own
            cursor.execute(text, values)
            columns = [column_of(told) for told in cursor.description]
            yield Result(self.name, columns, self._chunks(cursor, statement))

    def _chunks(self, cursor: Any, statement: Statement) -> Iterator[list[Any]]:
        """The result's chunks; one without rows if there are none."""
        empty = True
        with self.explained("read the result", statement.text):
            for table in cursor.fetch_arrow_batches():
                if table.num_rows:
                    yield [_whole(column) for column in table.columns]
                    empty = False
            if empty:
                table = cursor.fetch_arrow_all(force_return_table=True)
                yield [_whole(column) for column in table.columns]

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.connection() as connection, self.connection() as other:
            transaction = SnowflakeTransaction(self, connection, other)
            try:
                yield transaction
                with self.explained("commit"):
                    transaction.finish()
            except BaseException:
                transaction.abandon()
                raise

    def rows(self, connection: Any, text: str, values: Any = None) -> list[Any]:
        """Run a statement."""
        with closing(connection.cursor()) as cursor:
            cursor.execute(text, values)
            found: list[Any] = cursor.fetchall()
            return found

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A session of its own.

        Raises:
            IntegrationError: It can't be made; the text says which setting is wrong.
        """
        try:
            connection = driver.connect(
                **self._config,
                paramstyle="qmark",
                login_timeout=_PATIENCE,
                arrow_number_to_decimal=True,  # otherwise NUMBER(10, 2) becomes a float
                application="aqueduct",
                session_parameters={"TIMEZONE": "UTC"},
            )
        except (errors.Error, OSError, ValueError) as error:
            said = str(error).strip()
            problem, hint = unreachable(said)
            if isinstance(error, errors.OperationalError) and (found := self._unreachable()):
                said, (problem, hint) = found, unreachable(found)
            raise IntegrationError(
                f"{self.name} ({self.place}) can't be reached: {problem}\n{said}", hint=hint
            ) from None  # the chain would show what the driver was called with
        try:
            yield connection
        finally:
            connection.close()

    def _unreachable(self) -> str | None:
        """Why no server can be reached, which the driver doesn't tell."""
        known = self._config
        host = str(known.get("host") or f"{known['account']}.snowflakecomputing.com")
        port = known.get("port") or _PORTS[str(known.get("protocol", "https"))]
        try:
            socket.create_connection((host, int(str(port))), timeout=10).close()
        except OSError as error:
            return str(error)
        return None

    @contextmanager
    def explained(self, what: str, text: str = "") -> Iterator[None]:
        """Tell errors of the driver in terms of the integration."""
        try:
            yield
        except errors.Error as error:
            said = str(error).strip()
            raise IntegrationError(
                f"{self.name} ({self.place}) could not {what}: {said}" + (text and f"\n{text}"),
                hint=_advice(said, self.name),
            ) from error


def _advice(said: str, name: str) -> str:
    lower = said.lower()
    if "does not exist or not authorized" in lower or "does not exist" in lower:
        return f"tables() lists what is there: client.integration({name!r}).tables()"
    if "warehouse" in lower:
        return "give the integration a warehouse that its role may use"
    if "insufficient privileges" in lower:
        return "the role may not do this; its rights are given in Snowflake"
    return "check the query, which must be one that returns rows, and the database"


def _bound(value: Any) -> tuple[str, Any]:
    """How a value is marked in the text, and what is bound there.

    What isn't an integer, a boolean or text is bound as text: that says what it means whatever the
    settings of the session are.
    """
    if isinstance(value, bool | int | None):
        return "?", value
    if isinstance(value, float):
        return "TO_DOUBLE(?)", repr(value)
    if isinstance(value, Decimal):
        text = f"{value:f}"
        digits, _, fraction = text.lstrip("-").partition(".")
        return f"TO_NUMBER(?, {max(len(digits) + len(fraction), 1)}, {len(fraction)})", text
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return "TO_TIMESTAMP_NTZ(?)", value.isoformat(sep=" ")
        return "CAST(? AS TIMESTAMP_TZ)", value.astimezone(UTC).isoformat(sep=" ")
    if isinstance(value, date):
        return "TO_DATE(?)", value.isoformat()
    if isinstance(value, time):
        return "TO_TIME(?)", value.isoformat()
    if isinstance(value, bytes):
        return "TO_BINARY(?, 'HEX')", value.hex()
    return "?", str(value)


def _whole(column: Any) -> Any:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
