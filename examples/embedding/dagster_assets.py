"""Dagster assets whose data is in an artifact store.

    pip install -e ".[dagster,tables,polars]"
    python examples/embedding/dagster_assets.py artifacts

What each asset returns is stored typed and exact; what the next one is annotated with is what it gets.
"""

import sys

import dagster as dg
import pandas as pd
import polars as pl

from aqueduct_core.adapters.dagster import AqueductIOManager

DAYS = dg.StaticPartitionsDefinition(["2026-01-01", "2026-01-02"])


@dg.asset
def customers() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.array([1, 2, 3], "Int64"),
            "city": pd.Categorical(["Oslo", "Bern", "Oslo"]),
            "since": pd.to_datetime(["2020-05-01", "2021-06-01", "2022-07-01"]),
        }
    )


@dg.asset(partitions_def=DAYS)
def orders(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """One table for each day."""
    day = int(context.partition_key[-1])
    return pd.DataFrame({"customer": [1, 2], "amount": [10.5 * day, 20.25 * day]})


# Two of the columns are read, as a frame of Polars.
@dg.asset(ins={"customers": dg.AssetIn(metadata={"columns": ["id", "city"]})})
def cities(customers: pl.DataFrame) -> pl.DataFrame:
    return customers.group_by("city").len().sort("city")


@dg.asset
def revenue(orders: dict[str, pd.DataFrame]) -> float:
    """All partitions arrive as a dict."""
    return float(sum(table["amount"].sum() for table in orders.values()))


if __name__ == "__main__":
    resources = {"io_manager": AqueductIOManager(url=sys.argv[1])}
    for day in DAYS.get_partition_keys():
        dg.materialize([orders], partition_key=day, resources=resources)
    done = dg.materialize(
        [customers, cities, revenue, orders],
        selection=[customers, cities, revenue],
        resources=resources,
    )
    print(done.output_for_node("cities"))
    print("revenue", done.output_for_node("revenue"))
