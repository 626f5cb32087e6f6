"""pyarrow's own objects: they are what the containers hold, so little has to be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aqueduct_core.errors import (
    ColumnNotFoundError,
    ConversionError,
    CorruptArtifactError,
    UnserializableError,
)
from aqueduct_core.serializers.tables import _retype
from aqueduct_core.serializers.tables._check import is_flat, is_plain, require_shallow_schema
from aqueduct_core.serializers.tables._views import compacted_table

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON, Sink, Source

__all__ = [
    "accepts",
    "arrow_of",
    "decode",
    "decode_columns",
    "encode",
    "from_arrow",
    "kind_of",
    "select",
]

_VALUES = "values"  # the column that arrays, which have no name, are stored as
_MOST_CHUNKS = 4_096
_TEXTS = frozenset((pa.string().id, pa.large_string().id))


def kind_of(obj: Any) -> str:
    """What the object is: `table`, `batch`, `chunked`, `array`, `scalar`, `schema` or nothing known."""
    for cls, kind in ((pa.Table, "table"), (pa.RecordBatch, "batch"), (pa.Schema, "schema")):
        if type(obj) is cls:
            return kind
    if type(obj) is pa.ChunkedArray:
        return "chunked"
    # Every type has a class of its own for its arrays; a slice has it as well, a subclass's has not.
    if isinstance(obj, pa.Array):
        return "array" if type(obj.slice(0, 0)) is type(obj) else ""
    return "scalar" if isinstance(obj, pa.Scalar) else ""


def accepts(obj: Any, durable: bool) -> bool:
    """Whether the object comes back exactly."""
    kind = kind_of(obj)
    if not kind:
        return False
    if kind == "scalar":
        return not durable and _keeps_schema(pa.schema([(_VALUES, obj.type)]))
    table = arrow_of(obj)
    if not _keeps_schema(table.schema):
        return False
    return not durable or _retype.holds(table)


def encode(obj: Any, sink: Sink, durable: bool) -> tuple[pa.Table, dict[str, JSON]]:
    """The table to store, and what makes it the object again."""
    kind = kind_of(obj)
    table = arrow_of(obj)
    require_shallow_schema(table.schema)
    for index, field in enumerate(table.schema):
        if not (is_flat(field.type) or is_plain(field.type)):
            at = "" if kind in ("array", "chunked", "scalar") else f"[{field.name!r}]"
            _validate(table.column(index), at)
    meta: dict[str, JSON] = {"kind": kind}
    if kind == "chunked" or (kind == "table" and table.num_columns):
        lengths = _lengths(table)
        if lengths != [table.num_rows]:
            meta["chunks"] = lengths
    return table if durable else compacted_table(table), meta


def _lengths(table: pa.Table) -> list[int]:
    """The chunk lengths that all columns share; one chunk of all rows if they don't."""
    first = [len(chunk) for chunk in table.column(0).chunks]
    if len(first) != 1 and len(first) <= _MOST_CHUNKS:
        others = ([len(chunk) for chunk in column.chunks] for column in table.columns[1:])
        if all(lengths == first for lengths in others):
            return first
    return [table.num_rows]


def decode(
    table: pa.Table, meta: Mapping[str, Any], source: Source, base: memoryview | None
) -> Any:
    """The object that `encode` was given."""
    kind = meta["kind"]
    if kind == "schema":
        return table.schema
    if kind == "table":
        return _relaid(table, meta.get("chunks"))
    if kind == "batch":
        return _batch(table)
    if table.num_columns != 1:
        raise CorruptArtifactError(f"an array is one column, not {table.num_columns}")
    if kind == "chunked":
        return _relaid(table, meta.get("chunks")).column(0)
    array = _array(table.column(0))
    if kind == "array":
        return array
    if kind == "scalar" and len(array) == 1:
        return array[0]
    raise CorruptArtifactError(f"unknown kind of pyarrow object: {kind!r}")


def select(meta: Mapping[str, Any], columns: Sequence[Any]) -> list[str]:
    """The stored columns for these columns: they themselves."""
    if meta["kind"] not in ("table", "batch"):
        raise ColumnNotFoundError(f"a pyarrow {meta['kind']} has no columns to select")
    for column in columns:
        if not isinstance(column, str):
            raise ColumnNotFoundError(
                f"no column {column!r}; the columns of a pyarrow table are named by str"
            )
    return list(columns)


