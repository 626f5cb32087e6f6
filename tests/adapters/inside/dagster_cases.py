"""Run with Dagster: what its IO manager does with values that others lose. Prints JSON."""

import json
import sys
import warnings

import dagster as dg
import pandas as pd
import polars as pl
from PIL import Image

from aqueduct_core import ArtifactStore
from aqueduct_core.adapters.dagster import AqueductIOManager

URL = sys.argv[1]
STORE = ArtifactStore(URL)
RESOURCES = {"io_manager": AqueductIOManager(url=URL)}
PARTS = dg.StaticPartitionsDefinition(["a", "b/c", "50%"])
TABLE = pd.DataFrame({"id": pd.array([1, None], "Int64"), "tag": pd.Categorical(["x", "y"])})
seen = {}


@dg.asset(group_name="values")
def table() -> pd.DataFrame:
    return TABLE


@dg.asset
def nothing():
    """Returns nothing, and isn't annotated so."""


@dg.asset
def declared() -> None:
    """Dagster keeps no value of it."""


@dg.asset
def nest():
    return {1: (1, 2), "one": {3}}


@dg.asset(ins={"table": dg.AssetIn(metadata={"columns": ["tag"]})}, deps=[declared])
def consumer(table: pl.DataFrame, nothing, nest) -> int:
    seen["class"] = f"{type(table).__module__.partition('.')[0]}.{type(table).__name__}"
    seen["columns"] = table.columns
    seen["nothing"] = nothing
    seen["nest"] = repr(nest)
    return 1


@dg.asset(partitions_def=PARTS)
def each(context: dg.AssetExecutionContext):
    return {"of": context.partition_key}


@dg.asset(partitions_def=PARTS)
def same(each):
    seen["same partition"] = each
    return each["of"]


@dg.asset
def every(each: dict[str, dict]):
    seen["every partition"] = each
    return


@dg.asset(ins={"each": dg.AssetIn(metadata={"allow_missing_partitions": True})})
def lenient(each: dict[str, dict]):
    seen["lenient"] = each


@dg.asset(
    partitions_def=PARTS,
    ins={"each": dg.AssetIn(metadata={"by_partition": True})},
)
def single(each: dict[str, dict]):
    seen["by partition"] = each


@dg.asset(partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
def together(context: dg.AssetExecutionContext):
    return {key: key * 2 for key in context.partition_keys}


@dg.asset(partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
def confused():
    return {"a": 1}


@dg.op(out=dg.DynamicOut())
def several():
    for number in (1, 2):
        yield dg.DynamicOutput((number,), mapping_key=f"n{number}")


@dg.op
def doubled(value):
    return value * 2


@dg.op
def collected(values):
    seen["dynamic"] = repr(sorted(values))


@dg.job(resource_defs=RESOURCES)
def dynamic():
    collected(several().map(doubled).collect())


def materialize(assets, selection=None, **options):
    return dg.materialize(
        assets, selection=selection or assets, resources=RESOURCES, raise_on_error=False, **options
    )


def failure(result):
    """The class and text of what made a run fail."""
    (failed,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    error = failed.event_specific_data.error
    return f"{(error.cause or error).cls_name}: {(error.cause or error).message}"


def span(asset, first, last):
    job = dg.define_asset_job("spanning", [asset], partitions_def=PARTS)
    found = dg.Definitions([asset], jobs=[job], resources=RESOURCES).get_job_def("spanning")
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    return found.execute_in_process(tags=tags, raise_on_error=False)


@dg.asset
def picture():
    return Image.new("RGB", (40, 30), (255, 0, 0))


warnings.simplefilter("ignore")  # Dagster's own, about what is in preview
values = [table, nothing, declared, nest, consumer]
done = materialize(values)
assert done.success
(event,) = done.asset_materializations_for_node("table")
seen["schema"] = [
    [column.name, column.type] for column in event.metadata["dagster/column_schema"].schema.columns
]
seen["rows"] = event.metadata["dagster/row_count"].value
seen["preview"] = [record.data for record in event.metadata["preview"].records]
pictures = materialize([picture])
(event,) = pictures.asset_materializations_for_node("picture")
seen["picture"] = [event.metadata["preview"].md_str, event.metadata["aqueduct/type"].value]
definitions = dg.Definitions(values, resources=RESOURCES)
seen["loaded"] = repr(definitions.load_asset_value("nest"))

for key in ("a", "b/c"):
    assert materialize([each], partition_key=key).success
assert materialize([each, same, single], [same, single], partition_key="b/c").success
seen["missing partition"] = failure(materialize([each, every], [every]))
assert materialize([each, lenient], [lenient]).success
assert materialize([each], partition_key="50%").success
assert materialize([each, every], [every]).success
assert span(together, "a", "50%").success
seen["confused"] = failure(span(confused, "a", "50%"))
assert dynamic.execute_in_process().success

STORE.delete("dagster/assets/table")
seen["gone"] = failure(materialize(values, [consumer]))
print()
print(json.dumps(seen))
