"""Connections that are kept for the next use: live, clean, nobody else's, and gone in the end."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
import psycopg
import pymysql
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import _pool, open_integration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.runtime import Workspace
from aqueduct_core.store import ArtifactStore
from tests.databases import MariadbServer, PostgresServer, private
from tests.integrations.tables import run, save
from tests.processes import wait_until


@dataclass
class Kept:
    """A database, and how its server is asked about connections."""

    database: Any
    who: str  # a query for the number of the connection
    many: str  # a query of more rows than are read at a time

    @property
    def id(self) -> int:
        return int(self.database.query(f"SELECT {self.who} AS id")["id"][0])

    def connected(self) -> list[int]:
        """The numbers of all connections to this database; what the server does itself has none."""
        known = self.database.config()
        if self.database.kind == "postgres":
            with psycopg.connect(_url(known), autocommit=True) as connection:
                text = (
                    "SELECT pid FROM pg_stat_activity WHERE datname = %s "
                    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
                return [pid for [pid] in connection.execute(text, [known["database"]])]
        with _connected(known) as connection, connection.cursor() as cursor:
            text = "SELECT id FROM information_schema.processlist WHERE db = %s"
            cursor.execute(text, [known["database"]])
            return [number for [number] in cursor.fetchall()]

    def kill(self) -> None:
        """End all connections, as somebody who may do that; they have ended when it returns."""
        known = self.database.config()
        numbers = self.connected()
        if self.database.kind == "postgres":
            with psycopg.connect(_url(known), autocommit=True) as connection:
                for number in numbers:
                    connection.execute("SELECT pg_terminate_backend(%s)", [number])
        else:
            with _connected(known) as connection:
                for number in numbers:
                    connection.kill(number)
        wait_until(lambda: not {*numbers} & {*self.connected()}, tell=self.connected)

    def wait_until_none(self) -> None:
        wait_until(lambda: not self.connected(), pause=0.02, tell=self.connected)


def _url(known: dict[str, Any]) -> str:
    return f"postgresql://{known['user']}@{known['host']}:{known['port']}/postgres"


def _connected(known: dict[str, Any]) -> Any:
    place = {key: known[key] for key in ("host", "port", "user")}
    return pymysql.connect(**place, autocommit=True)


ASKED = {
    "postgres": (
        "pg_backend_pid()",
        "SELECT a FROM generate_series(1, 9999) AS a, generate_series(1, 9999) AS b",
    ),
    "mariadb": ("connection_id()", "SELECT seq FROM seq_1_to_30000000"),
}


@pytest.fixture(params=["postgres", "mariadb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    return Kept(request.getfixturevalue(request.param), *ASKED[request.param])


def test_a_connection_is_used_again(kept: Kept) -> None:
    first = kept.id
    save(kept.database, pd.DataFrame({"a": [1]}))
    assert kept.database.tables() == ["t"]
    assert kept.id == first
    assert len(kept.connected()) == 2  # MariaDB: two for a save; PostgreSQL: one to read in Arrow


def test_one_that_was_killed_is_replaced(kept: Kept) -> None:
    save(kept.database, pd.DataFrame({"a": [1]}))
    first = kept.id
    kept.kill()
    assert kept.id != first
    kept.kill()
    save(kept.database, pd.DataFrame({"a": [2]}), mode="append")
    kept.kill()
    assert kept.database.describe("t").columns[0].name == "a"
    assert kept.database.query("SELECT a FROM t ORDER BY a")["a"].tolist() == [1, 2]


@pytest.mark.parametrize("kind", [PostgresServer, MariadbServer])
def test_a_server_that_was_restarted_is_connected_to_again(kind: Any) -> None:
    if (missing := kind.missing()) is not None:
        pytest.skip(f"{missing} is not installed")
    with private(kind()) as server:
        name = "postgres" if kind is PostgresServer else "mariadb"
        user = "postgres" if kind is PostgresServer else "root"
        server.execute("CREATE DATABASE shop")
        place = {"host": "127.0.0.1", "port": server.port, "user": user, "database": "shop"}
        database: Any = open_integration("w", name, place)
        save(database, pd.DataFrame({"a": [1]}))
        assert database.query("SELECT a FROM t")["a"].tolist() == [1]
        server.end()
        with pytest.raises(IntegrationError, match="nothing listens on this port"):
            database.query("SELECT a FROM t")
        server.begin()
        assert database.query("SELECT a FROM t")["a"].tolist() == [1]
        save(database, pd.DataFrame({"a": [2]}), mode="append")
        server.end()
        server.begin()
        assert database.query("SELECT a FROM t")["a"].tolist() == [1, 2]
        database.close()


def test_nothing_of_what_was_set_is_left_in_postgresql(postgres: Any) -> None:
    def asked() -> tuple[Any, ...]:
        with postgres.connection() as connection:
            driver = connection.connection.driver_connection
            settings = "search_path, statement_timeout, default_transaction_isolation, TimeZone"
            shown = [f"current_setting('{name}')" for name in settings.split(", ")]
            text = f"SELECT pg_backend_pid(), {', '.join(shown)}"
            row: tuple[Any, ...] = driver.execute(text).fetchone()
            return row

    before = asked()
    run(
        postgres,
        "CREATE TEMP TABLE mine AS SELECT 1 AS a",
        "SET search_path = nowhere; SET statement_timeout = '1h'; SET TimeZone = 'Asia/Tokyo'",
        "SET default_transaction_isolation = serializable",
        "SELECT pg_advisory_lock(77)",
        "PREPARE one AS SELECT 1",
    )
    assert asked() == before
    # Its own, since others test on this server, too.
    own = "pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    assert postgres.query(f"SELECT count(*) AS locks FROM {own}")["locks"][0] == 0
    for gone in ("SELECT * FROM mine", "EXECUTE one"):
        with pytest.raises(psycopg.Error, match="does not exist"):
            run(postgres, gone)
    assert asked() == before


def test_nothing_that_a_query_has_set_is_left_in_postgresql(postgres: Any) -> None:
    query = "SELECT pg_backend_pid() AS id, current_setting('search_path') AS path"
    before = postgres.query(query)
    postgres.query(
        "SELECT set_config('search_path', 'nowhere', false), pg_advisory_lock(78)::text AS locked, "
        "set_config('default_transaction_read_only', 'off', false)"
    )
    pd.testing.assert_frame_equal(postgres.query(query), before)
    own = "pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    assert postgres.query(f"SELECT count(*) AS n FROM {own}")["n"][0] == 0
    run(postgres, "CREATE FUNCTION put() RETURNS int LANGUAGE sql AS 'CREATE TABLE t (); SELECT 1'")
    with pytest.raises(IntegrationError, match="read-only"):
        postgres.query("SELECT put()")


def test_nothing_of_what_was_set_is_left_in_mariadb(mariadb: Any) -> None:
    query = (
        "SELECT connection_id() AS id, @@sql_mode AS mode, @@time_zone AS zone, @@autocommit AS auto, "
        "@@tx_isolation AS isolation, @@character_set_client AS letters, "
        "@@collation_connection AS collation, @@lock_wait_timeout AS locks, "
        "IFNULL(@mine, 'none') AS mine, is_free_lock('mine') AS is_free"
    )
    before = mariadb.query(query)
    assert before["letters"][0] == "utf8mb4"
    assert "STRICT_ALL_TABLES" in before["mode"][0]
    with mariadb.connection() as connection:
        for statement in (
            "SET sql_mode = '', time_zone = '+09:00', autocommit = 1, lock_wait_timeout = 1",
            "SET @mine = 1",
            "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
            "SET NAMES latin1",
            "SELECT get_lock('mine', 1)",
            "CREATE TEMPORARY TABLE mine (a INT)",
        ):
            mariadb.execute(connection, statement).close()
    pd.testing.assert_frame_equal(mariadb.query(query), before)
    with pytest.raises(IntegrationError, match="doesn't exist"):
        mariadb.query("SELECT * FROM mine")


def test_what_failed_leaves_nothing_for_the_next(kept: Kept) -> None:
    first = kept.id
    for wrong in ("SELECT 1 / 0 AS a FROM nowhere", "SELEC 1"):
        with pytest.raises(IntegrationError):
            kept.database.query(wrong)
    with pytest.raises(IntegrationError), kept.database.transaction() as transaction:
        transaction.save(pd.DataFrame({"a": [1]}), "t", "fail")
        transaction.save(pd.DataFrame({"a": [1]}), "t", "fail")
    assert kept.database.tables() == []
    assert kept.id == first


def test_a_result_that_nobody_reads_to_its_end_ends_with_its_connection(kept: Kept) -> None:
    first = kept.id
    with kept.database.result(Statement.of(kept.many), {}) as result:
        next(iter(result.chunks))
    assert kept.id != first
    with pytest.raises(KeyboardInterrupt), kept.database.connection():
        raise KeyboardInterrupt  # wherever the driver was
    assert kept.database.query("SELECT 1 AS a")["a"].tolist() == [1]


def test_threads_do_not_share_one(kept: Kept) -> None:
    def work(number: int) -> bool:
        found = kept.database.query("SELECT :n AS n", {"n": number})["n"].tolist()
        save(kept.database, pd.DataFrame({"n": [number]}), f"t{number % 3}", "append")
        return bool(found == [number])

    for table in range(3):
        save(kept.database, pd.DataFrame({"n": [-1]}), f"t{table}")
    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(30)))
    saved = [kept.database.query(f"SELECT n FROM t{table}")["n"] for table in range(3)]
    assert sorted(number for one in saved for number in one) == sorted([-1, -1, -1, *range(30)])
    # Four of each driver wait; the server sees a little later that the others are closed.
    wait_until(lambda: len(kept.connected()) <= 8, tell=kept.connected)


FORKED = """
    import os, sys
    from aqueduct_core.integrations import open_integration

    database = open_integration("w", {kind!r}, {config!r})

    def asked():
        return int(database.query("SELECT {who} AS id")["id"][0])

    before = asked()
    tables = database.tables()
    child = os.fork()
    if not child:
        inside = asked()
        assert database.tables() == tables and inside != before
        sys.exit(7 if inside == asked() else 1)  # with all that the end of a program does
    assert os.waitpid(child, 0)[1] == 7 << 8
    assert asked() == before and database.tables() == tables
    print("done")
