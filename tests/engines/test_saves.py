"""Saves: last, together, and only after every check has passed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.integrations import open_integration
from tests.engines.conftest import Run, Workshop


@aq.op
def table() -> pd.DataFrame:
    return pd.DataFrame({"id": [1, 2, 3]})


@aq.op
def broken(df: pd.DataFrame) -> pd.DataFrame:
    raise ValueError("broken")


def warehouse_of(workshop: Workshop, folder: Path, name: str = "warehouse") -> Any:
    config = {"path": str(folder / f"{name}.db")}
    workshop.connections[name] = {"kind": "sqlite", "config": config}
    return open_integration(name, "sqlite", config)


def test_saves_come_last(workshop: Workshop, tmp_path: Path) -> None:
    warehouse = warehouse_of(workshop, tmp_path)

    def late(path: str) -> bool:
        time.sleep(0.05)
        return not Path(path).exists()

    first = table()
    warehouse.save(first, table_name="first")
    slow = aq.op(name="slow")(late)(str(warehouse.path))
    run = workshop.run(first, slow)
    assert run.wait() == "succeeded"
    assert run.value("slow") is True
    assert run.results()["save first"].detail["rows"] == 3
    assert warehouse.table("first").get()["id"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("verdict", ["false", "raises", "skipped"])
def test_a_failing_check_holds_back_every_save(
    workshop: Workshop, tmp_path: Path, verdict: str
) -> None:
    warehouse = warehouse_of(workshop, tmp_path)
    first = table()

    @aq.check(severity="error")
    def valid(df: pd.DataFrame, how: str) -> Any:
        return df["id"] < 3 if how == "false" else None

    valid(broken(first) if verdict == "skipped" else first, verdict)
    warehouse.save(first, table_name="one")
    warehouse.save(aq.op(name="copy")(lambda df: df)(first), table_name="two")
    roots = [first, *(item for item in [broken(first)] if verdict == "skipped")]
    aq.check(severity="error", name="also")(lambda df: True)(roots[-1])
    run = workshop.run(*roots)
    states = run.states()
    assert run.wait() == ("succeeded" if verdict == "none" else "failed")
    saves = {name: state for name, state in states.items() if name.startswith("save")}
    assert set(saves.values()) == {"skipped"}
    assert "held back" in str(run.results()["save one"].reason)
    assert not warehouse.path.exists() or warehouse.tables() == []


def test_saves_into_one_system_are_one_transaction(workshop: Workshop, tmp_path: Path) -> None:
    warehouse = warehouse_of(workshop, tmp_path)
    other = warehouse_of(workshop, tmp_path, "other")
    with warehouse.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [0]}), "there", "fail")
    first = table()
    warehouse.save(first, table_name="new")
    warehouse.save(first, table_name="there", mode="fail")
    other.save(first, table_name="there")
    run = workshop.run(first)
    assert run.wait() == "failed"
    assert run.states() == {
        "table": "succeeded",
        "save new": "skipped",
        "save there": "failed",
        "save there-2": "succeeded",
    }
    assert warehouse.tables() == ["there"]
    warehouse.drop("there")
    again = Run(workshop, run.version, workshop.engine.retry(run.key))
    assert again.wait() == "succeeded"
    assert warehouse.tables() == ["new", "there"]
    assert again.results()["save there-2"].attempt == 1


def test_a_save_whose_value_is_missing_holds_back_no_other(
    workshop: Workshop, tmp_path: Path
) -> None:
    warehouse = warehouse_of(workshop, tmp_path)
    first = table()
    bad = broken(first)
    warehouse.save(first, table_name="good")
    warehouse.save(bad, table_name="bad")
    run = workshop.run(first, bad)
    assert run.wait() == "failed"
    assert run.results()["save bad"].reason == "it needs 'broken', which failed"
    assert warehouse.tables() == ["good"]


def test_a_data_system_that_is_not_known_is_told(workshop: Workshop, tmp_path: Path) -> None:
    warehouse = warehouse_of(workshop, tmp_path)
    first = table()
    warehouse.save(first, table_name="good")
    del workshop.connections["warehouse"]
    run = workshop.run(first)
    assert run.wait() == "failed"
    assert "no data system is called 'warehouse'" in str(run.results()["save good"].error)


def test_connections_are_those_of_the_moment(workshop: Workshop, tmp_path: Path) -> None:
    """Workers are warm, and told when a data system has moved."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        warehouse = warehouse_of(workshop, tmp_path / name)
        with warehouse.transaction() as transaction:
            transaction.save(pd.DataFrame({"id": [name]}), "here", "fail")
        run = workshop.run(warehouse.table("here"))
        assert run.value("here")["id"].tolist() == [name]
