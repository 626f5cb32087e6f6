from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._statement import Statement
from aqueduct_core.runtime import Job, Result, Workspace, read_result, run_operator, run_saves
from tests.runtime.flows import publish, run_all


@pytest.fixture
def database(tmp_path: Path) -> Any:
    return open_integration("warehouse", "sqlite", {"path": str(tmp_path / "warehouse.db")})


@pytest.fixture
def connected(workspace: Workspace, database: Any) -> Workspace:
    connection = {"kind": "sqlite", "config": database.config()}
    return Workspace(workspace.store, {"warehouse": connection})


@aq.op
def table(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"id": range(rows)})


@aq.op
def broken() -> pd.DataFrame:
    raise ValueError


def saves(workspace: Workspace, version: Version, run: str = "r1", attempt: int = 1) -> Any:
    run_all(workspace, version, run, attempt=attempt)
    names = [item.name for item in version.spec.of_kind("save")]
    results = run_saves(workspace, version, names, run, attempt)
    assert [result.name for result in results] == names
    for result in results:
        assert read_result(workspace.store, result.operator, run) == result
    return results


def states(results: list[Result]) -> list[str]:
    return [result.state for result in results]


def test_saves_write_their_tables(connected: Workspace, database: Any) -> None:
    frame = table(3)
    database.save(frame, table_name="one")
    database.save(table(4), table_name="two")
    results = saves(connected, publish(connected.store, frame, table(4)))
    assert len(database.tables()) == len(results)
    assert set(states(results)) == {"succeeded"}
    assert results[0].detail["rows"] == 3
    assert list(results[0].inputs) == ["table"]
    assert set(results[0].seconds) == {"load", "run"}


def test_a_failing_save_takes_back_the_others(connected: Workspace, database: Any) -> None:
    with database.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [0]}), "taken", "fail")
    frame = table(3)
    for name in ("before", "taken", "after"):
        database.save(frame, table_name=name)
    results = saves(connected, publish(connected.store, frame))
    assert states(results) == ["skipped", "failed", "skipped"]
    assert results[0].reason == "taken back, because 'save taken' failed"
    assert results[1].error is not None
    assert "taken" in str(results[1].reason)
    assert database.tables() == ["taken"]


@pytest.mark.parametrize("severity", ["warning", "error"])
def test_only_checks_of_severity_error_hold_saves_back(
    connected: Workspace, database: Any, severity: Any
) -> None:
    @aq.check(severity=severity)
    def large(frame: pd.DataFrame) -> Any:
        return frame["id"] > 1

    frame = table(3)
    large(frame)
    database.save(frame, table_name="one")
    [result] = saves(connected, publish(connected.store, frame))
    if severity == "warning":
        assert result.state == "succeeded"
    else:
        assert result.state == "skipped"
        assert (
            result.reason == "held back: the check 'large' did not pass: 2 of 3 rows are not true"
        )
        assert database.tables() == []


def test_a_check_that_did_not_run_or_raised_holds_saves_back(
    connected: Workspace, database: Any
) -> None:
    @aq.check(severity="error")
    def fine(frame: pd.DataFrame) -> bool:
        return True

    @aq.check(severity="error")
    def unsure(frame: pd.DataFrame) -> bool:
        raise ValueError("who knows")

    frame = table(3)
    fine(frame)
    database.save(frame, table_name="one")
    version = publish(connected.store, frame)
    run_operator(connected, Job(version, "table", "r1"))
    [result] = run_saves(connected, version, ["save one"], "r1")
    assert result.reason == "held back: the check 'fine' has no result"
    unsure(frame)
    [result] = saves(connected, publish(connected.store, frame))
    assert str(result.reason).startswith("held back: the check 'unsure' did not pass")
    assert database.tables() == []


def test_a_save_without_its_input_is_skipped_and_the_others_are_made(
    connected: Workspace, database: Any
) -> None:
    good, bad = table(3), broken()
    database.save(good, table_name="good")
    database.save(bad, table_name="bad")
    results = {item.name: item for item in saves(connected, publish(connected.store, good, bad))}
    assert results["save bad"].state == "skipped"
    assert results["save bad"].reason == "'broken' has no result: it failed"
    assert results["save good"].state == "succeeded"
    assert database.tables() == ["good"]


