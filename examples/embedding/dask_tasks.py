"""Dask tasks that hand on references: the data goes from worker to store to worker.

pip install -e ".[dask,tables,polars]"
python examples/embedding/dask_tasks.py artifacts
"""

import sys

import pandas as pd
import polars as pl
from distributed import Client

from aqueduct_core import ArtifactStore
from aqueduct_core.adapters.tasks import by_reference


def extract(day: int) -> pd.DataFrame:
    return pd.DataFrame({"day": day, "amount": range(100_000)})


def total(table: pl.DataFrame) -> int:
    return int(table["amount"].sum())


def combine(totals: list[int]) -> dict[str, int]:
    return {"days": len(totals), "total": sum(totals)}


if __name__ == "__main__":
    url = sys.argv[1]
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        tables = client.map(by_reference(extract, url), [1, 2])
        totals = client.map(by_reference(total, url), tables)
        combined = client.submit(by_reference(combine, url), totals).result()
        print("the driver has", combined)
    print(ArtifactStore(url).get(combined))
