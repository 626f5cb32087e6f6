"""A Prefect flow whose results, and whose cache, are in an artifact store.

    pip install -e ".[prefect,tables]"
    python examples/embedding/prefect_flow.py artifacts

Run it twice: the second run takes the table from the cache.
"""

import sys

import pandas as pd
from prefect import flow, task
from prefect.cache_policies import INPUTS

from aqueduct_core.adapters.prefect import AqueductSerializer

RESULTS = AqueductSerializer(url=sys.argv[1])


@task(persist_result=True, result_serializer=RESULTS, cache_policy=INPUTS)
def customers(count: int) -> pd.DataFrame:
    print("making the table")
    ids = pd.array(range(count), "Int64")
    return pd.DataFrame({"id": ids, "tier": pd.Categorical(["gold"] * count)})


@task(persist_result=True, result_serializer=RESULTS)
def count(table: pd.DataFrame) -> dict[str, int]:
    assert str(table["id"].dtype) == "Int64"
    return table["tier"].value_counts().to_dict()


@flow(persist_result=True, result_serializer=RESULTS)
def tiers() -> dict[str, int]:
    return count(customers(3))


if __name__ == "__main__":
    print("tiers", tiers())
