"""PostgreSQL when things go wrong: what is left is the table as it was, and no secret."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import ArtifactNotFoundError, IntegrationError
from aqueduct_core.integrations import _results, open_integration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.integrations.postgres import _integration
from aqueduct_core.integrations.postgres._types import shape_of
from aqueduct_core.serializers.tables import FrameStream
from tests.databases import Server
from tests.integrations.tables import column, read, run, save
from tests.processes import wait_until

SECRET = "hunter2-Ω'\\ @/"
KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def guarded(postgres: Any, postgres_server: Server) -> Iterator[dict[str, Any]]:
    """How a user with a password connects to a database with one table."""
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")  # other processes make the same role
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'guarded'").fetchone()
        if known is None:
            literal = psycopg.sql.Literal(SECRET).as_string(connection)
            connection.execute("SET password_encryption = 'scram-sha-256'")
            connection.execute(f"CREATE ROLE guarded LOGIN PASSWORD {literal}")
    run(postgres, "GRANT ALL ON SCHEMA public TO guarded", "CREATE TABLE orders AS SELECT 1 AS id")
    run(postgres, "ALTER TABLE orders OWNER TO guarded")
    yield {**postgres.config(), "user": "guarded", "password": SECRET}
    run(postgres, "DROP OWNED BY guarded CASCADE")


def test_a_password_opens_and_another_does_not(guarded: dict[str, Any]) -> None:
    warehouse: Any = open_integration("w", "postgres", guarded)
    assert warehouse.query("SELECT id FROM orders")["id"].tolist() == [1]
    wrong: Any = open_integration("w", "postgres", {**guarded, "password": "wrong-Ω"})
    with pytest.raises(IntegrationError, match=r"login was refused[\s\S]*user and password") as hit:
        wrong.test()
    assert "wrong-Ω" not in "".join(traceback.format_exception(hit.value))


def test_a_large_result_is_stored_as_it_comes(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_results, "STREAMED", 100_000)
    monkeypatch.setattr(_integration, "_BATCH", 100_000)
    query = (
        "SELECT n, (n % 7)::numeric / 4 AS d, CASE WHEN n > 60000 THEN 'x' || n END AS s, "
        "now()::timestamp AS at, NULL::int AS nothing FROM generate_series(1, 70000) AS n"
    )
    statement = Statement.of(query.replace("now()", "'2013-01-02 03:04:05'"))
    found = postgres.extract(statement, {})
    assert isinstance(found, FrameStream)
    store = ArtifactStore("memory://")
    back = store.get(store.put(found, "rows"))
    assert_frame_equal(back, postgres.read(statement, {}))
    assert not isinstance(postgres.extract(Statement.of("SELECT 1 AS n"), {}), FrameStream)


def test_numbers_that_outgrow_a_stream_are_told(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_results, "STREAMED", 100_000)
    monkeypatch.setattr(_integration, "_BATCH", 100_000)
    query = (
        "SELECT CASE WHEN n < 90000 THEN 1 ELSE 0.125 END AS d FROM generate_series(1, 90000) AS n"
    )
    with pytest.raises(IntegrationError, match=r"column 'd'.* from row \d+ on[\s\S]*CAST"):
        ArtifactStore("memory://").put(postgres.extract(Statement.of(query), {}), "rows")


def test_a_server_that_goes_away_in_the_middle_of_a_read(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_results, "STREAMED", 100_000)
    query = "SELECT n, repeat('x', 1000) AS s FROM generate_series(1, 300000) AS n"
    found = postgres.extract(Statement.of(query), {})
    run(postgres, KILL)
    store = ArtifactStore("memory://")
    with pytest.raises(IntegrationError, match=r"not run the query[\s\S]*went away"):
        store.put(found, "rows")
    with pytest.raises(ArtifactNotFoundError):
        store.get("rows")


def test_a_server_that_goes_away_while_rows_are_sent(postgres: Any) -> None:
    save(postgres, pd.DataFrame({"c": [1]}))
    # A trigger that waits keeps the server busy, and tells that rows have arrived.
    run(
        postgres,
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_advisory_lock(7), pg_sleep(60); RETURN NEW; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait()",
    )

    def kill() -> None:
        with postgres.connection() as connection:
            driver = connection.connection.driver_connection
            driver.autocommit = True
            held = (
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            wait_until(lambda: driver.execute(held).fetchone()[0])
            driver.execute(KILL)

    killer = Thread(target=kill)
    killer.start()
    with pytest.raises(
        IntegrationError, match=r"not save table 't'[\s\S]*Hint: the server went away"
    ):
        save(postgres, pd.DataFrame({"c": range(1000)}), mode="append")
    killer.join()
    run(postgres, "DROP TRIGGER slow ON t")
    assert postgres.query("SELECT * FROM t")["c"].tolist() == [1]


def test_a_table_that_was_dropped_between_runs(postgres: Any) -> None:
    frame = pd.DataFrame({"c": [1]})
    save(postgres, frame, mode="append")
    postgres.drop("t")
    with pytest.raises(IntegrationError, match=r"does not exist[\s\S]*tables\(\) lists"):
        postgres.query("SELECT * FROM t")
    for mode in ("append", "replace"):
        save(postgres, frame, mode=mode)
    assert postgres.query("SELECT * FROM t")["c"].tolist() == [1]


@pytest.mark.parametrize(
    ("frame", "table", "match"),
    [
        (pd.DataFrame({"x" * 64: [1]}), "t", "longer than 63 bytes"),
        (pd.DataFrame({"é" * 32: [1]}), "t", "longer than 63 bytes"),
        (pd.DataFrame({"c": [1]}), "t" * 64, "longer than 63 bytes"),
        (pd.DataFrame([[1] * 1601], columns=[f"c{n}" for n in range(1601)]), "t", "1600 columns"),
        (pd.DataFrame({"c": [1]}), "nowhere.t", 'schema "nowhere" does not exist'),
    ],
)
def test_what_is_too_long_or_nowhere_is_refused(
    postgres: Any, frame: pd.DataFrame, table: str, match: str
) -> None:
    with pytest.raises(IntegrationError, match=match):
        save(postgres, frame, table)
    assert postgres.tables() == []


def test_rights_that_are_missing_are_told(guarded: dict[str, Any], postgres: Any) -> None:
    run(postgres, "CREATE TABLE closed AS SELECT 1 AS c", "REVOKE ALL ON closed FROM PUBLIC")
    warehouse: Any = open_integration("w", "postgres", guarded)
    with pytest.raises(IntegrationError, match=r"permission denied[\s\S]*rights"):
        warehouse.query("SELECT * FROM closed")
    with pytest.raises(IntegrationError, match=r"permission denied[\s\S]*rights"):
        save(warehouse, pd.DataFrame({"c": [1]}), "closed", "append")


def test_nobody_comes_between_the_questions_about_a_query(postgres: Any) -> None:
    """The second one would hold up every thread of the process, also the one that has locked the table."""
    save(postgres, column(1))
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    held = (
        f"SELECT count(*) AS n FROM pg_locks WHERE relation = 't'::regclass AND database = {here}"
    )
    with postgres.connection() as connection:
        shape_of(connection.connection.driver_connection, "SELECT * FROM t")
        assert read(postgres, held)["n"].tolist() == [1]
    assert read(postgres, held)["n"].tolist() == [0]


def test_a_table_that_gets_other_columns_just_before_it_is_read_is_an_error(
    postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(postgres, column(1))

    def asked(*told: Any) -> Any:
        shape = shape_of(*told)
        told[0].rollback()
        save(postgres, pd.DataFrame({"c": ["x"], "d": [2]}), mode="replace")
        return shape

    with monkeypatch.context() as patch:
        patch.setattr(_integration, "shape_of", asked)
        with pytest.raises(IntegrationError, match="other columns while it was about to be read"):
            read(postgres, "SELECT * FROM t")
    assert read(postgres, "SELECT * FROM t").values.tolist() == [["x", 2]]
