"""Workflows on a real Airflow 3 with PostgreSQL and LocalExecutor."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow._names import file_name
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import SqlIntegration
from tests.integration.airflow.clients import publish, until
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


def test_a_workflow_runs_with_a_metric_a_check_and_a_save(
    client: aq.Client, airflow: Airflow, warehouse: SqlIntegration, name: str
) -> None:
    @aq.op
    def score(df: pd.DataFrame, factor: float = 0.5) -> pd.DataFrame:
        """Scores, "quoted" and {{ braced }}."""
        print("scoring", len(df))
        df["score"] = df["id"] * factor
        return df

    @aq.metric
    def total(df: pd.DataFrame) -> float:
        return df["score"].sum()

    @aq.check(severity="error")
    def is_positive(df: pd.DataFrame) -> pd.Series:
        return df["score"] > 0

    @aq.check(severity="warning")
    def is_large(df: pd.DataFrame) -> bool:
        return len(df) > 1_000_000

    low = client.create_param("low", 1)
    query = "SELECT * FROM customers WHERE id >= :low"
    scored = score(warehouse.sql(query, parameters={"low": low}, name="customers"), 2.0)
    total(scored), is_positive(scored), is_large(scored)
    warehouse.save(scored, table_name="scores", mode="replace")
    # Nothing starts by itself while the test runs.
    hour = (datetime.now(ZoneInfo("Europe/Zurich")).hour + 12) % 24
    daily = aq.daily(hour=hour, timezone="Europe/Zurich")
    flow = publish(client, name, scored, schedule=daily, tags=["sales", "daily"])

    run = airflow.trigger(client, flow, {"low": 2})
    held_back = airflow.trigger(client, flow, {"score.factor": -1})
    assert run.wait() == "success"  # a warning leaves it green
    assert set(run.tasks().values()) == {"success"}
    warning = run.result("is_large")
    assert warning is not None
    assert (warning.state, warning.passed) == ("warning", False)
    metric = run.result("total")
    assert metric is not None
    assert metric.value == 10.0
    assert run.value("score")["score"].tolist() == [4.0, 6.0]
    assert "scoring 2" in run.log("score")
    assert warehouse.table("scores").get()["score"].tolist() == [4.0, 6.0]

    assert held_back.wait() == "failed"
    assert held_back.tasks()["is_positive"] == "failed"
    assert held_back.tasks()["save_scores"] == "upstream_failed"
    assert warehouse.table("scores").get()["score"].tolist() == [4.0, 6.0]

    known = airflow.get(f"/dags/{airflow.dag(flow)}/details")
    assert known["timetable_summary"] == f"0 {hour} * * *"
    assert known["timezone"] in ("UTC", "Europe/Zurich")
    assert known["dag_display_name"] == name
    assert known["params"]["low"]["value"] == 1
    assert {"aqueduct", "sales", "daily"} < {tag["name"] for tag in known["tags"]}
    assert not airflow.get(f"/dags/{airflow.dag(flow)}")["is_paused"]
    values = airflow.get(f"{run.path}/taskInstances/~/xcomEntries")
    assert values["total_entries"] == 0, "data doesn't go through XCom"


def test_what_fails_once_is_tried_again_and_a_finding_is_not(
    client: aq.Client, airflow: Airflow, name: str, tmp_path: Path
) -> None:
    @aq.op(retries=2, retry_delay=0.1)
    def flaky(folder: str) -> int:
        marks = Path(folder) / "marks"
        before = marks.read_text() if marks.exists() else ""
        marks.write_text(before + "x")
        if not before:
            raise ConnectionError("not yet")
        return len(before)

    @aq.check(severity="error", retries=5, retry_delay=0.1)
    def never(count: int) -> bool:
        return False

    counted = flaky(str(tmp_path))
    never(counted)
    run = airflow.trigger(client, publish(client, name, counted))
    assert run.wait() == "failed"
    result, check = run.result("flaky"), run.result("never")
    assert result is not None
    assert check is not None
    assert (result.state, result.attempt) == ("succeeded", 2)
    assert (check.state, check.attempt) == ("failed", 1)
    before = run.client.store.storage.get(
        f"operators/{result.operator}/{result.run}/attempts/1/result.json"
    )
    assert json.loads(bytes(before))["error"]["type"] == "ConnectionError"

    run.clear("flaky")
    run.wait_for("never", "failed")
    again = run.result("flaky")
    assert again is not None
    assert (again.attempt, run.value("flaky")) == (3, 2)


def test_a_run_stays_with_its_version_when_another_one_is_published(
    client: aq.Client, airflow: Airflow, name: str, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()

    def flow_of(number: int) -> aq.Flow:
        @aq.op
        def first(folder: str) -> int:

            (Path(folder) / "begun").touch()
            while not (Path(folder) / "go").exists():
                time.sleep(0.05)
            return number

        @aq.op
        def second(value: int) -> int:
            return value * 10

        return publish(client, name, second(first(str(tmp_path))))

    old = flow_of(1)
    (tmp_path / "go").unlink()
    run = airflow.trigger(client, old)
    run.wait_for("first", "running")
    # Until then it reads the file that is there.
    until((tmp_path / "begun").exists, tell=run.tasks)
    new = flow_of(2)
    (tmp_path / "go").touch()
    later = airflow.trigger(client, new)
    assert run.wait() == "success"
    assert run.value("second") == 10
    assert later.wait() == "success"
    assert later.value("second") == 20
    run.clear("second")
    assert run.wait() == "success"
    assert run.value("second") == 10
    assert [item.number for item in new.versions()] == [2, 1]


def test_airflow_tells_why_it_cannot_read_a_file(client: aq.Client, name: str) -> None:
    @aq.op(engine_options={"weight_rule": "heaviest"})
    def one() -> int:
        return 1

    with pytest.raises(IntegrationError, match="heaviest") as caught:
        publish(client, name, one())
    # Airflow 3 finds out when it writes down the DAG that it has read, and names no line.
    assert "its DAG processor's log says more" in str(caught.value)
    assert client.flows() == []


def test_a_workflow_that_is_deleted_is_gone_from_airflow(
    client: aq.Client, airflow: Airflow, address: Address, name: str
) -> None:
    @aq.op
    def one() -> int:
        return 1

    flow = publish(client, name, one())
    path = Path(address.dags) / file_name(flow.name, flow.id)
    source = path.read_text()
    version = Version.load(client.store, flow.id, flow.version().digest)
    publish(client, name, one())
    assert path.read_text() == source, "the same version is the same file"
    assert version.digest in source
    client.delete_flow(name)
    assert not path.exists()
    assert airflow.http.get(f"/api/v2/dags/{airflow.dag(flow)}").status_code == 404
