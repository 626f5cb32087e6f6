"""The example, and the DAG that it stands for, on the same data."""

from __future__ import annotations

import os
import pickle
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import aqueduct_core as aq
from aqueduct_core.integrations import SqlIntegration
from tests.environments import ROOT
from tests.integration.airflow.clients import files_of
from tests.integration.airflow.conftest import bucket_of, connect_warehouse, planted
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import Address

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

CHURN = ROOT.parent / "shared" / "data" / "tables" / "customer_churn.csv"
EXAMPLES = ROOT / "examples" / "airflow"
FEATURES = ["tenure", "MonthlyCharges", "SeniorCitizen"]


@pytest.fixture
def warehouse(client: aq.Client, airflow: Airflow, address: Address) -> SqlIntegration:
    """The database that Airflow calls `warehouse`."""
    return connect_warehouse(client, airflow, address.warehouse)


@pytest.fixture
def tables(warehouse: SqlIntegration) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "tenure": rng.integers(0, 72, 500),
            "MonthlyCharges": rng.uniform(20, 120, 500).round(2),
            "SeniorCitizen": rng.integers(0, 2, 500),
            "location": np.where(rng.random(500) < 0.8, "US", "CH"),
        }
    )
    risk = table["MonthlyCharges"] / 120 - table["tenure"] / 72
    table["Churn"] = np.where(risk > 0, "Yes", "No")
    with warehouse.transaction() as transaction:
        transaction.save(table, "churned", "replace")
        transaction.save(table.drop(columns="Churn"), "customers", "replace")
    return table


def test_the_example_does_what_the_dag_written_by_hand_does(
    client: aq.Client,
    warehouse: SqlIntegration,
    tables: pd.DataFrame,
    airflow: Airflow,
    address: Address,
) -> None:
    environment = {**os.environ, "AQUEDUCT_HOME": client.home, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, EXAMPLES / "churn.py"], env=environment, check=True)
    flow = client.flow("Customer Churn")
    ours = airflow.trigger(client, flow)
    assert ours.wait() == "success"
    found = warehouse.table("predictions").get()
    assert len(found) == (tables["location"] == "US").sum()

    store = Path(f"{address.folder}/churn")
    store.mkdir(exist_ok=True)
    model = LogisticRegression(max_iter=1000).fit(tables[FEATURES], tables["Churn"] == "Yes")
    (store / "model.pkl").write_bytes(pickle.dumps(model))
    shutil.copy(EXAMPLES / "by_hand.py", address.dags)
    assert airflow.start("customer_churn_by_hand").wait() == "success"
    pd.testing.assert_frame_equal(warehouse.table("predictions").get(), found)


@pytest.mark.skipif(not CHURN.exists(), reason=f"there is no {CHURN}")
def test_the_example_goes_from_postgres_to_postgres_with_data_in_a_bucket(
    bucket: aq.Client,
    postgres: SqlIntegration,
    airflow: Airflow,
    address: Address,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = pd.read_csv(CHURN)
    table["location"] = np.where(table.index % 3 == 0, "CH", "US")
    with postgres.transaction() as transaction:
        transaction.save(table, "churned", "replace")
        transaction.save(table.drop(columns="Churn"), "customers", "replace")
    # Another name than that of the other test, which may have it in the same Airflow.
    name = f"Customer Churn {bucket_of(bucket)}"
    monkeypatch.setattr(aq, "Client", lambda: bucket)
    monkeypatch.setattr(
        bucket,
        "publish_flow",
        lambda **options: aq.client.Client.publish_flow(bucket, **{**options, "name": name}),
    )
    module = runpy.run_path(str(EXAMPLES / "churn.py"))
    flow = bucket.flow(name)

    run = flow.trigger(quiet=True)
    assert run.status == "succeeded"
    found = postgres.table("predictions").get().set_index("customerID")
    expected = table[table["location"] == "US"].set_index("customerID")
    assert sorted(found.index) == sorted(expected.index)
    score = module["model"].predict_proba(expected[FEATURES])[:, 1]
    pd.testing.assert_series_equal(
        found["score"].reindex(expected.index), pd.Series(score, expected.index, name="score")
    )
    assert run.artifact("customers").get().dtypes["tenure"] == "int64"
    assert run.checks()["all_scored"].passed
    assert re.search("AqueductOperator.*customers", airflow.source(flow))
    password = f"pg-{planted(bucket_of(bucket))}".encode()
    for path, data in files_of(address):
        assert password not in data, path


def test_the_example_is_short() -> None:
    source = (EXAMPLES / "churn.py").read_text()
    source = re.sub(r'""".*?"""', "", source, flags=re.DOTALL)
    lines = [line.strip() for line in source.splitlines()]
    code = [line for line in lines if line and not re.match(r"#|import |from ", line)]
    assert len(code) <= 22
