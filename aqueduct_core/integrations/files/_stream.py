"""Files that are too large to be collected: their rows come as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from aqueduct_core.integrations.files import _columnar
from aqueduct_core.integrations.files._frames import frame_from, is_plain
from aqueduct_core.integrations.files._passes import Typed, in_two_passes
from aqueduct_core.integrations.files._rows import Rows
from aqueduct_core.integrations.files._source import SourceFile
from aqueduct_core.serializers.tables import FrameStream

if TYPE_CHECKING:
    from aqueduct_core.integrations.files._read import Wanted

__all__ = ["STREAMED", "streamed"]

STREAMED = 8 << 20  # bytes of files, which may be compressed, from which on rows are streamed
_ROWS = 65_536


def streamed(
    chosen: Sequence[tuple[SourceFile, Rows | None]], kind: str, wanted: Wanted
) -> FrameStream | pd.DataFrame | None:
    """The rows of some files, for a store; what is loaded from there is what `read` would give.

    Args:
        chosen: The files, and which rows of each.
        kind: Their format.
        wanted: What is to be read of them.

    Returns:
        None if that can't be said before all of them are read: of categories, an index, or JSON
        that nests.
    """
    files = [file for file, _ in chosen]
    names = wanted.columns or ()
    if sum(file.size for file in files) < STREAMED or len({*names}) < len(names):
        return None
    if kind in ("csv", "jsonl"):
        found = in_two_passes(kind, chosen, wanted.columns, wanted.rows, wanted.text)
        known = None
    else:
        found, known = _columns_of_files(chosen, kind, wanted.columns)
    if found is None:
        return None
    first = next(found.tables, None)
    if first is None:
        return frame_from(found.schema.with_metadata(known).empty_table())

    def to_frame(table: pa.Table) -> pd.DataFrame:
        return frame_from(table.replace_schema_metadata(known))

    return FrameStream(chain([first], found.tables), to_frame)


def _columns_of_files(
    chosen: Sequence[tuple[SourceFile, Rows | None]], kind: str, columns: Sequence[str] | None
) -> tuple[Typed | None, Mapping[bytes, bytes] | None]:
    """The rows of Parquet or Arrow files, and what pandas has said of their dtypes."""
    schemas = []
    for file, _ in chosen:
        with file.reading(kind):
            found = _columnar.schema_of(file, kind)
        if found is None or not is_plain(found) or set(file.partitions) & set(found.names):
            return None, None
        schemas.append(_with_partitions(found, file))
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive").remove_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None, None  # `read` has the words for it
    names = schema.names if columns is None else [*columns]
    if not set(names) <= set(schema.names):
        return None, None
    schema = pa.schema([schema.field(name) for name in names])
    tables = (table for item in chosen for table in _tables(item, kind, schema))
    return Typed(schema, tables), schemas[0].metadata


def _with_partitions(schema: pa.Schema, file: SourceFile) -> pa.Schema:
    for name, value in file.partitions.items():
        schema = schema.append(pa.field(name, pa.scalar(value).type))
    return schema


def _tables(
    item: tuple[SourceFile, Rows | None], kind: str, schema: pa.Schema
) -> Iterator[pa.Table]:
    """The rows of one file, in the schema of all."""
    file, rows = item
    stored = [name for name in schema.names if name not in file.partitions]
    with file.reading(kind):
        for batch in _columnar.batches(file, kind, stored, rows, _ROWS):
            if not batch.num_rows:
                continue
            columns = []
            for field in schema:
                if field.name in file.partitions:
                    value = pa.scalar(file.partitions[field.name], field.type)
                    columns.append(pa.repeat(value, batch.num_rows))
                elif field.name in batch.schema.names:
                    columns.append(batch.column(field.name).cast(field.type))
                else:
                    columns.append(pa.nulls(batch.num_rows, field.type))
            yield pa.table(columns, schema=schema)
