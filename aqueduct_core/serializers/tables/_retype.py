"""What Parquet can hold of Arrow's types, and turning back what it changes.

Seconds are written as milliseconds and `date64` as days, if their values allow it, and views within
lists and structs as text that lies one after the other. Dictionaries of
text are written as any Parquet writer would, for other tools to read; because Parquet drops their
unused entries and their order, `dictionaries` are kept beside it as well. Names and metadata of nested
fields, which Parquet normalizes, are put back without touching the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aqueduct_core.serializers.tables._views import holds_views, solid

__all__ = [
    "continues",
    "dictionaries",
    "holds",
    "holds_schema",
    "restored",
    "stored",
    "why_not",
    "written_as",
]

_EXACT = frozenset(
    kind.id
    for kind in (
        *(pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.time64("us"), pa.duration("s")),
        *(pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
        *(pa.string_view(), pa.binary_view()),
    )
)
_SWAPPED = {
    pa.time32("s"): pa.time32("ms"),
    pa.date64(): pa.date32(),
}
_TEXT = (pa.string(), pa.large_string())
# Before, a missing list was written without the items that its place has.
_FIXED_LISTS = int(pa.__version__.partition(".")[0]) >= 26
_DAY = 86_400_000
_FIRST_DAY, _LAST_DAY = -(2**31), 2**31 - 1
_ROWS = 1 << 18  # that are looked at at once
_MOST_SECONDS = (2**63 - 1) // 1000
_EXTENSIONS = (
    pa.UuidType,
    pa.JsonType,
    pa.Bool8Type,
    pa.OpaqueType,
    pa.FixedShapeTensorType,
)


def holds(table: pa.Table) -> bool:
    """Whether Parquet gives a table back exactly."""
    if not holds_schema(table.schema):
        return False
    return all(
        _holds_values(table.column(index), field)
        for index, field in enumerate(table.schema)
        if not field.nullable or field.type.id not in _EXACT
    )


def holds_schema(schema: pa.Schema) -> bool:
    """Whether Parquet can give tables of a schema back exactly; their values may still be in the way."""
    names = schema.names
    if not names or len(set(names)) != len(names):
        return False
    if not all(kind.id in _EXACT or _holds_type(kind, top=True) for kind in schema.types):
        return False
    simple = not schema.metadata and all(
        field.metadata is None and field.type.num_fields == 0 for field in schema
    )
    return simple or _survives(schema.serialize().to_pybytes())


def why_not(table: pa.Table) -> str:
    """Why Parquet doesn't hold a table, for an error's text."""
    schema = table.schema
    if not schema.names or len(set(schema.names)) != len(schema.names):
        return "it has no columns, or several of one name"
    for column, field in zip(table.columns, schema, strict=True):
        if not (_holds_type(field.type, top=True) and _holds_values(column, field)):
            return f"column {field.name!r} is {field.type}"
    return "metadata of its schema are lost"


def continues(table: pa.Table, first: pa.Table) -> bool:
    """Whether a table can be stored as further rows of `first`."""
    return holds(table) and all(
        not pa.types.is_dictionary(one.type) or _one_dictionary([*one.chunks, *two.chunks])
        for one, two in zip(first.columns, table.columns, strict=True)
    )


def stored(table: pa.Table) -> pa.Table:
    """The table that is written: the very same one if nothing has to be changed."""
    for index, kind in enumerate(table.schema.types):
        written = written_as(kind)
        if written is not kind:
            field = table.schema.field(index)
            column = table.column(index).cast(written)
            table = table.set_column(index, field.with_type(written), column)
    return table


def written_as(kind: pa.DataType) -> pa.DataType:
    """The type that columns of a type are written as: the very same one if nothing has to be changed."""
    if kind.id in _EXACT:
        return kind
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("ms", kind.tz)
    if kind.num_fields and holds_views(kind):  # Arrow's writer can't slice views within others
        return solid(kind)
    return _SWAPPED.get(kind, kind)


def dictionaries(table: pa.Table) -> pa.Table:
    """The dictionaries of a table's columns, in a form that Parquet keeps."""
    names, entries = [], []
    for name, column in zip(table.schema.names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            names.append(name)
            kept = column.chunk(0).dictionary if column.num_chunks else pa.array([], pa.string())
            entries.append(kept.cast(pa.large_binary()))
    offsets = [0]
    for kept in entries:
        offsets.append(offsets[-1] + len(kept))
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.concat_arrays(entries))
    return pa.table({"name": names, "entries": lists})


def restored(table: pa.Table, schema: pa.Schema, entries: Mapping[str, Any]) -> pa.Table:
    """What `stored` was given, from what came back of it.

    Raises:
        pa.ArrowInvalid: The columns aren't what was written.
    """
    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        if pa.types.is_dictionary(field.type):
            columns.append(_recoded(column, field.type, entries[field.name]))
        elif column.type.equals(field.type, check_metadata=True):
            columns.append(column)
        else:
            chunks = [_relabeled(chunk, field.type) for chunk in column.chunks]
            columns.append(pa.chunked_array(chunks, field.type))
    if not columns:
        return table.replace_schema_metadata(schema.metadata)
    return pa.Table.from_arrays(columns, schema=schema)


