"""Connections: URLs, what errors say, forks, and other people's transactions."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from aqueduct_core.errors import MissingExtraError, TrackingError
from aqueduct_core.tracking import Tracking, _database
from aqueduct_core.tracking._database import Database
from tests.tracking.toys import SECRET, a_result, a_version


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("no url at all", "no URL"),
        ("oracle://scott:tiger@host/db", "oracle can't be"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("postgresql://me:hunter2@host:port/db", "no URL"),
    ],
)
def test_urls_that_can_not_be_used_are_refused(url: str, message: str) -> None:
    with pytest.raises(TrackingError, match=message) as caught:
        Tracking(url, secret=SECRET)
    assert "hunter2" not in str(caught.value)
    assert "tiger" not in str(caught.value)


@pytest.mark.parametrize("kind", ["postgresql", "postgres", "mysql", "mariadb"])
def test_passwords_are_never_shown(kind: str) -> None:
    url = f"{kind}://me:hunter2@127.0.0.1:1/db?connect_timeout=1"
    database = Database(url)
    assert "hunter2" not in f"{database} {database!r}"
    with pytest.raises(TrackingError) as caught:
        Tracking(url, secret=SECRET)
    shown = [caught.value, caught.value.__cause__]
    assert not any("hunter2" in text for error in shown for text in (str(error), repr(error)))
    assert "127.0.0.1" in str(caught.value)
    assert "check that the server runs" in str(caught.value)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"aqueduct-core\[postgres\]"):
        Database("postgresql://host/db")


def test_a_file_that_can_not_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(TrackingError, match="folder can't be opened"):
        Tracking(f"sqlite:///{tmp_path}/folder", secret=SECRET)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database" * 1000)
    with pytest.raises(TrackingError, match=r"a\.db refused: file is not a database"):
        Tracking(f"sqlite:///{tmp_path}/a.db", secret=SECRET)


def test_the_file_is_private(tmp_path: Path) -> None:
    with Tracking(f"sqlite:///{tmp_path}/new/a.db", secret=SECRET) as tracking:
        tracking.publish(a_version())
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


def test_a_child_of_a_fork_has_connections_of_its_own(tracking: Tracking) -> None:
    version = a_version()
    tracking.publish(version)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            tracking.start_run("child", version.flow, version.digest)
            status = 0
        finally:
            os._exit(status)
    tracking.start_run("parent", version.flow, version.digest)
    assert os.waitpid(child, 0)[1] == 0
    tracking.start_run("later", version.flow, version.digest)
    assert {run.id for run in tracking.runs()} == {"child", "parent", "later"}


def test_a_writer_waits_for_its_turn(tmp_path: Path) -> None:
    with Tracking(f"sqlite:///{tmp_path}/a.db", secret=SECRET) as tracking:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=tracking.publish, args=(a_version(),))
        writer.start()
        assert len(tracking.flows()) == 0, "readers don't wait"
        other.execute("COMMIT")
        other.close()
        writer.join()
        assert len(tracking.flows()) == 1


def test_a_writer_that_waits_too_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_database, "_BUSY", 0.01)
    monkeypatch.setattr(_database, "_LONGEST_PAUSE", 0.01)
    with Tracking(f"sqlite:///{tmp_path}/a.db", secret=SECRET) as tracking:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TrackingError, match="database is locked"):
            tracking.publish(a_version())
        other.close()


def test_what_meets_others_is_done_again(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    version = a_version()
    tracking.publish(version)
    tries: list[int] = []

    def change(connection: object) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("", {}, sqlite3.OperationalError("database is locked"))
        return "done"

    assert tracking._database.write(change) == "done"
    assert len(tries) == 3


def test_a_transaction_that_fails_leaves_nothing(tracking: Tracking) -> None:
    version = a_version()
    tracking.publish(version)
    tracking.start_run("r", version.flow, version.digest)
    too_long = a_result(version, "load", "r", seconds={"run": None})
    with pytest.raises((TrackingError, TypeError)):
        tracking.record(version, [a_result(version, "train", "r"), too_long])
    assert tracking.results("r") == []


def test_a_connection_that_was_cut_is_replaced(
    tracking: Tracking, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if backend == "sqlite":
        pytest.skip("a file has no connection that could be cut")
    monkeypatch.setattr(_database, "_TRUSTED", -1.0)  # as if it had been idle
    assert tracking.last_event() == 0
    own = {"postgresql": "pg_backend_pid()", "mariadb": "connection_id()"}[backend]
    with tracking._database.engine.connect() as connection:
        victim = connection.exec_driver_sql(f"SELECT {own}").scalar_one()
    kill = {"postgresql": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}[backend]
    elsewhere = create_engine(tracking._database.url, poolclass=NullPool)
    with elsewhere.connect() as connection:
        connection.exec_driver_sql(kill.format(victim))
    assert tracking.last_event() == 0
    with tracking._database.engine.connect() as connection:
        assert connection.exec_driver_sql(f"SELECT {own}").scalar_one() != victim


def test_connections_are_closed_when_nobody_has_the_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'aqueduct.db'}")
    with database.read() as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
    assert driver.total_changes == 0
    del database
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.total_changes  # noqa: B018 - it raises
