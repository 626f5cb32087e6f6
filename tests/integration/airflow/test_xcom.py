"""XCom with data in it, in a DAG that somebody wrote."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.store import ArtifactStore
from tests.environments import ROOT
from tests.integration.airflow.runs import Airflow, AirflowRun
from tests.integration.airflow.settings import SIGNING_KEY, Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

DAG = """
from airflow.sdk import DAG, task

with DAG("xcom_by_hand", schedule=None) as dag:

    @task(multiple_outputs=True)
    def make():
        import numpy as np
        import pandas as pd
        from sklearn.linear_model import LinearRegression

        table = pd.DataFrame({"id": pd.array([1, None], "Int64"), "tag": pd.Categorical(["a", "b"])})
        model = LinearRegression().fit([[0], [1]], [0, 2])
        return {"table": table, "array": np.arange(3), "model": model, "nan": float("nan")}

    @task
    def small():
        return {"number": 1, "text": "é"}

    @task
    def reference():
        from aqueduct_core import ArtifactRef

        return ArtifactRef("daily/x", "table", "parquet", 7, "blake3:00", "x")

    @task
    def odd():
        return {"$aqueduct": {"key": "of somebody else"}}

    @task
    def look(table, array, model, small, reference, odd, ti=None):
        import math

        from aqueduct_core import ArtifactRef

        assert reference == ArtifactRef("daily/x", "table", "parquet", 7, "blake3:00", "x")
        assert odd == {"$aqueduct": {"key": "of somebody else"}}

        assert str(table["id"].dtype) == "Int64", table.dtypes
        assert str(table["tag"].dtype) == "category", table.dtypes
        assert array.tolist() == [0, 1, 2]
        assert round(float(model.predict([[2]])[0]), 6) == 4.0
        # Not as an argument: Airflow shows those in its pages, and can't show this one.
        assert math.isnan(ti.xcom_pull(task_ids="make", key="nan"))
        assert small == {"number": 1, "text": "é"}

    made = make()
    look(made["table"], made["array"], made["model"], small(), reference(), odd())
"""


def started(
    airflow: Airflow, client: aq.Client, address: Address, dag: str, source: str
) -> AirflowRun:
    """A run of a DAG, once Airflow has read its file."""
    Path(address.dags, f"{dag}.py").write_text(source)
    deadline = time.monotonic() + 150
    while airflow.http.get(f"/api/v2/dags/{dag}").status_code != 200:
        assert time.monotonic() < deadline, airflow.get("/importErrors")
        time.sleep(0.3)
    run_id = airflow.post(f"/dags/{dag}/dagRuns", {"logical_date": None})["dag_run_id"]
    return AirflowRun(airflow, client, None, dag, run_id)  # type: ignore[arg-type]


def test_the_example_hands_on_a_table(
    airflow: Airflow, client: aq.Client, address: Address
) -> None:
    source = (ROOT / "examples" / "embedding" / "airflow_xcom.py").read_text()
    run = started(airflow, client, address, "xcom_with_tables", source)
    assert run.wait() == "success", run.errors("count")
    store = ArtifactStore(address.xcom, signing_key=SIGNING_KEY)
    [table] = [store.get(ref) for ref in store.list("xcom/xcom_with_tables/")]
    assert [*map(str, table.dtypes)] == ["Int64", "category"]
    entry = airflow.get(f"{run.path}/taskInstances/count/xcomEntries/return_value")
    assert "Oslo" in str(entry["value"])


def test_what_tasks_return_is_stored_and_comes_back(
    airflow: Airflow, address: Address, client: aq.Client
) -> None:
    run = started(airflow, client, address, "xcom_by_hand", DAG)
    run_id = run.run
    assert run.wait() == "success", run.errors("look")
    store = ArtifactStore(address.xcom, signing_key=SIGNING_KEY)

    def keys(task: str) -> set[str]:
        return {ref.key for ref in store.list(f"xcom/xcom_by_hand/{run_id}/{task}/")}

    before = keys("make")
    # The dict as a whole is one artifact, too.
    kinds = sorted(store.manifest(key).type for key in before)
    assert kinds == ["array", "collection", "numeric", "object", "table"]
    assert [len(keys(task)) for task in ("small", "reference", "odd")] == [0, 0, 1]

    run.clear("make")
    assert run.wait() == "success"
    after = keys("make")
    assert len(after) == 5
    assert not before & after, "what was there is deleted with its entry"

    for key in after:
        store.delete(key)
    run.clear("look")
    assert run.wait() == "failed"
    assert "ArtifactNotFoundError" in run.errors("look", 3)