def _holds_type(kind: pa.DataType, *, top: bool) -> bool:
    types = pa.types
    if kind.id in _EXACT:
        return True
    if types.is_timestamp(kind) or types.is_time32(kind):
        return top or kind.unit != "s"
    if types.is_decimal(kind):
        return bool(0 <= kind.scale <= kind.precision)
    if types.is_fixed_size_binary(kind):
        return bool(kind.byte_width > 0)
    if top and types.is_date64(kind):
        return True
    if top and types.is_dictionary(kind):
        return kind.value_type in _TEXT
    if top and isinstance(kind, _EXTENSIONS):
        return _holds_type(kind.storage_type, top=False)
    if types.is_fixed_size_list(kind) and (kind.list_size == 0 or not _FIXED_LISTS):
        return False
    if types.is_struct(kind) and kind.num_fields == 0:
        return False
    if types.is_map(kind):
        return all(
            _holds_type(part, top=False) for part in (kind.key_type, kind.item_type)
        ) and bool(kind.item_field.nullable)
    if (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_struct(kind)
        or (types.is_fixed_size_list(kind))
    ):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        # A null in a field that must have none would only come to light while writing.
        return all(field.nullable and _holds_type(field.type, top=False) for field in fields)
    return False


def _holds_values(column: pa.ChunkedArray, field: pa.Field) -> bool:
    kind = field.type
    if not field.nullable and column.null_count:
        return False
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        lowest, highest = _range(column)
        return lowest >= -_MOST_SECONDS and highest <= _MOST_SECONDS
    if pa.types.is_time32(kind) and kind.unit == "s":
        lowest, highest = _range(column)
        return lowest >= 0 and highest < 86_400
    if pa.types.is_date64(kind):
        return all(map(_are_days, _some(_integers(column, pa.int64()))))
    if pa.types.is_dictionary(kind):
        return _one_dictionary(column.chunks)
    return True


def _integers(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.view(kind) for chunk in column.chunks], kind)


def _some(column: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    """A column in parts, so that what is made of them takes little memory."""
    return (column.slice(start, _ROWS) for start in range(0, len(column), _ROWS))


def _are_days(milliseconds: pa.ChunkedArray) -> bool:
    """Whether times are whole days that `date32` has numbers for."""
    days = pc.divide(milliseconds, _DAY)
    found = pc.min_max(days).as_py()
    if not ((found["min"] or 0) >= _FIRST_DAY and (found["max"] or 0) <= _LAST_DAY):
        return False
    return pc.all(pc.equal(milliseconds, pc.multiply(days, _DAY))).as_py() is not False


def _range(column: pa.ChunkedArray) -> tuple[int, int]:
    kind = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    found = pc.min_max(_integers(column, kind)).as_py()
    return found["min"] or 0, found["max"] or 0


def _one_dictionary(chunks: list[Any]) -> bool:
    """Whether all chunks share one dictionary whose entries can be told apart by their text."""
    if not chunks:
        return True
    first = chunks[0].dictionary
    if any(
        chunk.dictionary is not first and not chunk.dictionary.equals(first) for chunk in chunks
    ):
        return False
    return first.null_count == 0 and len(first.unique()) == len(first)


@lru_cache(maxsize=256)
def _survives(serialized: bytes) -> bool:
    """A dry run: whether the schema of an empty table comes back, names and metadata included."""
    written = pa.BufferOutputStream()
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(serialized))
        empty = schema.empty_table()
        pq.write_table(stored(empty), written)
        found = pq.ParquetFile(pa.BufferReader(written.getvalue())).read()
        nothing = {name: pa.array([], pa.large_binary()) for name in schema.names}
        return bool(restored(found, schema, nothing).schema.equals(schema, check_metadata=True))
    except (pa.ArrowException, OSError, ValueError):
        return False


def _recoded(column: pa.ChunkedArray, kind: pa.DataType, entries: pa.Array) -> pa.ChunkedArray:
    """Give a column the dictionary back that it was written with."""
    dictionary = entries.cast(kind.value_type)
    chunks = []
    for chunk in column.chunks:
        if chunk.type == kind and chunk.dictionary.equals(dictionary):
            chunks.append(chunk)
            continue
        coded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        places = pc.index_in(coded.dictionary.cast(kind.value_type), value_set=dictionary)
        if places.null_count:
            raise pa.ArrowInvalid("the column has a value that isn't in its dictionary")
        indices = places.take(coded.indices).cast(kind.index_type)
        chunks.append(pa.DictionaryArray.from_arrays(indices, dictionary, ordered=kind.ordered))
    if not chunks and len(dictionary):
        nothing = pa.array([], kind.index_type)
        chunks = [pa.DictionaryArray.from_arrays(nothing, dictionary, ordered=kind.ordered)]
    return pa.chunked_array(chunks, kind)


def _relabeled(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same data as a type that differs in names, metadata, or by a cast that loses nothing."""
    if array.type.equals(kind, check_metadata=True):
        return array
    if isinstance(kind, pa.BaseExtensionType):
        storage = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
        return pa.ExtensionArray.from_storage(kind, _relabeled(storage, kind.storage_type))
    if array.type.id != kind.id or kind.num_fields == 0:
        return array.cast(kind)
    if array.type.num_fields != kind.num_fields:
        raise pa.ArrowInvalid(f"{array.type} was found where {kind} was written")
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        children = [_relabeled(array.field(i), field.type) for i, field in enumerate(fields)]
        mask = array.is_null() if array.null_count else None
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
    if pa.types.is_map(kind):
        entries = [
            _relabeled(array.keys, kind.key_type),
            _relabeled(array.items, kind.item_type),
        ]
        child = pa.StructArray.from_arrays(entries, fields=[kind.key_field, kind.item_field])
    else:
        child = _relabeled(array.values, kind.value_type)
    own = 1 if pa.types.is_fixed_size_list(kind) else 2
    buffers = array.buffers()[:own]
    return pa.Array.from_buffers(
        kind, len(array), buffers, array.null_count, array.offset, children=[child]
    )
