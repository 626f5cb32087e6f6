"""What every engine has to do alike: the same workflows, on this machine and on Airflow."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.integrations import SqlIntegration
from tests.integration.airflow.clients import CLUSTER, PATIENCE, until
from tests.integration.airflow.clients import publish as published
from tests.processes import is_running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

Run = Callable[..., aq.Run]


@pytest.fixture(params=["local", CLUSTER])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def publish(client: aq.Client, engine: str, name: str) -> Callable[..., aq.Flow]:
    return partial(published, client, name, engine=engine)


def states(run: aq.Run) -> dict[str, str]:
    return {item.name: item.state for item in run.operators()}


def reasons(run: aq.Run) -> dict[str, str | None]:
    return {item.name: item.reason for item in run.operators()}


def test_values_of_all_kinds_go_from_operator_to_operator(publish: Callable[..., aq.Flow]) -> None:
    @aq.op(outputs=["table", "array", "nothing", "nest"])
    def make(rows: int) -> tuple[Any, ...]:
        frame = pd.DataFrame({"id": pd.array([*range(rows), None], "Int64")})
        return frame, np.arange(rows, dtype=">i2"), None, {1: ("é", float("inf"))}

    @aq.op
    def look(table: Any, array: Any, nothing: Any, nest: Any, *, more: Any = None) -> Any:
        return (str(table["id"].dtype), len(table), array.dtype.str, nothing, nest, more)

    made = make(3)
    flow = publish(look(*made, more=7.5))
    run = flow.trigger(quiet=True)
    assert run.status == "succeeded"
    assert run.artifact("look").get() == ("Int64", 4, ">i2", None, {1: ("é", float("inf"))}, 7.5)
    run = flow.trigger({"make.rows": 1, "look.more": None}, quiet=True)
    assert run.artifact("look").get() == ("Int64", 2, ">i2", None, {1: ("é", float("inf"))}, None)
    assert run.parameters() == {"make.rows": 1, "look.more": None}


def test_what_goes_wrong_is_told_and_stops_what_needs_it_alone(
    publish: Callable[..., aq.Flow],
) -> None:
    @aq.op
    def start() -> int:
        print("printed é")
        print("and said", file=sys.stderr)
        return 1

    @aq.op
    def raises(value: int) -> int:
        raise ValueError("not this one")

    @aq.op(timeout=0.5)
    def lasts(value: int) -> int:
        time.sleep(300)
        return value

    @aq.op
    def dies(value: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return value

    @aq.op
    def leaves(value: int) -> int:
        sys.exit(3)

    @aq.op
    def after(value: int) -> int:
        return value

    @aq.op
    def fine(value: int) -> int:
        return value

    @aq.metric
    def no_number(value: int) -> Any:
        return "one"

    one = start()
    no_number(one)
    run = publish(after(raises(one)), lasts(one), dies(one), leaves(one), fine(one)).trigger(
        quiet=True
    )
    assert run.status == "failed"
    assert states(run) == {
        "start": "succeeded",
        "raises": "failed",
        "lasts": "failed",
        "dies": "failed",
        "leaves": "failed",
        "after": "skipped",
        "fine": "succeeded",
        "no_number": "failed",
    }
    told = reasons(run)
    assert told["raises"] == "it raised ValueError: not this one"
    assert "0.5" in str(told["lasts"])
    assert "SIGKILL" in str(told["dies"])
    assert "sys.exit(3)" in str(told["leaves"])
    assert told["after"] == "it needs 'raises', which failed"
    assert run.logs("start") == "printed é\nand said\n"
    assert run.error("raises").frames[-1].code == 'raise ValueError("not this one")'


def test_a_finding_of_severity_warning_holds_nothing_back(
    publish: Callable[..., aq.Flow], warehouse: SqlIntegration, name: str
) -> None:
    @aq.op
    def keep(df: pd.DataFrame, least: int) -> pd.DataFrame:
        return df[df["id"] >= least]

    @aq.check(severity="warning")
    def many(df: pd.DataFrame) -> bool:
        return len(df) > 100

    @aq.check(severity="warning")
    def breaks(df: pd.DataFrame) -> bool:
        return bool(df["nothing"].all())

    @aq.check(severity="error", retries=3)
    def some(df: pd.DataFrame) -> pd.Series:
        return df["id"] < 3

    table = f"kept {name}"
    kept = keep(warehouse.sql("SELECT * FROM customers ORDER BY id", name="customers"), 3)
    many(kept), breaks(kept), some(kept)
    warehouse.save(kept, table_name=table, mode="replace")
    flow = publish(kept)

    run = flow.trigger(quiet=True)
    assert run.status == "failed"
    save = next(item for item in run.operators() if item.kind == "save")
    assert (save.state, save.attempt) == ("skipped", 1)
    assert str(save.reason).startswith("held back: the check 'some' did not pass")
    assert run.operator("some").attempt == 1, "a finding stays what it is"
    assert table not in warehouse.tables()

    @aq.check(severity="error")
    def passes(df: pd.DataFrame) -> pd.Series:
        return df["id"] > 0

    kept = keep(warehouse.sql("SELECT * FROM customers ORDER BY id", name="customers"), 3)
    many(kept), breaks(kept), passes(kept)
    warehouse.save(kept, table_name=table, mode="replace")
    run = publish(kept).trigger({"keep.least": 2}, quiet=True)
    assert run.status == "warning"
    found = states(run)
    assert (found["many"], found["breaks"], found["passes"]) == ("warning", "warning", "succeeded")
    assert warehouse.table(table).get()["id"].tolist() == [2, 3]


def test_what_fails_is_tried_again_as_often_as_it_may(
    publish: Callable[..., aq.Flow], client: aq.Client, tmp_path: Path
) -> None:
    @aq.op(retries=2, retry_delay=0.1)
    def flaky(folder: str) -> int:
        marks = Path(folder) / "marks"
        before = marks.read_text() if marks.exists() else ""
        marks.write_text(before + "x")
        if len(before) < 2:
            raise ConnectionError(f"not yet: {before!r}")
        return len(before)

    @aq.op(retries=1, retry_delay=0.1)
    def hopeless(count: int) -> int:
        raise ValueError(f"never: {count}")

    flow = publish(hopeless(flaky(str(tmp_path))))
    run = flow.trigger(quiet=True)
    assert states(run) == {"flaky": "succeeded", "hopeless": "failed"}
    tracking = client._session.tracking
    found = {
        item: [(one.attempt, one.state) for one in tracking.attempts(run.id, item, flow=flow.id)]
        for item in ("flaky", "hopeless")
    }
    assert found == {
        "flaky": [(1, "failed"), (2, "failed"), (3, "succeeded")],
        "hopeless": [(1, "failed"), (2, "failed")],
    }
    assert run.artifact("flaky").get() == 2


def test_a_run_is_repeated_from_where_it_failed(
    publish: Callable[..., aq.Flow], tmp_path: Path
) -> None:
    @aq.op
    def first(folder: str) -> int:
        with (Path(folder) / "count").open("a") as file:
            file.write("x")
        return 1

    @aq.op
    def second(value: int, folder: str) -> int:
        if not (Path(folder) / "gate").exists():
            raise ValueError("not yet")
        return value + 1

    @aq.op
    def third(value: int) -> int:
        return value + 1

    run = publish(third(second(first(str(tmp_path)), str(tmp_path)))).trigger(quiet=True)
    assert states(run) == {"first": "succeeded", "second": "failed", "third": "skipped"}
    (tmp_path / "gate").touch()
    assert run.retry(quiet=True).status == "succeeded"
    assert run.artifact("third").get() == 3
    assert (tmp_path / "count").read_text() == "x"
    assert run.operator("second").attempt == 2


def test_a_run_is_canceled_with_what_it_has_started(
    publish: Callable[..., aq.Flow], tmp_path: Path
) -> None:
    @aq.op
    def sleeper(folder: str) -> int:
        (Path(folder) / "pid").write_text(str(os.getpid()))
        time.sleep(300)
        return 1

    @aq.op
    def never(value: int) -> int:
        return value

    number = tmp_path / "pid"
    run = publish(never(sleeper(str(tmp_path)))).trigger(wait=False, quiet=True)
    until(lambda: number.exists() and number.read_text(), tell=lambda: states(run))
    run.cancel()
    assert run.wait(PATIENCE).status == "canceled"
    until(lambda: not is_running(int(number.read_text())))
