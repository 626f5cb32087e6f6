"""Runs on a real Airflow, as they are seen and steered from here."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow import Look, _sync
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.engines.airflow._pinned import pin
from aqueduct_core.integrations import SqlIntegration
from aqueduct_core.runtime import Job, Workspace, run_operator
from tests.integration.airflow.clients import PATIENCE, publish
from tests.integration.airflow.runs import Airflow
from tests.processes import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

_MANY = 100


def look(client: aq.Client) -> Look:
    (found,) = client._session.clusters.look()
    assert found.error is None
    assert found.problems == {}
    return found


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
    assert run.wait(PATIENCE).status == "succeeded"
    assert run.artifact("add").get() == 2


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


def test_runs_keep_their_versions_and_graphs(
    client: aq.Client, airflow: Airflow, name: str
) -> None:
    @aq.op
    def double(value: int) -> int:
        return value * 2

    @aq.op
    def last(value: int) -> int:
        return value + 1

    def publish_one(step: int) -> aq.Flow:
        @aq.op
        def add(value: int = 1) -> int:
            return value + step

        added = add()
        return publish(client, name, last(double(added) if step > 10 else added))

    flow = publish_one(10)
    old = airflow.trigger(client, flow)
    assert old.wait() == "success"
    look(client)
    flow = publish_one(20)
    new = airflow.trigger(client, flow)
    assert new.wait() == "success"
    shapes = [{("add", "last")}, {("add", "double"), ("double", "last")}]
    assert [airflow.graph(flow, number) for number in (1, 2)] == shapes
    old.clear("add")  # Airflow gives the old run the new shape by that
    assert old.wait() == "success"
    look(client)

    runs = {run.id: run for run in flow.runs()}
    found = [runs[run_key(item.run)] for item in (old, new)]
    assert [run.artifact("last").get() for run in found] == [12, 43], "still the old code"
    assert [run.version for run in found] == [item.digest for item in flow.versions()][::-1]
    edges = [{(edge.source, edge.target) for edge in run.graph().edges} for run in found]
    assert edges == shapes
    attempts = [{item.name: item.attempt for item in run.operators()} for run in found]
    assert attempts == [{"add": 2, "last": 2}, {"add": 1, "double": 1, "last": 1}]


def test_many_runs_cost_few_requests_and_a_quiet_cluster_two(
    client: aq.Client, airflow: Airflow, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @aq.op
    def one() -> int:
        return 1

    @aq.op
    def two(value: int) -> int:
        return value + 1

    flow = publish(client, name, two(one()))
    version = Version.load(client.store, flow.id, flow.version().digest)
    dag = airflow.dag(flow)
    airflow.patch(f"/dags/{dag}", {"is_paused": True})
    workspace = Workspace(client.store, {})

    def work(number: int) -> None:
        """A run as Airflow has it afterwards, without the seconds of its tasks' processes."""
        run = f"many-{number}"
        airflow.post(f"/dags/{dag}/dagRuns", {"logical_date": None, "dag_run_id": run})
        pin(client.store, flow.id, run_key(run), version.digest)
        for operator in ("one", "two"):
            run_operator(workspace, Job(version, operator, run_key(run)))
        airflow.patch(f"/dags/{dag}/dagRuns/{run}", {"state": "success"})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(_MANY)))
    found = look(client)
    assert (found.runs, found.ended) == (_MANY, _MANY)
    assert found.calls <= 2 + 2 * _MANY / 100, "a request brings a hundred tasks and more"
    runs = list(flow.runs())
    assert {run.status for run in runs} == {"succeeded"}
    assert runs[-1].artifact("two").get() == 2
    monkeypatch.setattr(_sync, "_SETTLED", timedelta(0))  # nobody says anything late here
    wait_until(lambda: look(client).calls == 2)  # what was the last to change is seen once more
