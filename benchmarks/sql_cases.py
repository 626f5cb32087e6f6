"""The table of the SQL benchmarks, and who reads and writes it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["DATABASES", "Contest", "Sql", "by_hand", "mixed_table"]

_SEED = 20240229
_TARGET = "written"  # the table that is written; `rows` is the one that is read


class Contest(Protocol):
    """A database, and who can read and write it."""

    @classmethod
    def start(cls, stack: ExitStack, folder: Path) -> str:
        """Make an empty database; returns its URL."""
        ...

    def __init__(self, url: str) -> None: ...

    def contestants(self, what: str, rows: int) -> Mapping[str, Callable[[], Any]]:
        """By name, who can `write` or `read` the table, or `stream` it."""
        ...


def mixed_table(rows: int) -> pa.Table:
    """Ten columns of numbers, text, timestamps and booleans; five of them have nulls."""
    random = np.random.default_rng(_SEED)
    cities = np.array([f"city {number:03d}" for number in range(500)])
    notes = np.array([f"a note of some length, number {number}" for number in range(20_000)])
    start = np.datetime64("2013-01-01", "us")
    moments = start + random.integers(0, 10**14, rows).astype("timedelta64[us]")

    def some(values: Any) -> Any:
        return pa.array(values, mask=random.random(rows) < 0.1)

    return pa.table(
        {
            "id": np.arange(rows),
            "amount": random.integers(0, 1000, rows),
            "units": some(random.integers(-(2**60), 2**60, rows)),
            "price": random.random(rows) * 100,
            "discount": some(random.random(rows)),
            "city": cities[random.integers(0, len(cities), rows)],
            "code": [f"{number:08x}" for number in random.integers(0, 2**31, rows)],
            "note": some(notes[random.integers(0, len(notes), rows)]),
            "at": some(moments),
            "paid": random.random(rows) < 0.5,
        }
    )


def _frame(rows: int) -> pd.DataFrame:
    from aqueduct_core.integrations._frames import to_frame

    return to_frame(mixed_table(rows))


def by_hand(table: pa.Table) -> pd.DataFrame:
    """What a driver gives, as the DataFrame that ours is: the same values, of the same types."""
    table = table.cast(mixed_table(1).schema)
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        whole = pa.types.is_integer(column.type) and column.null_count
        columns[name] = column.to_pandas(
            types_mapper={pa.int64(): pd.Int64Dtype()}.get if whole else None
        )
    return pd.DataFrame(columns, copy=False)


def _framed(driver: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: by_hand(driver())


class Sql:
    """What is the same for all databases."""

    kind: ClassVar[str]

    def __init__(self, url: str) -> None:
        self.url = url

    def integration(self) -> Any:
        raise NotImplementedError

    def save(self, value: Any) -> None:
        with self.integration().transaction() as transaction:
            transaction.save(value, _TARGET, "replace")

    def prepare(self, rows: int) -> None:
        """Make the table that is read, if it isn't there."""
        integration = self.integration()
        name = f"rows_{rows}"
        if name not in integration.tables():
            with integration.transaction() as transaction:
                step = min(rows, 1_000_000)
                for _ in range(0, rows, step):
                    transaction.save(_frame(step), name, "append")

    def stream(self, rows: int) -> Callable[[], Any]:
        from aqueduct_core import ArtifactStore
        from aqueduct_core.integrations._statement import Statement

        self.prepare_apart(rows)
        integration = self.integration()
        statement = Statement.of(f"SELECT * FROM rows_{rows}")

        def call() -> None:
            folder = tempfile.mkdtemp()
            try:
                ArtifactStore(folder).put(integration.extract(statement, {}), "rows")
            finally:
                shutil.rmtree(folder)

        return call

    def prepare_apart(self, rows: int) -> None:
        """Like `prepare`, in another process: the memory that it takes is not to be counted."""
        from multiprocessing import get_context

        process = get_context("spawn").Process(target=self.prepare, args=(rows,))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"the table of {rows} rows could not be made")

    def contestants(self, what: str, rows: int) -> Mapping[str, Callable[[], Any]]:
        if what == "stream":
            return {"ours": self.stream(rows)}
        if what == "read":
            self.prepare_apart(rows)
            query = f"SELECT * FROM rows_{rows}"
            integration = self.integration()
            integration.query("SELECT 1 AS one")  # what is imported by the first one
            integration.close()  # the others connect, too
            readers = dict(self.readers(query))
            if "driver" in readers:
                readers["frame"] = _framed(readers["driver"])
            return {"ours": partial(integration.query, query), **readers}
        frame, table = _frame(rows), mixed_table(rows)
        self.save(frame[:1])
        return {"ours": partial(self.save, frame), **self.writers(frame, table)}

    def readers(self, query: str) -> Mapping[str, Callable[[], Any]]:
        raise NotImplementedError

    def writers(self, frame: Any, table: Any) -> Mapping[str, Callable[[], Any]]:
        raise NotImplementedError


