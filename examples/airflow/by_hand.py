"""Which customers will leave? The same job as churn.py, written as a DAG by hand.

Put it into Airflow's folder of DAGs. It needs the connections `warehouse` (SQLite: the file's path is
its host) and a bucket or folder for what goes from task to task, CHURN_STORE. The model has been
trained somewhere else, and was put there as `model.pkl`.
"""

from __future__ import annotations

import os
import pickle
import sqlite3
from contextlib import closing
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, BaseHook, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

STORE = os.environ.get("CHURN_STORE", "file:///tmp/churn")
FEATURES = ["tenure", "MonthlyCharges", "SeniorCitizen"]


def connect():
    return closing(sqlite3.connect(BaseHook.get_connection("warehouse").host))


def place_of(name):
    """Where this run keeps something: runs must not overwrite each other's data."""
    run = get_current_context()["run_id"].replace(":", "_").replace("+", "_")
    return f"{STORE}/runs/{run}/{name}.parquet"


def write(frame, name):
    import fsspec

    place = place_of(name)
    files, path = fsspec.core.url_to_fs(place)
    files.makedirs(files._parent(path), exist_ok=True)
    with files.open(path, "wb") as file:
        frame.to_parquet(file)  # an index, or a column of mixed types, would be lost or refused
    return place  # XCom is no place for data


def read(place):
    import fsspec
    import pandas as pd

    with fsspec.open(place, "rb") as file:
        return pd.read_parquet(file)


with DAG(
    dag_id="customer_churn_by_hand",
    schedule="0 8 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Zurich"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["churn"],
) as dag:

    @task
    def extract():
        import pandas as pd

        with connect() as connection:
            query = "SELECT * FROM customers WHERE location = 'US'"
            return write(pd.read_sql_query(query, connection), "customers")

    @task
    def predict(place):
        import fsspec

        with fsspec.open(f"{STORE}/model.pkl", "rb") as file:
            model = pickle.load(file)  # with the scikit-learn of whoever trained it, hopefully
        frame = read(place)
        frame["score"] = model.predict_proba(frame[FEATURES])[:, 1]
        return write(frame, "predictions")

    @task(retries=0)
    def check(place):
        missing = int(read(place)["score"].isna().sum())
        if missing:
            raise AirflowFailException(f"{missing} customers have no score")
        return place

    @task
    def save(place):
        frame = read(place)
        with connect() as connection, connection:
            connection.execute("BEGIN")
            connection.execute("DROP TABLE IF EXISTS predictions")
            frame.to_sql("predictions", connection, index=False)

    save(check(predict(extract())))
