"""What tests do with the tables of a database."""

from __future__ import annotations

from typing import Any

import pandas as pd

from aqueduct_core.integrations._mysql_saves import STAGING
from aqueduct_core.integrations._statement import Statement

__all__ = ["column", "left_behind", "read", "run", "save"]


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
