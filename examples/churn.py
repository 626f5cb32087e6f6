"""Which customers will leave? The workflow that the README shows, on a CSV file of yours.

    python examples/churn.py customers.csv

The file needs a column `Churn` with Yes and No, and the three columns of FEATURES.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import aqueduct_core as aq

FEATURES = ["tenure", "MonthlyCharges", "SeniorCitizen"]

# Once: a warehouse with the table `customers`, and a model.
table = pd.read_csv(sys.argv[1])
table["location"] = "US"
model = make_pipeline(StandardScaler(), LogisticRegression())
model.fit(table[FEATURES], table["Churn"] == "Yes")

client = aq.Client()
database = Path(client.home) / "examples" / "churn.db"
database.parent.mkdir(exist_ok=True)
warehouse = client.connect_integration("prod_database", "sqlite", path=database)
with warehouse.transaction() as transaction:
    transaction.save(table, "customers", "replace")

# The workflow.
customers = warehouse.sql("SELECT * FROM customers WHERE location = 'US'")


@aq.op
def predict(df: pd.DataFrame) -> pd.DataFrame:
    """Score each customer with the probability of leaving."""
    df["score"] = model.predict_proba(df[FEATURES])[:, 1]
    return df


@aq.metric
def average_score(df: pd.DataFrame) -> float:
    """The share of customers that we expect to leave."""
    return df["score"].mean()


@aq.check(severity="error")
def all_scored(df: pd.DataFrame) -> pd.Series:
    """Nothing is saved unless every customer has a score."""
    return df["score"].notna()


predictions = predict(customers)
average_score(predictions)
all_scored(predictions)
warehouse.save(predictions, table_name="predictions", mode="replace")
flow = client.publish_flow(
    name="Customer Churn", artifacts=[predictions], schedule=aq.daily(hour=8)
)

run = flow.latest()
print(run)
print(run.metrics(), run.checks(), sep="\n")
print(run.artifact("predict").get())
