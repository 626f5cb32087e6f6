"""The reference script of the project, and the example that users copy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import UnsafeArtifactError
from aqueduct_core.integrations import open_integration
from tests.client.places import everywhere

CHURN = Path(__file__).parents[2] / "../shared/data/tables/customer_churn.csv"
EXAMPLE = Path(__file__).parents[2] / "examples" / "churn.py"


class Model:
    """Something that only pickle can keep."""

    def __init__(self) -> None:
        self.weight = {1}


def test_objects_load_only_where_they_were_signed(client: aq.Client, home: Path) -> None:
    @aq.op
    def model() -> Model:
        return Model()

    run = client.publish_flow("flow", model(), quiet=True).latest()
    found = run.artifact("model")
    assert found.get().weight == {1}
    with pytest.raises(UnsafeArtifactError):
        aq.ArtifactStore(home / "artifacts").get(found.ref)


@everywhere
@pytest.mark.skipif(not CHURN.is_file(), reason="the table of customers is not on this machine")
def test_the_reference_script(client: aq.Client, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    features = ["tenure", "MonthlyCharges"]
    table = pd.read_csv(CHURN)
    table["location"] = ["US", "CH"] * (len(table) // 2) + ["US"] * (len(table) % 2)
    model = LogisticRegression().fit(table[features], table["Churn"] == "Yes")
    with open_integration("setup", "sqlite", {"path": tmp_path / "w.db"}).transaction() as setup:
        setup.save(table, "customers", "fail")
    client.connect_integration("prod_database", "sqlite", path=tmp_path / "w.db")

    warehouse = client.integration("prod_database")
    customers = warehouse.sql("SELECT * FROM customers WHERE location = 'US'")

    @aq.op
    def predict(df: pd.DataFrame) -> pd.DataFrame:
        df["score"] = model.predict_proba(df[features])[:, 1]
        return df

    predictions = predict(customers)
    warehouse.save(predictions, table_name="predictions")
    flow = client.publish_flow(
        name="Customer Churn", artifacts=[predictions], schedule=aq.daily(hour=8)
    )

    run = flow.latest()
    assert run.status == "succeeded", run.errors()
    expected = table[table["location"] == "US"].reset_index(drop=True)
    pd.testing.assert_frame_equal(run.artifact("prod_database query").get(), expected)
    expected["score"] = model.predict_proba(expected[features])[:, 1]
    pd.testing.assert_frame_equal(run.artifact("predict").get(), expected)
    pd.testing.assert_frame_equal(warehouse.table("predictions").get(), expected)
    assert run.artifact("predict").type == "table"
    assert run.artifact("predict").preview()["rows"] == len(expected)
    assert "MonthlyCharges" in run.artifact("predict")._repr_html_()


def test_the_example_runs(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rows = range(60)
    table = pd.DataFrame(
        {
            "tenure": rows,
            "MonthlyCharges": [20.5 + row for row in rows],
            "SeniorCitizen": [row % 2 for row in rows],
            "Churn": ["Yes" if row < 20 else "No" for row in rows],
        }
    )
    table.to_csv(tmp_path / "customers.csv", index=False)
    command = [sys.executable, "-W", "error", str(EXAMPLE), str(tmp_path / "customers.csv")]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parents[1])}
    out = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert out.returncode == 0, out.stderr
    with aq.Client() as client:
        run = client.flow("Customer Churn").latest()
        assert run.status == "succeeded", run.errors()
        assert 0.3 < run.metrics()["average_score"] < 0.4
