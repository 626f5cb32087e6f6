"""Hamilton nodes that are stored in an artifact store, and loaded from there.

pip install -e ".[hamilton,tables,polars]"
python examples/embedding/hamilton_functions.py artifacts
"""

import sys

import pandas as pd
import polars as pl
from hamilton import ad_hoc_utils, driver
from hamilton.io.materialization import from_, to

from aqueduct_core.adapters.hamilton import register

register()


def customers() -> pd.DataFrame:
    return pd.DataFrame(
        {"id": pd.array([1, 2, 3], "Int64"), "city": ["Oslo", "Bern", "Oslo"], "age": [1, 2, 3]}
    )


def cities(stored: pl.DataFrame) -> dict[str, int]:
    return dict(sorted(stored.group_by("city").len().rows()))


if __name__ == "__main__":
    url = sys.argv[1]
    module = ad_hoc_utils.create_temporary_module(customers, cities, module_name="churn")
    flow = driver.Builder().with_modules(module).build()
    saved = to.aqueduct(id="saved", dependencies=["customers"], url=url, key="customers")
    known, _ = flow.materialize(saved)
    print("rows", known["saved"]["rows"])
    loaded = from_.aqueduct(target="stored", url=url, key="customers", columns=["id", "city"])
    _, found = flow.materialize(loaded, additional_vars=["cities"])
    print(found["cities"])