def test_an_input_that_is_gone_fails_all_of_them(connected: Workspace, database: Any) -> None:
    one, two = table(3), table(4)
    database.save(one, table_name="one")
    database.save(two, table_name="two")
    version = publish(connected.store, one, two)
    results = run_all(connected, version)
    connected.store.delete(results["table"].outputs["output"].key)
    names = ["save one", "save two"]
    found = run_saves(connected, version, names, "r1")
    assert states(found) == ["failed", "skipped"]
    assert "not in the store any more" in str(found[0].reason)
    assert found[1].reason == "not made, because 'save one' failed"
    assert database.tables() == []


def test_a_data_system_that_nobody_knows_is_a_failure(workspace: Workspace, database: Any) -> None:
    frame = table(3)
    database.save(frame, table_name="one")
    [result] = saves(workspace, publish(workspace.store, frame))
    assert result.state == "failed"
    assert "no data system is called 'warehouse' here" in str(result.reason)


def test_what_was_saved_is_not_saved_again(connected: Workspace, database: Any) -> None:
    frame = table(3)
    database.save(frame, table_name="one", mode="append")
    version = publish(connected.store, frame)
    [first] = saves(connected, version)
    [again] = saves(connected, version, attempt=2)
    assert again == first
    assert rows(database, "one") == 3
    [other] = saves(connected, version, run="r2")
    assert other.state == "succeeded"
    assert rows(database, "one") == 6


def test_a_save_whose_result_was_lost_is_not_made_twice(
    connected: Workspace, database: Any
) -> None:
    frame = table(3)
    database.save(frame, table_name="one", mode="append")
    version = publish(connected.store, frame)
    [first] = saves(connected, version)
    for key in list(connected.store.storage.list(f"operators/{first.operator}/")):
        connected.store.storage.delete(key)
    [again] = run_saves(connected, version, [first.name], "r1", 2)
    assert (again.state, again.detail) == (first.state, first.detail)
    assert rows(database, "one") == 3


def test_what_was_computed_anew_is_saved_anew(connected: Workspace, database: Any) -> None:
    frame = table(3)
    database.save(frame, table_name="one", mode="replace")
    version = publish(connected.store, frame)
    [first] = saves(connected, version)
    run_operator(connected, Job(version, "table", "r1", 2, {"table.rows": {"value": 5}}))
    [again] = run_saves(connected, version, [first.name], "r1", 2)
    assert (first.detail["rows"], again.detail["rows"], again.attempt) == (3, 5, 2)
    assert rows(database, "one") == 5


def test_a_failed_save_is_made_by_a_later_attempt(connected: Workspace, database: Any) -> None:
    frame = table(3)
    database.save(frame, table_name="one")
    with database.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [0]}), "one", "fail")
    version = publish(connected.store, frame)
    [first] = saves(connected, version)
    assert first.state == "failed"
    with sqlite3.connect(database.config()["path"]) as connection:
        connection.execute("DROP TABLE one")
    connection.close()
    [second] = saves(connected, version, attempt=2)
    assert (second.state, second.attempt) == ("succeeded", 2)
    assert read_result(connected.store, first.operator, "r1", attempt=1) == first


def test_a_secret_in_an_error_of_the_database_is_blackened(
    connected: Workspace, database: Any, tmp_path: Path
) -> None:
    secret = str(tmp_path / "no" / "such" / "hunter2" / "warehouse.db")
    frame = table(3)
    database.save(frame, table_name="one")
    connection = {"kind": "sqlite", "config": {"path": secret}, "password": "hunter2"}
    hidden = Workspace(connected.store, {"warehouse": connection})
    [result] = saves(hidden, publish(connected.store, frame))
    assert result.state == "failed"
    assert result.error is not None
    assert "hunter2" not in result.error.message + str(result.reason)


def rows(database: Any, table_name: str) -> int:
    return len(database.read(Statement.of(f"SELECT * FROM {table_name}"), {}))
