"""MySQL and MariaDB when tables change: as a whole, once, and as they were if something goes wrong."""

from __future__ import annotations

import uuid
from typing import Any

import pandas as pd
import pytest

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.integrations.mysql import _integration
from tests.integrations.tables import (
    SECRET,
    UNREACHABLE,
    check_refusal,
    column,
    left_behind,
    read,
    run,
    save,
)


def test_texts_are_the_same_only_if_they_are_equal(mariadb: Any) -> None:
    frame = pd.DataFrame({"k": ["a", "A", "á", "a "], "v": [1, 2, 3, 4]})
    save(mariadb, frame, mode="upsert", keys=["k"])
    save(mariadb, frame.assign(v=5)[:1], mode="upsert", keys=["k"])
    assert read(mariadb, "SELECT v FROM t ORDER BY v")["v"].tolist() == [2, 3, 4, 5]
    assert len(read(mariadb, "SELECT * FROM t WHERE k = 'a'")) == 1


def test_keys_that_are_the_same_for_the_table_are_refused(mariadb: Any) -> None:
    run(mariadb, "CREATE TABLE t (k TEXT COLLATE utf8mb4_general_ci, v BIGINT)")
    run(mariadb, "INSERT INTO t VALUES ('a', 1)")
    frame = pd.DataFrame({"k": ["A", "a"], "v": [2, 3]})
    with pytest.raises(IntegrationError, match="two rows have the same keys 'k' by the rules"):
        save(mariadb, frame, mode="upsert", keys=["k"])
    save(mariadb, frame[:1], mode="upsert", keys=["k"])
    assert read(mariadb, "SELECT v FROM t")["v"].tolist() == [2]


def test_replacing_by_the_same_columns_keeps_keys_and_rights(mariadb: Any) -> None:
    save(mariadb, pd.DataFrame({"k": [1], "v": ["x"]}), mode="fail")
    run(mariadb, "ALTER TABLE t ADD UNIQUE (k)")
    save(mariadb, pd.DataFrame({"k": [1, 2], "v": ["y", "z"]}), mode="replace")
    assert read(mariadb, "SELECT v FROM t ORDER BY k")["v"].tolist() == ["y", "z"]
    with pytest.raises(IntegrationError, match="Duplicate"):
        save(mariadb, pd.DataFrame({"k": [1], "v": ["w"]}), mode="append")
    save(mariadb, pd.DataFrame({"k": [1, 1]}), mode="replace")
    assert read(mariadb, "SELECT k FROM t")["k"].tolist() == [1, 1]
    assert left_behind(mariadb) == []


def test_a_table_may_be_saved_to_several_times_in_a_transaction(mariadb: Any) -> None:
    frame = pd.DataFrame({"k": [1, 2], "v": ["x", "y"]})
    with mariadb.transaction() as transaction:
        transaction.save(frame, "t", "fail")
        transaction.save(frame.assign(k=[2, 3]), "t", "upsert", keys=["k"])
        transaction.save(frame.assign(k=[5, 6]), "t", "append")
        with pytest.raises(IntegrationError, match="already"):
            transaction.save(frame, "t", "fail")
    assert read(mariadb, "SELECT k FROM t ORDER BY k")["k"].tolist() == [1, 2, 3, 5, 6]
    with mariadb.transaction() as transaction:
        transaction.save(frame, "t", "append")
        transaction.save(frame, "t", "replace")
    assert len(read(mariadb, "SELECT * FROM t")) == 2
    with (
        pytest.raises(IntegrationError, match="save each table once"),
        mariadb.transaction() as transaction,
    ):
        transaction.save(frame, "t", "append")
        transaction.save(column(1), "t", "replace")
    assert len(read(mariadb, "SELECT * FROM t")) == 2
    assert left_behind(mariadb) == []


def test_tables_without_transactions_are_refused(mariadb: Any) -> None:
    run(mariadb, "CREATE TABLE t (c BIGINT) ENGINE=MyISAM")
    for mode in ("append", "replace"):
        with pytest.raises(IntegrationError, match=r"MyISAM[\s\S]*ENGINE=InnoDB"):
            save(mariadb, column(1), mode=mode)


def test_a_view_is_no_table(mariadb: Any) -> None:
    run(mariadb, "CREATE TABLE t (c BIGINT)", "CREATE VIEW v AS SELECT * FROM t")
    assert mariadb.tables() == ["t", "v"]
    with pytest.raises(IntegrationError, match="is a view"):
        save(mariadb, column(1), "v", "replace")


def test_a_commit_that_fails_takes_the_new_tables_back(mariadb: Any) -> None:
    save(mariadb, column(1))
    with (
        pytest.raises(IntegrationError, match="could not commit"),
        mariadb.transaction() as transaction,
    ):
        transaction.save(column("x"), "t", "replace")
        transaction.save(column("x"), "new", "fail")
        run(mariadb, f"KILL {transaction.connection.connection.driver_connection.thread_id()}")
    assert mariadb.tables() == ["t"]
    assert read(mariadb, "SELECT * FROM t")["c"].tolist() == [1]
    assert left_behind(mariadb) == []


