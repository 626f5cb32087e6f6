"""Rows that several may want to be the first to insert."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table

__all__ = ["insert_missing"]


def insert_missing(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row unless there is one with its primary key, which is then left as it is."""
    if connection.dialect.name == "mysql":
        from sqlalchemy.dialects import mysql

        # Not INSERT IGNORE: that would also cut what is too long.
        ours = mysql.insert(table).values(values)
        same = {column.name: column for column in table.primary_key}
        connection.execute(ours.on_duplicate_key_update(same))
    elif connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        theirs = postgresql.insert(table).values(values)
        connection.execute(theirs.on_conflict_do_nothing(index_elements=table.primary_key.columns))
    else:
        from sqlalchemy.dialects import sqlite

        local = sqlite.insert(table).values(values)
        connection.execute(local.on_conflict_do_nothing())
