"""Which release's tables a database has, and how they become those of this release.

The table `aqueduct_schema` holds the name of the last migration. New databases are made from the
tables as they are now; older ones get the migrations that they lack, by Alembic, which is imported
for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from aqueduct_core._version import newer
from aqueduct_core.errors import FormatVersionError, TrackingError
from aqueduct_core.tracking._database import Database
from aqueduct_core.tracking._tables import counters, metadata

__all__ = ["MIGRATIONS", "REVISIONS", "VERSION_TABLE", "migrate", "prepare"]

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = ("0001", "0002", "0003")  # from the first to the newest
VERSION_TABLE = "aqueduct_schema"
_LOCK = 7_235_884_001  # any number that nobody else locks
_PATIENCE = 600  # seconds
# Names that differ in case are different names. Not said with the tables: that would import the
# dialect for everybody.
_ON_MYSQL = {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}
_CURRENT = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant


def prepare(database: Database) -> None:
    """Make sure that the tables are those of this release; quick when they are.

    New databases get their tables, and older ones of SQLite are brought up to date.

    Raises:
        FormatVersionError: A newer release made them.
        TrackingError: An older one did, and the database is on a server.
    """
    revision = _quickly(database)
    if revision == REVISIONS[-1]:
        return
    if revision in REVISIONS and database.dialect != "sqlite":
        raise TrackingError(
            f"the tables of {database} are those of an older release ({revision} of "
            f"{REVISIONS[-1]})",
            hint="stop what uses it, make a backup, and run `aqueduct db upgrade`",
        )
    migrate(database)


def migrate(database: Database) -> bool:
    """Make the tables, or bring them up to date.

    Returns:
        Whether there was anything to do.
    """
    with _alone(database) as connection:
        revision = _revision(connection)
        if revision is None:
            _create(connection)
        elif revision == REVISIONS[-1]:
            return False
        elif revision in REVISIONS:
            _run_migrations(connection)
        else:
            raise FormatVersionError(
                f"the tables of {database} were made by a newer release: {revision}, where "
                f"{REVISIONS[-1]} is the newest known here",
                hint=newer(),
            )
    return True


def _quickly(database: Database) -> str | None:
    """The revision, by one query; None if it can't be told that way."""
    try:
        with database.engine.connect() as connection:
            row = connection.exec_driver_sql(_CURRENT).first()
    except (OperationalError, ProgrammingError) as error:
        if error.connection_invalidated:
            raise database.refused(error) from error
        return None  # no such table, most often: what else it is shows as soon as one is made
    except DBAPIError as error:
        raise database.refused(error) from error
    return None if row is None else str(row[0])


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    row = connection.exec_driver_sql(_CURRENT).first()
    return None if row is None else str(row[0])


def _create(connection: Connection) -> None:
    if connection.dialect.name == "mysql":
        for table in metadata.tables.values():
            table.dialect_options["mysql"].update(_ON_MYSQL)
    metadata.create_all(connection)
    # As Alembic makes it. The row comes last: without it, whoever comes next does all of this again.
    connection.execute(
        text(
            f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(counters.delete())
    connection.execute(counters.insert().values(name="events", value=0))
    insert = text(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (:revision)")  # noqa: S608
    connection.execute(insert, {"revision": REVISIONS[-1]})


def _run_migrations(connection: Connection, revision: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction that is the only one to change the tables meanwhile."""
    ways = {
        "sqlite": _alone_on_sqlite,
        "postgresql": _alone_on_postgresql,
        "mysql": _alone_on_mysql,
    }
    try:
        with ways[database.dialect](database.engine) as connection:
            yield connection
    except DBAPIError as error:
        raise database.refused(error) from error


@contextmanager
def _alone_on_sqlite(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        # What replaces a table first copies and then drops it: no row of others shall go with it.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")


@contextmanager
def _alone_on_postgresql(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield connection


@contextmanager
def _alone_on_mysql(engine: Engine) -> Iterator[Connection]:
    name = f"aqueduct_{_LOCK}"
    with engine.connect() as connection:
        # The server has these locks for all of its databases together.
        connection.exec_driver_sql(f"SELECT GET_LOCK('{name}', {_PATIENCE})")
        try:
            yield connection
            connection.commit()  # before anybody else gets the lock
        finally:
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK('{name}')")
