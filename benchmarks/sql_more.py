"""More databases of the SQL benchmarks: MariaDB and DuckDB, each against the quickest that there is for it.

For reading from MariaDB that is connectorx, which takes part if it is installed: it is too large to be among
what the tests need.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from benchmarks.sql_cases import Contest, Sql

__all__ = ["DATABASES"]

_TARGET = "written"
_MYSQL_TYPES = {
    "int64": "BIGINT",
    "double": "DOUBLE",
    "string": "LONGTEXT",
    "timestamp[us]": "DATETIME(6)",
    "bool": "BOOL",
}


class Mariadb(Sql):
    @classmethod
    def start(cls, stack: ExitStack, folder: Path) -> str:
        from tests.databases import MariadbServer

        return stack.enter_context(MariadbServer()).create()

    def integration(self) -> Any:
        from sqlalchemy import make_url

        from aqueduct_core.integrations import open_integration

        url = make_url(self.url)
        place = {"host": url.host, "port": url.port, "user": url.username}
        return open_integration("mariadb", "mariadb", {**place, "database": url.database})

    def readers(self, query: str) -> Mapping[str, Callable[[], Any]]:
        import sqlalchemy as sa

        engine = sa.create_engine(self.url.replace("mariadb:", "mariadb+pymysql:"))

        def driver() -> Any:
            import connectorx

            return connectorx.read_sql(
                self.url.replace("mariadb:", "mysql:"), query, return_type="arrow"
            )

        def by_pandas() -> Any:
            with engine.connect() as connection:
                return pd.read_sql(sa.text(query), connection)

        drivers = {"driver": driver} if find_spec("connectorx") else {}
        return {**drivers, "pandas": by_pandas}

    def writers(self, frame: Any, table: Any) -> Mapping[str, Callable[[], Any]]:
        import pymysql
        import sqlalchemy as sa

        url = sa.make_url(self.url)
        engine = sa.create_engine(self.url.replace("mariadb:", "mariadb+pymysql:"))
        listed = ", ".join(
            f"`{field.name}` {_MYSQL_TYPES[str(field.type)]}" for field in table.schema
        )
        names = ", ".join(f"@{field.name}" for field in table.schema)
        # An empty field is NULL here, which an empty text then is, too.
        values = ", ".join(f"`{field.name}` = nullif(@{field.name}, '')" for field in table.schema)
        place = table.column_names.index("paid")
        numbers = table.set_column(place, "paid", table["paid"].cast(pa.int8()))

        def driver() -> None:
            """What is written by hand: a file of CSV, and LOAD DATA."""
            with (
                tempfile.NamedTemporaryFile() as file,
                pymysql.connect(
                    host=url.host,
                    port=url.port or 0,
                    user=url.username,
                    database=url.database,
                    local_infile=True,
                ) as connection,
                connection.cursor() as cursor,
            ):
                csv.write_csv(numbers, file.name, csv.WriteOptions(include_header=False))
                cursor.execute(f"DROP TABLE IF EXISTS {_TARGET}")
                cursor.execute(f"CREATE TABLE {_TARGET} ({listed})")
                cursor.execute(
                    f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE {_TARGET} "
                    "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
                    f"({names}) SET {values}"
                )
                connection.commit()

        def by_pandas() -> None:
            frame.to_sql(_TARGET, engine, if_exists="replace", index=False)

        return {"driver": driver, "pandas": by_pandas}


class Duckdb(Sql):
    @classmethod
    def start(cls, stack: ExitStack, folder: Path) -> str:
        return str(folder / "shop.duckdb")

    def integration(self) -> Any:
        from aqueduct_core.integrations import open_integration

        return open_integration("duckdb", "duckdb", {"path": self.url})

    def readers(self, query: str) -> Mapping[str, Callable[[], Any]]:
        import duckdb

        def driver() -> Any:
            with duckdb.connect(self.url, read_only=True) as connection:
                return connection.sql(query).to_arrow_table()

        def by_pandas() -> Any:
            with duckdb.connect(self.url, read_only=True) as connection:
                return connection.sql(query).df()

        return {"driver": driver, "pandas": by_pandas}

    def writers(self, frame: Any, table: Any) -> Mapping[str, Callable[[], Any]]:
        import duckdb

        def driver() -> None:
            with duckdb.connect(self.url) as connection:
                connection.register("data", table)
                connection.execute(
                    f"CREATE OR REPLACE TABLE {_TARGET} AS SELECT * FROM data"
                ).fetchall()

        def by_pandas() -> None:
            with duckdb.connect(self.url) as connection:
                connection.register("data", frame)
                connection.execute(
                    f"CREATE OR REPLACE TABLE {_TARGET} AS SELECT * FROM data"
                ).fetchall()

        return {"driver": driver, "pandas": by_pandas}


DATABASES: Mapping[str, type[Contest]] = {"mariadb": Mariadb, "duckdb": Duckdb}
