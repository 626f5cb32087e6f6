"""Which customers will leave? Published to Airflow: by_hand.py is the same job, written as a DAG.

    python examples/airflow/churn.py

The client knows the warehouse and the cluster, since somebody has connected to them once:

    client.connect_integration("prod_database", "sqlite", path="/data/warehouse.db")
    client.connect_integration("airflow_cluster", "airflow", url=..., auth=..., dags=...)
"""

from __future__ import annotations

import pandas as pd
from sklearn.linear_model import LogisticRegression

import aqueduct_core as aq

FEATURES = ["tenure", "MonthlyCharges", "SeniorCitizen"]

client = aq.Client()
warehouse = client.integration("prod_database")

# The model is trained here, and travels with the function that uses it.
history = warehouse.table("churned").get()
model = LogisticRegression(max_iter=1000).fit(history[FEATURES], history["Churn"] == "Yes")


@aq.op(retries=2, retry_delay=60)
def predict(df: pd.DataFrame) -> pd.DataFrame:
    """Score each customer with the probability of leaving."""
    df["score"] = model.predict_proba(df[FEATURES])[:, 1]
    return df


@aq.check(severity="error")
def all_scored(df: pd.DataFrame) -> pd.Series:
    """Nothing is saved unless every customer has a score."""
    return df["score"].notna()


customers = warehouse.sql("SELECT * FROM customers WHERE location = 'US'", name="customers")
predictions = predict(customers)
all_scored(predictions)
warehouse.save(predictions, table_name="predictions", mode="replace")
client.publish_flow(
    name="Customer Churn",
    artifacts=[predictions],
    schedule=aq.daily(hour=8, timezone="Europe/Zurich"),
    engine="airflow_cluster",
)
