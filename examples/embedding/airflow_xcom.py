"""A DAG whose tasks hand on tables and arrays, which XCom alone can't hold.

In the environment of all of Airflow's processes:

    pip install -e ".[airflow,tables]"
    export AIRFLOW__CORE__XCOM_BACKEND=aqueduct_core.adapters.airflow.XComBackend
    export AQUEDUCT_XCOM_STORE=s3://bucket/xcom

Then put this file into Airflow's folder of DAGs.
"""

from __future__ import annotations

from airflow.sdk import DAG, task

with DAG("xcom_with_tables", schedule=None):

    @task
    def customers():
        import pandas as pd

        ids = pd.array([1, 2, None], "Int64")
        return pd.DataFrame({"id": ids, "city": pd.Categorical(["Oslo", "Bern", "Oslo"])})

    @task
    def count(table):
        assert [str(dtype) for dtype in table.dtypes] == ["Int64", "category"]
        return table["city"].value_counts().to_dict()  # small and plain: it stays in XCom

    count(customers())
