"""Run with Kedro: versions, previews, columns and what is missing, through its catalog. Prints JSON."""

import json
import sys
import warnings

import pandas as pd
from kedro.io import DataCatalog, DatasetError

from aqueduct_core.errors import ArtifactNotFoundError

URL = sys.argv[1]
TYPE = "aqueduct_core.adapters.kedro.AqueductDataset"
seen = {}


def catalog(**options):
    """A catalog as each run of Kedro makes one."""
    table = {"type": TYPE, "url": URL, "key": "data/table"}
    config = {
        "table": {**table, "versioned": True},
        "as_polars": {
            **table,
            "versioned": True,
            "load_args": {"as_type": "polars.DataFrame", "columns": ["tag"]},
        },
        "nest": {"type": TYPE, "url": URL, "key": "nest", "metadata": {"layer": "raw"}},
        "never": {"type": TYPE, "url": URL, "key": "never"},
        "never_versioned": {"type": TYPE, "url": URL, "key": "nothing", "versioned": True},
        "parquet": {"type": TYPE, "url": URL, "key": "p", "save_args": {"serializer": "parquet"}},
    }
    return DataCatalog.from_config(config, **options)


def failure(action, *arguments):
    try:
        action(*arguments)
    except (ArtifactNotFoundError, DatasetError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


warnings.simplefilter("error")
for number in (1, 2, 3):
    frame = pd.DataFrame(
        {"id": pd.array([number, None], "Int64"), "tag": pd.Categorical(["x", "y"])}
    )
    catalog(save_version=f"2026-01-0{number}T00.00.00.000Z").save("table", frame)

latest = catalog().load("table")
seen["latest"] = [str(latest["id"].iloc[0]), *map(str, latest.dtypes)]
old = catalog(load_versions={"table": "2026-01-01T00.00.00.000Z"}).load("table")
seen["old"] = str(old["id"].iloc[0])
seen["versions"] = catalog()["table"].list_versions(full_path=False)
again = catalog(save_version="2026-01-03T00.00.00.000Z")
seen["again"] = failure(again.save, "table", frame)
table = catalog().load("as_polars")
seen["polars"] = [type(table).__module__.partition(".")[0], *table.columns]
seen["preview"] = catalog()["table"].preview()
seen["no preview"] = failure(catalog()["never"].preview)

catalog().save("nest", {1: (1, {2}), "t": (3,)})
seen["nest"] = repr(catalog().load("nest"))
seen["nest preview"] = catalog()["nest"].preview()
catalog().save("parquet", frame)
seen["exists"] = [catalog().exists(name) for name in ("table", "nest", "never", "never_versioned")]
seen["never"] = failure(catalog().load, "never")
seen["none"] = failure(catalog().save, "nest", None)
seen["object"] = failure(catalog().save, "nest", object())
print(json.dumps(seen))