def decode_columns(
    table: pa.Table,
    meta: Mapping[str, Any],
    source: Source,
    base: memoryview | None,
    columns: Sequence[Any],
) -> Any:
    """The object with only these columns."""
    return decode(table, meta, source, base)


def arrow_of(obj: Any) -> pa.Table:
    """The object as a table."""
    if isinstance(obj, pa.Table):
        return obj
    if isinstance(obj, pa.RecordBatch):
        return pa.Table.from_batches([obj])
    if isinstance(obj, pa.Schema):
        # Without chunks: Arrow can make no empty arrays of some types.
        return pa.table([pa.chunked_array([], kind) for kind in obj.types], schema=obj)
    if isinstance(obj, pa.Scalar):
        obj = pa.repeat(obj, 1)
    return pa.table([obj], names=[_VALUES])


def from_arrow(table: pa.Table, target: type) -> Any:
    """A table as one of pyarrow's classes."""
    if target is pa.Table:
        return table
    if target is pa.RecordBatch:
        return _batch(table)
    if issubclass(target, (pa.ChunkedArray, pa.Array)):
        if table.num_columns != 1:
            raise ConversionError(
                f"a table of {table.num_columns} columns is not one array",
                hint="choose a column with columns=[...]",
            )
        column = table.column(0)
        found = column if target is pa.ChunkedArray else _array(column)
        if isinstance(found, target):
            return found
    raise ConversionError(
        f"a table can't become a pyarrow.{target.__name__}",
        hint="as_= takes pyarrow.Table, RecordBatch, Array and ChunkedArray",
    )


def _keeps_schema(schema: pa.Schema) -> bool:
    """Whether Arrow's own form of a schema keeps all of it.

    It doesn't when an extension type isn't registered, or when the fields of a map have other names
    than usual.
    """
    if all(is_flat(kind) or kind.id in _TEXTS for kind in schema.types):
        return True
    if all(kind.num_fields == 0 and not _is_extension(kind) for kind in schema.types):
        return True
    try:
        found = pa.ipc.read_schema(schema.serialize())
    except (pa.ArrowException, OSError):  # too deep: saving says so
        return True
    return bool(found.equals(schema, check_metadata=True))


def _is_extension(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_extension(kind.value_type)
    return isinstance(kind, pa.BaseExtensionType)


def _validate(column: pa.ChunkedArray, at: str) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnserializableError(
            f"this {column.type} array is not valid: {error}",
            path=at,
            hint="rebuild the array from Python values or with pyarrow's own functions",
        ) from error


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _batch(table: pa.Table) -> pa.RecordBatch:
    if not table.num_columns:
        batches = table.to_batches()
        return batches[0] if batches else pa.RecordBatch.from_arrays([], schema=table.schema)
    arrays = [_array(column) for column in table.columns]
    if not all(isinstance(array, pa.Array) for array in arrays):
        raise ConversionError(
            "a column holds more than one array can",
            hint="load it as a pyarrow.Table, or use store.open for its batches",
        )
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def _relaid(table: pa.Table, lengths: Any) -> pa.Table:
    """The table with its columns in chunks of these lengths, as far as that needs no copy."""
    if lengths is None:
        return table
    whole = all(type(length) is int and length >= 0 for length in lengths)
    if not whole or sum(lengths) != table.num_rows:
        raise CorruptArtifactError("the chunk lengths don't fit the table")
    columns = []
    for column in table.columns:
        if [len(chunk) for chunk in column.chunks] != lengths:
            column = _rechunked(column, lengths)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=table.schema)


def _rechunked(column: pa.ChunkedArray, lengths: Sequence[int]) -> pa.ChunkedArray:
    pieces = []
    start = 0
    for length in lengths:
        piece = column.slice(start, length)
        if length == 0:  # an empty slice of several chunks has none, or any number of them
            piece = column.slice(0, 0)
        pieces.append(_array(piece))
        start += length
    return pa.chunked_array(pieces, column.type)
