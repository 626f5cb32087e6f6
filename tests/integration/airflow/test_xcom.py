"""XCom with data in it, in a DAG that somebody wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aqueduct_core.store import ArtifactStore
from tests.environments import ROOT
from tests.integration.airflow.clients import until
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import SIGNING_KEY, Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

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
        return {"table": table, "array": np.arange(3), "model": model, "nan": float("nan"),
                "halves": "\\ud83d\\ude00"}

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
        assert ti.xcom_pull(task_ids="make", key="halves") == "\\ud83d\\ude00"
        assert small == {"number": 1, "text": "é"}

    made = make()
    look(made["table"], made["array"], made["model"], small(), reference(), odd())
"""


def test_the_example_hands_on_a_table(airflow: Airflow, address: Address) -> None:
    shutil.copy(ROOT / "examples" / "embedding" / "airflow_xcom.py", address.dags)
    run = airflow.start("xcom_with_tables")
    assert run.wait() == "success", run.errors("count")
    store = ArtifactStore(address.xcom, signing_key=SIGNING_KEY)
    [table] = [store.get(ref) for ref in store.list("xcom/xcom_with_tables/")]
    assert [*map(str, table.dtypes)] == ["Int64", "category"]
    entry = airflow.get(f"{run.path}/taskInstances/count/xcomEntries/return_value")
    assert "Oslo" in str(entry["value"])


def test_what_tasks_return_is_stored_and_comes_back(airflow: Airflow, address: Address) -> None:
    Path(address.dags, "xcom_by_hand.py").write_text(DAG)
    run = airflow.start("xcom_by_hand")
    run_id = run.run
    assert run.wait() == "success", run.errors("look")
    store = ArtifactStore(address.xcom, signing_key=SIGNING_KEY)

    def keys(task: str) -> set[str]:
        return {ref.key for ref in store.list(f"xcom/xcom_by_hand/{run_id}/{task}/")}

    before = keys("make")
    # The dict as a whole is one artifact, too.
    kinds = sorted(store.manifest(key).type for key in before)
    assert kinds == ["array", "collection", "numeric", "object", "table", "text"]
    assert [len(keys(task)) for task in ("small", "reference", "odd")] == [0, 0, 1]

    run.clear("make")
    assert run.wait() == "success"
    after = keys("make")
    assert len(after) == 6
    assert not before & after, "what was there is deleted with its entry"

    for key in after:
        store.delete(key)
    run.clear("look")
    assert run.wait() == "failed"
    # What a task says last may be written down after its state.
    until(lambda: "ArtifactNotFoundError" in run.errors("look", 3), tell=lambda: run.log("look", 3))
