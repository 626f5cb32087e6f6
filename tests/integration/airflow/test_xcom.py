"""XCom with data in it, in a DAG that somebody wrote."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.store import ArtifactStore
from tests.integration.airflow.cluster import SIGNING_KEY, Address
from tests.integration.airflow.runs import Airflow, AirflowRun

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
    def look(table, array, model, nan, small, **context):
        import math

        assert str(table["id"].dtype) == "Int64", table.dtypes
        assert str(table["tag"].dtype) == "category", table.dtypes
        assert array.tolist() == [0, 1, 2]
        assert round(float(model.predict([[2]])[0]), 6) == 4.0
        assert math.isnan(nan)
        assert small == {"number": 1, "text": "é"}

    made = make()
    look(made["table"], made["array"], made["model"], made["nan"], small())
"""


def test_what_tasks_return_is_stored_and_comes_back(
    airflow: Airflow, address: Address, client: aq.Client
) -> None:
    Path(address.dags, "xcom_by_hand.py").write_text(DAG)
    path = "/api/v2/dags/xcom_by_hand"
    deadline = time.monotonic() + 60
    while airflow.http.get(path).status_code != 200:
        assert time.monotonic() < deadline, airflow.get("/importErrors")
        time.sleep(0.3)
    run_id = airflow.post("/dags/xcom_by_hand/dagRuns", {"logical_date": None})["dag_run_id"]
    run = AirflowRun(airflow, client, None, "xcom_by_hand", run_id)  # type: ignore[arg-type]
    assert run.wait() == "success", run.log("look")
    store = ArtifactStore(address.xcom, signing_key=SIGNING_KEY)
    before = {key for key in store.list("xcom/") if "/make/" in key}
    # The dict as a whole is one artifact, too.
    kinds = sorted(store.manifest(key).type for key in before)
    assert kinds == ["array", "collection", "numeric", "object", "table"]
    assert not [key for key in store.list("xcom/") if "/small/" in key]

    run.clear("make")
    assert run.wait() == "success"
    after = {key for key in store.list("xcom/") if "/make/" in key}
    assert len(after) == 5
    assert not before & after, "what was there is deleted with its entry"

    for key in after:
        store.delete(key)
    run.clear("look")
    assert run.wait() == "failed"
    assert "ArtifactNotFoundError" in run.errors("look", 3)
