"""The newest Airflow 2, by the same files and the older API. Operators run in a Python of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow import AirflowEngine, open_cluster
from aqueduct_core.engines.airflow._names import file_name
from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import SqlIntegration
from aqueduct_core.store import ArtifactStore
from tests.integration.airflow.clients import CLUSTER, PATIENCE, publish, until
from tests.integration.airflow.cluster import Cluster
from tests.integration.airflow.settings import SIGNING_KEY, Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def address(installable: None) -> Iterator[Address]:
    with Cluster(2) as found:
        yield found


@pytest.fixture
def layout(address: Address) -> dict[str, Any]:
    return {
        "connections": {"prod_database": "warehouse"},
        "environments": address.environments,
        "interpreter": sys.executable,
    }


@pytest.fixture
def warehouse(client: aq.Client, address: Address) -> SqlIntegration:
    """The database that Airflow has a connection to, by another name."""
    found = client.connect_integration("prod_database", "sqlite", path=address.warehouse)
    with found.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [1, 2, 3]}), "customers", "replace")
    return found


def states(run: aq.Run) -> dict[str, str]:
    return {item.name: item.state for item in run.operators()}


def test_a_workflow_runs_with_parameters_checks_and_saves(
    client: aq.Client,
    warehouse: SqlIntegration,
    address: Address,
    layout: dict[str, Any],
    name: str,
    tmp_path: Path,
) -> None:
    @aq.op(retries=1, retry_delay=0.1)
    def chosen(df: pd.DataFrame, least: int, folder: str) -> pd.DataFrame:
        print("choosing é")
        if not (Path(folder) / "mark").exists():
            (Path(folder) / "mark").touch()
            raise ConnectionError("not yet")
        return df[df["id"] >= least]

    @aq.check(severity="error")
    def is_there(df: pd.DataFrame) -> bool:
        return len(df) > 0

    least = client.create_param("least", 1)
    customers = warehouse.sql("SELECT * FROM customers ORDER BY id", name="customers")
    table = chosen(customers, least, str(tmp_path))
    is_there(table)
    warehouse.save(table, table_name="chosen", mode="replace")
    flow = publish(client, name, table)
    version = Version.load(client.store, flow.id, flow.version().digest)
    other = open_cluster("airflow_3", {"url": "http://127.0.0.1:1", **layout})
    source = AirflowEngine(other, client.store, tmp_path).source(version)
    file = Path(address.dags, file_name(flow.name, flow.id))
    assert file.read_text() == source, "it is the same file for every Airflow"

    run = flow.trigger({"least": 2}, quiet=True)
    assert run.status == "succeeded"
    assert run.operator("chosen").attempt == 2
    assert run.logs("chosen") == "choosing é\n"
    assert warehouse.table("chosen").get()["id"].tolist() == [2, 3]
    held_back = flow.trigger({"least": 9}, quiet=True)
    assert held_back.status == "failed"
    assert states(held_back)["save chosen"] == "skipped"
    assert warehouse.table("chosen").get()["id"].tolist() == [2, 3]

    (look,) = client._session.clusters.look()
    assert (look.error, look.problems) == (None, {})
    client.delete_flow(name)
    assert not file.exists()


def test_runs_are_canceled_and_repeated(client: aq.Client, name: str, tmp_path: Path) -> None:
    @aq.op
    def first() -> int:
        return 1

    @aq.op
    def second(value: int, folder: str) -> int:
        here = Path(folder)
        (here / "begun").touch()
        while not (here / "gate").exists():
            time.sleep(0.1)
        return value + 1

    flow = publish(client, name, second(first(), str(tmp_path)))
    run = flow.trigger(wait=False, quiet=True)
    until((tmp_path / "begun").exists, tell=lambda: states(run))
    run.cancel()
    assert run.wait(PATIENCE).status == "canceled"
    (tmp_path / "gate").touch()
    assert run.retry(quiet=True).status == "succeeded"
    assert run.artifact("second").get() == 2
    assert run.operator("first").attempt == 1


def test_what_airflow_cannot_read_is_told(client: aq.Client, name: str) -> None:
    @aq.op(engine_options={"weight_rule": "heaviest"})
    def one() -> int:
        return 1

    with pytest.raises(IntegrationError, match="heaviest") as caught:
        publish(client, name, one())
    assert "of the file: one = AqueductOperator(" in str(caught.value)
    assert client.flows() == []


DAG = """
from airflow import DAG
from airflow.decorators import task

with DAG("xcom_by_hand", schedule=None) as dag:

    @task
    def make():
        return {"data": b"\\0" * 100_000, "nan": float("nan"), 1: (2, "é")}

    @task
    def look(made):
        assert made["data"] == b"\\0" * 100_000
        assert made["nan"] != made["nan"]
        assert made[1] == (2, "é")

    look(make())
"""


def test_what_tasks_return_is_stored_comes_back_and_goes_with_its_entry(
    client: aq.Client, address: Address
) -> None:
    Path(address.dags, "xcom_by_hand.py").write_text(DAG)
    dag, api = "xcom_by_hand", client._session.clusters.engine(CLUSTER).cluster.api
    until(lambda: api.dag(dag), tell=api.import_errors)

    def end() -> str:
        until(lambda: api.dag_run(dag, "once").has_ended, tell=lambda: api.dag_run(dag, "once"))
        return str(api.dag_run(dag, "once").state)

    store = ArtifactStore(address.xcom, signing_key=SIGNING_KEY)

    def keys() -> list[str]:
        return [ref.key for ref in store.list(f"xcom/{dag}/once/")]

    api.trigger(dag, "once", {})
    assert end() == "success"
    [before] = keys()
    assert store.manifest(before).type == "json"

    api.clear(dag, "once", ["make", "look"])
    assert end() == "success"
    [after] = keys()
    assert before != after, "what was there is deleted with its entry"

    store.delete(after)
    api.clear(dag, "once", ["look"])
    assert end() == "failed"
    [log] = Path(address.folder).glob(f"home/logs/dag_id={dag}/*/task_id=look/attempt=3.log")
    # What a task says last may be written down after its state.
    until(lambda: "ArtifactNotFoundError" in log.read_text(), tell=log.read_text)
