"""Runs on a real Airflow, as they are seen and steered from here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.engines.airflow import Look
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.integrations import SqlIntegration
from tests.integration.airflow.runs import Airflow

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

_PATIENCE = 150.0


def publish(client: aq.Client, name: str, *artifacts: Any, **options: Any) -> aq.Flow:
    return client.publish_flow(
        name, list(artifacts), engine="airflow_cluster", quiet=True, run_now=False, **options
    )


def look(client: aq.Client) -> Look:
    (found,) = client._session.clusters.look()
    assert found.error is None
    assert found.problems == {}
    return found


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_run_is_triggered_from_here_with_parameters(
    client: aq.Client, warehouse: SqlIntegration, name: str
) -> None:
    @aq.op
    def chosen(df: pd.DataFrame, least: int) -> pd.DataFrame:
        print("choosing é")
        return df[df["id"] >= least]

    @aq.metric
    def rows(df: pd.DataFrame) -> int:
        return len(df)

    @aq.check(severity="error")
    def is_there(df: pd.DataFrame) -> bool:
        return len(df) > 0

    least = client.create_param("least", 1)
    table = chosen(warehouse.sql("SELECT * FROM customers", name="customers"), least)
    rows(table), is_there(table)
    warehouse.save(table, table_name="chosen", mode="replace")
    flow = publish(client, name, table)

    run = flow.trigger({"least": 2}, quiet=True)
    assert run.status == "succeeded"
    assert run.parameters() == {"least": 2}
    assert run.metrics() == {"rows": 2}
    assert run.artifact("chosen").get()["id"].tolist() == [2, 3]
    assert run.logs("chosen") == "choosing é\n"
    assert {item.state for item in run.operators()} == {"succeeded"}
    assert warehouse.table("chosen").get()["id"].tolist() == [2, 3]

    run = flow.trigger({"least": 9}, quiet=True)
    assert run.status == "failed"
    assert not run.checks()["is_there"].passed
    save = next(item for item in run.operators() if item.kind == "save")
    assert save.state == "skipped"
    assert str(save.reason).startswith("held back: the check 'is_there' did not pass")
    assert warehouse.table("chosen").get()["id"].tolist() == [2, 3]


def test_a_run_of_airflows_own_pages_is_seen_while_it_goes_on(
    client: aq.Client, airflow: Airflow, name: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"

    @aq.op
    def wait_for_gate() -> int:
        print("waiting", flush=True)
        while not gate.exists():
            time.sleep(0.1)
        return 1

    @aq.op
    def add(value: int) -> int:
        return value + 1

    flow = publish(client, name, add(wait_for_gate()))
    started = airflow.trigger(client, flow)
    started.wait_for("wait_for_gate", "running")
    look(client)
    run = flow.latest()
    assert run.id == run_key(started.run)
    assert run.status == "running"
    assert [(item.name, item.state) for item in run.operators()] == [("wait_for_gate", "running")]
    gate.touch()
    assert run.wait(_PATIENCE).status == "succeeded"
    assert run.artifact("add").get() == 2


def test_a_run_is_canceled_with_the_process_of_its_task(
    client: aq.Client, name: str, tmp_path: Path
) -> None:
    number = tmp_path / "pid"

    @aq.op
    def sleeper() -> int:
        number.write_text(str(os.getpid()))
        time.sleep(300)
        return 1

    @aq.op
    def never(value: int) -> int:
        return value

    flow = publish(client, name, never(sleeper()))
    run = flow.trigger(wait=False, quiet=True)
    until(lambda: number.exists() and number.read_text() != "")
    run.cancel()
    assert run.wait(_PATIENCE).status == "canceled"
    until(lambda: not Path(f"/proc/{number.read_text()}").exists())
    until(lambda: bool(look(client)) and "sleeper" in run_states(run))
    assert set(run_states(run).values()) == {"canceled"}


def test_what_failed_is_repeated_and_what_succeeded_is_kept(
    client: aq.Client, name: str, tmp_path: Path
) -> None:
    gate, count = tmp_path / "gate", tmp_path / "count"

    @aq.op
    def first() -> int:
        with count.open("a") as file:
            file.write("x")
        return 1

    @aq.op
    def second(value: int) -> int:
        if not gate.exists():
            raise ValueError("not yet")
        return value + 1

    @aq.op
    def third(value: int) -> int:
        return value + 1

    flow = publish(client, name, third(second(first())))
    run = flow.trigger(quiet=True)
    assert run.status == "failed"
    assert str(run.error("second")) == "ValueError: not yet"
    assert run_states(run) == {"first": "succeeded", "second": "failed", "third": "skipped"}
    gate.touch()
    assert run.retry(quiet=True).status == "succeeded"
    assert run.artifact("third").get() == 3
    assert count.read_text() == "x"
    attempts = client._session.tracking.attempts(run.id, "second", flow=flow.id)
    assert [(item.attempt, item.state) for item in attempts] == [(1, "failed"), (2, "succeeded")]


def test_a_task_that_was_killed_is_told_by_airflow(client: aq.Client, name: str) -> None:
    @aq.op
    def killer() -> int:
        os.kill(os.getppid(), signal.SIGKILL)  # what Airflow started, which watches over this
        time.sleep(300)
        return 1

    flow = publish(client, name, killer())
    run = flow.trigger(quiet=True)
    assert run.status == "failed"
    (result,) = run.operators()
    assert result.state == "failed"
    assert result.reason
    assert run.logs("killer"), "what Airflow has in its log"


def test_runs_keep_their_versions_and_a_quiet_cluster_costs_two_requests(
    client: aq.Client, airflow: Airflow, name: str
) -> None:
    def publish_one(step: int) -> aq.Flow:
        @aq.op
        def add(value: int = 1) -> int:
            return value + step

        return publish(client, name, add())

    flow = publish_one(10)
    old = airflow.trigger(client, flow)
    assert old.wait() == "success"
    look(client)
    flow = publish_one(20)
    new = airflow.trigger(client, flow)
    assert new.wait() == "success"
    old.clear("add")
    assert old.wait() == "success"
    look(client)
    runs = {run.id: run for run in flow.runs()}
    assert runs[run_key(old.run)].artifact("add").get() == 11, "cleared, and still the old code"
    assert runs[run_key(new.run)].artifact("add").get() == 21
    versions = [item.digest for item in flow.versions()]
    assert runs[run_key(old.run)].version == versions[1]
    assert runs[run_key(new.run)].version == versions[0]
    assert runs[run_key(old.run)].operator("add").attempt == 2
    time.sleep(31)  # until nobody expects a late word any more
    assert look(client).calls == 2


def run_states(run: aq.Run) -> dict[str, str]:
    return {item.name: item.state for item in run.operators()}
