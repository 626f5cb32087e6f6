"""Dagster's IO manager over an artifact store.

    Definitions(assets=[...], resources={"io_manager": AqueductIOManager(url="s3://bucket/prefix")})

Assets and outputs of ops become typed artifacts, which Dagster shows with schema, rows and preview.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from aqueduct_core.adapters._common import key_of, needs, store_of, table_class
from aqueduct_core.errors import ParameterError
from aqueduct_core.manifest import Manifest

with needs("dagster", "dagster"):
    from dagster import ConfigurableIOManager, MetadataValue, TableColumn, TableRecord, TableSchema

__all__ = ["AqueductIOManager"]

_PLAIN = (str, int, float, bool)


class AqueductIOManager(ConfigurableIOManager):  # type: ignore[misc]  # Dagster isn't there when types are checked
    """Keeps outputs as typed artifacts, and loads them as the consumer's annotation asks.

    Metadata of an input: `columns`, a list of those to load; `by_partition`, a dict even of a single
    partition (several are one anyway); `allow_missing_partitions`, a dict without those.
    """

    url: str
    prefix: str = "dagster"
    policy: str | None = None
    allow_pickle: bool = False
    storage_options: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it

    def handle_output(self, context: Any, obj: Any) -> None:
        """Store what an asset or op returned; `None` is a value like any other."""
        if not context.has_asset_partitions:
            context.add_output_metadata(_described(self._put(context, obj), "dagster/row_count"))
            return
        names = context.asset_partition_keys
        values = {names[0]: obj} if len(names) == 1 else obj
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise ParameterError(
                f"a run over {len(names)} partitions of {context.asset_key} returned no dict with "
                "a value for each of them",
                hint="return {partition_key: value, ...}, or run one partition at a time",
            )
        for name in names:
            made = self._put(context, values[name], name)
        context.add_output_metadata(_described(made, "dagster/partition_row_count"))

    def load_input(self, context: Any) -> Any:
        """Load what was stored.

        Raises:
            ArtifactNotFoundError: It was never made, or is gone.
        """
        annotation, asked = context.dagster_type.typing_type, context.definition_metadata or {}
        columns = asked.get("columns")
        store = store_of(self)
        if not context.has_asset_partitions:
            return store.get(self._key(context), as_=table_class(annotation), columns=columns)
        names, lenient = context.asset_partition_keys, asked.get("allow_missing_partitions")
        keys = {name: self._key(context, name) for name in names}
        if len(names) == 1 and not (asked.get("by_partition") or lenient):
            return store.get(keys[names[0]], as_=table_class(annotation), columns=columns)
        as_ = table_class((get_args(annotation) or (None,))[-1])
        return {
            name: store.get(key, as_=as_, columns=columns)
            for name, key in keys.items()
            if not lenient or store.exists(key)
        }

    def _put(self, context: Any, obj: Any, *partition: str) -> Manifest:
        store = store_of(self)
        lineage = {"run": context.run_id, "step": context.step_key}
        ref = store.put(obj, self._key(context, *partition), name=context.name, lineage=lineage)
        return store.manifest(ref)

    def _key(self, context: Any, *partition: str) -> str:
        if context.has_asset_key:
            kind = "partitions" if partition else "assets"
            return key_of(self.prefix, kind, *context.asset_key.path, *partition)
        return key_of(self.prefix, "runs", *context.get_identifier())


def _described(manifest: Manifest, rows: str) -> dict[str, Any]:
    """What the manifest says, as Dagster shows it; the value isn't looked at again."""
    known = manifest.description
    found = {
        "aqueduct/key": manifest.key,
        "aqueduct/type": manifest.type,
        "aqueduct/serializer": manifest.content.serializer,
        "size (bytes)": manifest.size,
    }
    if manifest.type != "table" or "schema" not in known:
        shown = known.get("preview")
        if isinstance(shown, Mapping) and set(shown) == {"png"}:
            found["preview"] = MetadataValue.md(f"![preview](data:image/png;base64,{shown['png']})")
        elif shown is not None:
            found["preview"] = MetadataValue.json({"preview": shown})
        return found
    columns = [TableColumn(item["name"], item["type"]) for item in known["schema"]]
    found["dagster/column_schema"] = MetadataValue.table_schema(TableSchema(columns))
    found[rows] = known["rows"]
    shown = known.get("preview") or {"columns": [], "rows": []}
    names = [str(name) for name in shown["columns"]]
    records = [
        TableRecord(dict(zip(names, map(_plain, row), strict=True))) for row in shown["rows"]
    ]
    schema = TableSchema([TableColumn(name, "string") for name in names])
    found["preview"] = MetadataValue.table(records, schema)
    return found


def _plain(cell: Any) -> Any:
    return cell if isinstance(cell, _PLAIN) else "" if cell is None else str(cell)