def test_tables_that_were_shown_before_everything_was_lost_are_not_made_again(
    mariadb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(mariadb, column(1), "old", once="r0")
    transaction = mariadb.transaction()
    saves = transaction.__enter__()
    saves.save(column(1, 2), "t", "fail", once="r1")
    saves.save(column(3), "old", "append", once="r2")
    # The process ends between the two steps of the end.
    monkeypatch.setattr(saves.connection, "commit", saves.connection.invalidate)
    saves.finish()
    assert read(mariadb, "SELECT * FROM t")["c"].tolist() == [1, 2]
    assert read(mariadb, "SELECT * FROM old")["c"].tolist() == [1]
    assert save(mariadb, column(1, 2), "t", "fail", once="r1")["rows"] == 2
    assert save(mariadb, column(3), "old", "append", once="r2")["rows"] == 1
    assert read(mariadb, "SELECT * FROM t")["c"].tolist() == [1, 2]
    assert read(mariadb, "SELECT * FROM old")["c"].tolist() == [1, 3]
    transaction.__exit__(None, None, None)


KILL_OTHERS = """
BEGIN NOT ATOMIC FOR p IN (SELECT id FROM information_schema.processlist
WHERE db = database() AND id <> connection_id()) DO KILL p.id; END FOR; END
"""


def test_a_server_that_goes_away_takes_the_save_back(mariadb: Any) -> None:
    save(mariadb, column(1))
    with pytest.raises(IntegrationError, match="could not"), mariadb.transaction() as transaction:
        transaction.save(column(2), "t", "append")
        run(mariadb, KILL_OTHERS)
        transaction.save(column(3), "t", "append")
    assert read(mariadb, "SELECT * FROM t")["c"].tolist() == [1]


def test_a_server_that_goes_away_in_the_middle_of_a_read_is_told(mariadb: Any) -> None:
    statement = Statement.of("SELECT seq, repeat('x', 1000) FROM seq_1_to_2000000")
    with (
        pytest.raises(IntegrationError, match=r"lost|closed"),
        mariadb.result(statement, {}) as result,
    ):
        for _ in result.chunks:
            run(mariadb, KILL_OTHERS)
    assert read(mariadb, "SELECT 1 AS a")["a"].tolist() == [1]


def test_a_table_that_somebody_holds_is_waited_for_and_then_told(
    mariadb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(mariadb, pd.DataFrame({"k": [1], "v": [1]}), mode="upsert", keys=["k"])
    short = _integration._SESSION.replace("wait_timeout = 30", "wait_timeout = 1")
    monkeypatch.setattr(_integration, "_SESSION", short)
    hasty = open_integration("hasty", "mariadb", mariadb.config())
    with mariadb.connection() as other:
        other.begin()
        mariadb.execute(other, "UPDATE t SET v = 2").close()
        with pytest.raises(IntegrationError, match=r"[Ll]ock wait[\s\S]*another transaction"):
            save(hasty, pd.DataFrame({"k": [1], "v": [3]}), mode="upsert", keys=["k"])
    assert read(mariadb, "SELECT v FROM t")["v"].tolist() == [1]


def test_saves_with_the_same_keys_wait_for_each_other(
    mariadb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(mariadb, pd.DataFrame({"k": [1], "v": [1]}))
    monkeypatch.setattr("aqueduct_core.integrations.mysql._saves._LOCKS", 0)
    with mariadb.transaction() as transaction:
        transaction.save(pd.DataFrame({"k": [2], "v": [1]}), "t", "upsert", keys=["k"])
        with pytest.raises(IntegrationError, match="another save into table 't'"):
            save(mariadb, pd.DataFrame({"k": [2], "v": [2]}), mode="upsert", keys=["k"])
    assert read(mariadb, "SELECT k FROM t")["k"].tolist() == [1, 2]


def test_the_server_gets_no_file_at_its_wish(mariadb: Any, tmp_path: Any) -> None:
    secret = tmp_path / "secret"
    secret.write_text("7")
    run(mariadb, "CREATE TABLE t (c BIGINT)")
    with mariadb.connection() as connection:
        driver = connection.connection.driver_connection
        with pytest.raises(RuntimeError, match="LOAD_LOCAL"):
            driver.query(f"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE t")
        connection.invalidate()
    assert len(read(mariadb, "SELECT * FROM t")) == 0


@pytest.mark.parametrize(("change", "match"), [*UNREACHABLE, ({}, "login was refused")])
def test_what_can_not_be_reached_names_the_wrong_setting(
    mariadb: Any, change: dict[str, Any], match: str
) -> None:
    password = None if "database" in change or "sslmode" in change else SECRET
    config = {**mariadb.config(), **change, **({"password": password} if password else {})}
    wrong: Any = open_integration("w", "mysql", config)
    check_refusal(wrong, match)


def test_a_password_may_have_any_letters(mariadb: Any) -> None:
    [name] = [f"u{uuid.uuid4().hex[:8]}"]
    run(mariadb, f"CREATE USER {name}@'%' IDENTIFIED BY '{SECRET}'")
    run(mariadb, f"GRANT SELECT ON *.* TO {name}@'%'")
    config = {**mariadb.config(), "user": name, "password": SECRET}
    try:
        reader: Any = open_integration("r", "mariadb", config)
        save(mariadb, column(1))
        assert read(reader, "SELECT * FROM t")["c"].tolist() == [1]
        with pytest.raises(IntegrationError, match=r"denied[\s\S]*the user may not do this"):
            save(reader, column(1), mode="append")
    finally:
        run(mariadb, f"DROP USER {name}@'%'")


def test_settings_that_are_no_settings() -> None:
    config = {"host": "h", "database": "d", "user": "u"}
    with pytest.raises(IntegrationError, match="needs the setting 'user'"):
        open_integration("w", "mysql", {"host": "h", "database": "d"})
    with pytest.raises(IntegrationError, match="port is no number"):
        open_integration("w", "mysql", {**config, "port": "x"})
    with pytest.raises(IntegrationError, match=r"'maybe' is not known[\s\S]*verify-full"):
        open_integration("w", "mysql", {**config, "sslmode": "maybe"})