"""


def test_a_child_process_leaves_those_of_its_parent_alone(kept: Kept) -> None:
    config = kept.database.config()
    program = dedent(FORKED).format(kind=kept.database.kind, config=config, who=kept.who)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "done\n", done.stderr
    assert "Warning" not in done.stderr.replace("DeprecationWarning", "")  # Python's, of threads
    kept.wait_until_none()


def test_what_is_not_used_is_closed_after_a_while(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pool, "IDLE", 0.05)
    save(kept.database, pd.DataFrame({"a": [1]}))
    first = kept.id
    kept.wait_until_none()
    assert kept.id != first


def test_none_outlives_its_integration(kept: Kept) -> None:
    made: Any = open_integration("v", kept.database.kind, kept.database.config())
    assert made.query("SELECT 1 AS a")["a"].tolist() == [1]
    assert kept.connected()
    del made
    kept.wait_until_none()


def test_operators_of_a_run_share_one_until_it_ends(kept: Kept, tmp_path: Path) -> None:
    described = {"kind": kept.database.kind, "config": kept.database.config()}
    workspace = Workspace(ArtifactStore(tmp_path), {"w": described})
    one: Any = workspace.integration("w")
    one.query("SELECT 1 AS a")
    assert workspace.integration("w") is one
    workspace.close()
    kept.wait_until_none()
    assert one.query("SELECT 1 AS a")["a"].tolist() == [1]


def test_a_worker_leaves_nothing_open_after_its_run(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AQUEDUCT_DATABASE", "AQUEDUCT_STORE"):
        monkeypatch.delenv(name, raising=False)
    kind, config = kept.database.kind, kept.database.config()
    with aq.Client(home=tmp_path) as client:
        warehouse: Any = client.connect_integration("w", kind, **config)
        found = warehouse.sql("SELECT 1 AS a")
        warehouse.save(found, table_name="t", mode="append")
        assert client.publish_flow("Flow", found, quiet=True).latest().status == "succeeded"
        warehouse.close()
        kept.wait_until_none()  # the worker is there still
        assert warehouse.query("SELECT a FROM t")["a"].tolist() == [1]
    kept.wait_until_none()


def test_nothing_that_is_kept_shows_a_password(
    postgres: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = {**postgres.config(), "password": "hunter2"}
    made: Any = open_integration("v", "postgres", config)
    made.query("SELECT 1 AS a")
    engine, readers = made.engine, made._readers
    kept = [engine, engine.pool, readers, readers.pool, readers.pool._creator, made._kept]
    assert "hunter2" not in f"{kept} {vars(made._kept[0])} {engine.pool.status()} {caplog.text}"
    made.close()


def test_a_login_is_tried_anew_when_it_is_tested(kept: Kept) -> None:
    first = kept.id
    kept.database.test()
    assert kept.id != first