class Postgres(Sql):
    @classmethod
    def start(cls, stack: ExitStack, folder: Path) -> str:
        from tests.databases import PostgresServer

        return stack.enter_context(PostgresServer()).create()

    def integration(self) -> Any:
        from sqlalchemy import make_url

        from aqueduct_core.integrations import open_integration

        url = make_url(self.url)
        place = {"host": url.host, "port": url.port, "user": url.username}
        return open_integration("postgres", "postgres", {**place, "database": url.database})

    def readers(self, query: str) -> Mapping[str, Callable[[], Any]]:
        import adbc_driver_postgresql.dbapi as adbc
        import sqlalchemy as sa

        engine = sa.create_engine(self.url.replace("postgresql", "postgresql+psycopg"))

        def driver() -> Any:
            with adbc.connect(self.url) as connection, connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetch_arrow_table()

        def by_pandas() -> Any:
            with engine.connect() as connection:
                return pd.read_sql(sa.text(query), connection)

        return {"driver": driver, "pandas": by_pandas}

    def writers(self, frame: Any, table: Any) -> Mapping[str, Callable[[], Any]]:
        import adbc_driver_postgresql.dbapi as adbc
        import sqlalchemy as sa

        engine = sa.create_engine(self.url.replace("postgresql", "postgresql+psycopg"))

        def driver() -> None:
            with adbc.connect(self.url) as connection, connection.cursor() as cursor:
                cursor.adbc_ingest(_TARGET, table.to_reader(), mode="replace")
                connection.commit()

        def by_pandas() -> None:
            frame.to_sql(_TARGET, engine, if_exists="replace", index=False)

        return {"driver": driver, "pandas": by_pandas}


class Sqlite(Sql):
    @classmethod
    def start(cls, stack: ExitStack, folder: Path) -> str:
        return str(folder / "shop.db")

    def integration(self) -> Any:
        from aqueduct_core.integrations import open_integration

        return open_integration("sqlite", "sqlite", {"path": self.url})

    def readers(self, query: str) -> Mapping[str, Callable[[], Any]]:
        import sqlite3

        import adbc_driver_sqlite.dbapi as adbc

        def driver() -> Any:
            with adbc.connect(self.url) as connection, connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetch_arrow_table()

        def by_pandas() -> Any:
            with sqlite3.connect(self.url) as connection:
                return pd.read_sql(query, connection)

        return {"driver": driver, "pandas": by_pandas}

    def writers(self, frame: Any, table: Any) -> Mapping[str, Callable[[], Any]]:
        import sqlite3

        import adbc_driver_sqlite.dbapi as adbc

        def driver() -> None:
            with adbc.connect(self.url) as connection, connection.cursor() as cursor:
                cursor.adbc_ingest(_TARGET, table.to_reader(), mode="replace")
                connection.commit()

        def by_pandas() -> None:
            with sqlite3.connect(self.url) as connection:
                frame.to_sql(_TARGET, connection, if_exists="replace", index=False)

        return {"driver": driver, "pandas": by_pandas}


DATABASES: Mapping[str, type[Contest]] = {"postgres": Postgres, "sqlite": Sqlite}
