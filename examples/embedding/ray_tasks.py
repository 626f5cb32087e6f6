"""Ray tasks that hand on references: the data outlives the cluster, typed and exact.

pip install -e ".[ray,tables,polars]"
python examples/embedding/ray_tasks.py artifacts
"""

import sys

import pandas as pd
import polars as pl
import ray

from aqueduct_core import ArtifactStore
from aqueduct_core.adapters.tasks import by_reference


def extract(day: int) -> pd.DataFrame:
    return pd.DataFrame({"day": day, "amount": range(100_000)})


def total(table: pl.DataFrame) -> int:
    return int(table["amount"].sum())


def combine(*totals: int) -> dict[str, int]:
    return {"days": len(totals), "total": sum(totals)}


if __name__ == "__main__":
    url = sys.argv[1]
    ray.init(num_cpus=2, include_dashboard=False)
    tables = [ray.remote(by_reference(extract, url)).remote(day) for day in (1, 2)]
    totals = [ray.remote(by_reference(total, url)).remote(table) for table in tables]
    combined = ray.get(ray.remote(by_reference(combine, url)).remote(*totals))
    print("the driver has", combined)
    ray.shutdown()
    print(ArtifactStore(url).get(combined))
