"""A Kedro pipeline whose catalog is an artifact store.

    pip install -e ".[kedro,tables,polars]"
    python examples/embedding/kedro_catalog.py artifacts

The catalog below is what conf/base/catalog.yml would hold.
"""

import sys

import pandas as pd
import polars as pl
from kedro.io import DataCatalog
from kedro.pipeline import node, pipeline
from kedro.runner import SequentialRunner

AQUEDUCT = "aqueduct_core.adapters.kedro.AqueductDataset"
CATALOG = {
    "customers": {"type": AQUEDUCT, "url": sys.argv[1], "key": "customers", "versioned": True},
    # The same artifact for consumers that want Polars, and two of its columns.
    "cities": {
        "type": AQUEDUCT,
        "url": sys.argv[1],
        "key": "customers",
        "versioned": True,
        "load_args": {"as_type": "polars.DataFrame", "columns": ["id", "city"]},
    },
    "summary": {"type": AQUEDUCT, "url": sys.argv[1], "key": "summary"},
}


def extract() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.array([1, 2, 3], "Int64"),
            "city": pd.Categorical(["Oslo", "Bern", "Oslo"]),
            "spent": [1.5, None, 2.5],
        }
    )


def summarize(cities: pl.DataFrame) -> dict[str, int]:
    return dict(sorted(cities.group_by("city").len().rows()))


if __name__ == "__main__":
    catalog = DataCatalog.from_config(CATALOG)
    steps = [node(extract, None, "customers"), node(summarize, "cities", "summary")]
    runner = SequentialRunner()
    for step in steps:
        runner.run(pipeline([step]), catalog)
    print(catalog.load("summary"))
    print(catalog["customers"].preview())
