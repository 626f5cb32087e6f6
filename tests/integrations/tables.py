"""What tests do with the tables of a database."""

from __future__ import annotations

import datetime as dt
import traceback
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.integrations.mysql._saves import STAGING

__all__ = [
    "KEPT",
    "LISTS",
    "MOMENT",
    "SECRET",
    "UNREACHABLE",
    "check_refusal",
    "column",
    "left_behind",
    "read",
    "run",
    "save",
]

SECRET = "hunter2-Ω"
MOMENT = dt.datetime(2013, 1, 2, 3, 4, 5, 678901)
UNREACHABLE = [
    ({"host": "no-such-host.invalid"}, "the host is not known"),
    ({"port": 1}, "nothing listens on this port"),
    ({"database": "nope"}, "no such database"),
    ({"user": "nobody_here"}, "login was refused"),
    ({"sslmode": "require"}, "no secure connection"),
]
"""Settings that are wrong for a server without TLS, and what is said about them."""


def run(database: Any, *statements: str) -> None:
    """Execute what isn't a query, in a database that SQLAlchemy connects to."""
    with database.connection() as connection:
        connection.begin()
        for statement in statements:
            database.execute(connection, statement).close()
        connection.commit()


def read(database: Any, query: str, **parameters: Any) -> pd.DataFrame:
    return database.read(Statement.of(query), parameters)


def save(database: Any, value: Any, table: str = "t", mode: str = "fail", **more: Any) -> Any:
    with database.transaction() as transaction:
        return transaction.save(value, table, mode, **more)


def column(*values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"c": pd.Series(list(values), dtype=dtype)})


def left_behind(database: Any) -> list[str]:
    query = "SELECT table_name AS n FROM information_schema.tables WHERE table_schema = database()"
    return [name for name in read(database, query)["n"] if name.startswith(STAGING)]


def check_refusal(database: Any, match: str) -> None:
    """Whatever is asked of a database that can't be reached is refused, without its password."""
    attempts: list[Callable[[], object]] = [
        database.test,
        lambda: database.query("SELECT 1"),
        database.tables,
    ]
    for attempt in attempts:
        with pytest.raises(IntegrationError, match=match) as caught:
            attempt()
        told = "".join(traceback.format_exception(caught.value))
        assert SECRET not in told + repr(database)


KEPT = {
    "int16": column(-(2**15), 2**15 - 1, dtype="int16"),
    "int32": column(-(2**31), 2**31 - 1, dtype="int32"),
    "int64": column(-(2**63), 2**63 - 1),
    "Int64": column(1, None, 2**63 - 1, dtype="Int64"),
    "float": column(1.5, None, -0.0, 5e-324, 0.1, 1.7976931348623157e308),
    "float32": column(0.1, None, 3.4028235e38, 1e-45, dtype="float32"),
    "boolean": column(True, None, dtype="boolean"),
    "text": column("a", None, "", "é𝄞", "007", "\\N", "NULL", 'a"b,\n\\', "\r\n", "x" * 70_000),
    "bytes": column(b"\x00\xff", None, b"", bytes(range(256)), dtype=object),
    "decimal": column(
        Decimal("1.50"), None, Decimal("-99.99"), dtype=pd.ArrowDtype(pa.decimal128(4, 2))
    ),
    "date": column(dt.date(2013, 1, 2), None, dt.date(1, 1, 1), dtype="date32[pyarrow]"),
    "time": column(dt.time(1, 2, 3, 4), None, dt.time(0), dtype="time64[us][pyarrow]"),
    "timestamp": column(MOMENT, None, dt.datetime(1, 1, 1), dtype="datetime64[us]"),
    "zoned": column(MOMENT, None, dtype="datetime64[us, UTC]"),
    "no int": column(dtype="int64"),
    "no text": column(dtype="str"),
    "only missing ints": column(None, None, dtype="Int64"),
    "one missing text": column(None, dtype="str"),
    "odd names": pd.DataFrame({'o"dd %s :n $1 `--': [1], "select": ["x"], "ünï": [2.5]}),
}
"""What every database with types for it keeps exactly."""
LISTS = {
    "lists": column([1, None], None, [], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "texts": column(["a,b", 'q"\\', "NULL", ""], dtype=pd.ArrowDtype(pa.list_(pa.string()))),
}
"""What those keep that have lists."""
