"""A database: its connections, its transactions, and what differs between SQLite and servers."""

from __future__ import annotations

import os
import random
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
)

from aqueduct_core.errors import MissingExtraError, TrackingError

__all__ = ["Database"]

T = TypeVar("T")

_DRIVERS = {
    "sqlite": ("sqlite", "sqlite3", ""),
    "postgresql": ("postgresql+psycopg", "psycopg", "postgres"),
    "postgres": ("postgresql+psycopg", "psycopg", "postgres"),
    "mysql": ("mysql+pymysql", "pymysql", "mysql"),
    "mariadb": ("mysql+pymysql", "pymysql", "mysql"),
}
_BUSY = 30.0  # seconds that a writer of SQLite waits for its turn
_TRUSTED = 2.0  # seconds after its last use for which a connection is taken to be there
_TRIES = 12
_LONGEST_PAUSE = 1.0
_PG_TRANSIENT = ("40001", "40P01")  # serialization failure, deadlock
_MYSQL_TRANSIENT = (1020, 1205, 1213)  # changed since it was read, lock timeout, deadlock

_open: weakref.WeakSet[Engine] = weakref.WeakSet()

# Connections that a child process got from its parent: closing them there would end the parent's.
_inherited: list[Any] = []


class Database:
    """Connections to one database; can be shared by threads, and used in children after a fork.

    Args:
        url: `sqlite:///path`, `postgresql://...`, `mariadb://...`.

    Raises:
        TrackingError: The URL can't be used.
        MissingExtraError: The driver isn't installed.
    """

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self.dialect = self.url.get_backend_name()
        self.engine = _engine(self.url)
        self.writer = self.engine.execution_options(aqueduct_write=True)
        self._reader = self.engine
        if self.dialect == "postgresql":
            # Each query sees what is committed either way; without BEGIN and ROLLBACK around it
            # it takes a third of the time. Connections that are always so needn't be switched.
            self._reader = _engine(
                self.url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None
            )
        self._engines = {self.engine, self._reader}
        for engine in self._engines:
            if self.dialect == "sqlite":
                event.listen(engine, "connect", _configure_sqlite)
                event.listen(engine, "begin", _begin_sqlite)
            else:
                event.listen(engine, "checkin", _put_back)
                event.listen(engine, "checkout", partial(_look_at, engine))
            _open.add(engine)
            # Also where nobody calls close(), and at the end of the program.
            weakref.finalize(self, engine.dispose)

    def __repr__(self) -> str:
        return f"<Database {self}>"

    def __str__(self) -> str:
        return self.url.set(query={}).render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for queries."""
        try:
            with self._reader.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise self.refused(error) from error

    def write(self, change: Callable[[Connection], T]) -> T:
        """Carry out a change in one transaction, again if it met that of somebody else.

        Args:
            change: Gets the connection; may be called several times.

        Raises:
            TrackingError: The database refused it.
        """
        pause = 0.005
        for left in reversed(range(_TRIES)):
            try:
                with self.writer.begin() as connection:
                    return change(connection)
            except DBAPIError as error:
                if not left or not _transient(error):
                    raise self.refused(error) from error
            time.sleep(random.uniform(0, pause))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError

    def refused(self, error: DBAPIError) -> TrackingError:
        """The error to raise for one of the driver's."""
        hint = None
        if isinstance(error, (OperationalError, InterfaceError)):
            hint = "check that the server runs, the name of the database, and who may use it"
            if self.dialect == "sqlite":
                hint = "check that the file and its folder can be written, and the space left"
        return TrackingError(f"the database {self} refused: {error.orig}", hint=hint)

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        for engine in self._engines:
            engine.dispose()


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text isn't repeated: there may be a password in it.
        raise TrackingError(
            "the database's address is no URL",
            hint="for example sqlite:////path/aqueduct.db or postgresql://user@host/aqueduct",
        ) from None
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise TrackingError(
            f"{backend} can't be the tracking database", hint="use SQLite, PostgreSQL or MariaDB"
        )
    driver, module, extra = _DRIVERS[backend]
    if backend == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise TrackingError(
            "a tracking database in memory would be gone with its connection",
            hint="name a file: sqlite:////path/aqueduct.db",
        )
    if "+" not in url.drivername:
        url = url.set(drivername=driver)
    if backend != "sqlite" and url.drivername == driver:
        try:
            __import__(module)
        except ImportError as error:
            raise MissingExtraError(module, extra, f"the tracking database on {backend}") from error
    return url


def _engine(url: URL, **more: Any) -> Engine:
    if url.get_backend_name() == "sqlite":
        _make_private(Path(str(url.database)))
        return create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY})
    # Those that were used last are used next, so that only as many stay as are needed at once.
    options: dict[str, Any] = {
        "pool_recycle": 1800, "pool_size": 20, "max_overflow": 20, "pool_use_lifo": True,
    }  # fmt: skip
    if url.get_backend_name() == "mysql":
        # Repeatable reads would lock the gaps between rows as well, and meet more often.
        options["isolation_level"] = "READ COMMITTED"
        options["connect_args"] = {"charset": "utf8mb4"}
    return create_engine(url, hide_parameters=True, **options, **more)


def _put_back(_connection: Any, record: Any) -> None:
    record.info["used"] = time.monotonic()


def _look_at(engine: Engine, connection: Any, record: Any, _proxy: Any) -> None:
    """Find out whether a connection that wasn't used for a while is still there."""
    used = record.info.get("used")
    if used is None or time.monotonic() - used < _TRUSTED:
        return
    dialect: Any = engine.dialect
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error  # the pool takes another one


def _make_private(path: Path) -> None:
    """Make the file readable by its owner only; SQLite gives its other files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise TrackingError(
            f"the tracking database {path} can't be opened: {error.strerror}",
            hint="the file and its folder must be writable",
        ) from error


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says so
    connection.execute("PRAGMA journal_mode = WAL")  # readers and a writer at the same time
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("aqueduct_write"):
        # A transaction that first reads and then writes could no longer get its turn.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _transient(error: DBAPIError) -> bool:
    cause: Any = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return "locked" in str(cause) or "busy" in str(cause)
    if getattr(cause, "sqlstate", None) in _PG_TRANSIENT:
        return True
    number = cause.args[0] if cause is not None and cause.args else None
    return number in _MYSQL_TRANSIENT


def _renew_in_child() -> None:
    for engine in list(_open):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
