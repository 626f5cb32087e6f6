"""Run with Hamilton: savers and loaders in decorators and in materializers. Prints JSON."""

import json
import sys

import pandas as pd
import polars as pl
from hamilton import ad_hoc_utils, driver
from hamilton.function_modifiers import load_from, save_to, value
from hamilton.io.materialization import from_, to

from aqueduct_core import ArtifactStore
from aqueduct_core.adapters.hamilton import register

URL = sys.argv[1]
seen = {}
register()
register()  # once more does no harm: modules call it that don't know of each other


@save_to.aqueduct(url=value(URL), key=value("table"), output_name_="saved_table")
def table() -> pd.DataFrame:
    return pd.DataFrame({"id": pd.array([1, None], "Int64"), "tag": pd.Categorical(["x", "y"])})


@save_to.aqueduct(url=value(URL), key=value("nest"), output_name_="saved_nest")
def nest() -> dict:
    return {1: (1, {2})}


@load_from.aqueduct(url=value(URL), key=value("table"), columns=value(["tag"]))
def in_polars(data: pl.DataFrame) -> str:
    return f"{type(data).__module__.partition('.')[0]} {data.columns}"


@load_from.aqueduct(url=value(URL), key=value("table"))
def in_pandas(data: pd.DataFrame) -> str:
    return str([*map(str, data.dtypes)])


@load_from.aqueduct(url=value(URL), key=value("nest"))
def of_nest(data: dict) -> str:
    return repr(data)


@load_from.aqueduct(url=value(URL), key=value("never"))
def of_never(data: dict) -> str:
    return repr(data)


def flow(*functions):
    module = ad_hoc_utils.create_temporary_module(*functions)
    return driver.Builder().with_modules(module).build()


saved = flow(table, nest).execute(["saved_table", "saved_nest"])
seen["metadata"] = saved["saved_table"]
seen |= flow(in_polars, in_pandas, of_nest).execute(["in_polars", "in_pandas", "of_nest"])
try:
    flow(of_never).execute(["of_never"])
except KeyError as error:
    seen["never"] = type(error).__name__


def doubled(given: int) -> int:
    return given * 2


store = ArtifactStore(URL)
store.put(21, "given")
given = from_.aqueduct(target="given", url=URL, key="given")
kept = to.aqueduct(id="kept", dependencies=["doubled"], url=URL, key="doubled")
flow(doubled).materialize(given, kept)
seen["doubled"] = store.get("doubled")
print(json.dumps(seen))
