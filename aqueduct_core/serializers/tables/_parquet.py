"""Parquet: the durable container of tables.

Only tables that come back exactly are taken (`_retype.holds`). Row groups hold about 128 MiB of data
in memory; every page has a checksum, statistics and an entry in the page index.
"""

from __future__ import annotations

import base64
import binascii
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from aqueduct_core.errors import ColumnNotFoundError, CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.tables import _encodings, _pieces, _retype
from aqueduct_core.serializers.tables._check import is_flat

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON, Sink, Source

__all__ = ["batches", "dump_batches", "read", "read_schema", "write"]

_LEVEL = 1
_GROUP_BYTES = 128 << 20
_GROUP_ROWS = 64 << 20
_LEAST_GROUPS, _LEAST_GROUP = 16, 8 << 20
_LARGE = 32 << 20
_MANY = 1 << 17  # rows, from which text may take far more memory than in the file
_BUFFER = 1 << 18  # bytes that are read at once
_PATIENCE = 2.0  # seconds
_SCHEMA = b"aqueduct.schema"  # where columns were written as another type: the schema they had
_DICTIONARIES = "dictionaries"
_DICTIONARY = pa.dictionary(pa.int8(), pa.string()).id
_WRITING: dict[str, Any] = {"version": "2.6", "compression": "zstd", "compression_level": _LEVEL}
_DAMAGE = (pa.ArrowException, OSError, MemoryError, OverflowError, UnicodeDecodeError)
_FINAL: dict[str, Any] = {"write_page_checksum": True, "write_page_index": True}


def write(table: pa.Table, sink: Sink) -> dict[str, JSON]:
    """Write a table that `holds`; returns what `read` has to know: nothing."""
    return _dump(table.schema, iter([table]), sink)


def dump_batches(
    schema: pa.Schema, tables: Iterable[pa.Table], sink: Sink, *, group: int | None = None
) -> dict[str, JSON]:
    """Write tables of one schema as they come, holding one row group at a time.

    Args:
        schema: The schema.
        tables: The tables.
        sink: Where to.
        group: The bytes in memory of a row group, about; smaller ones take less of it.
    """
    return _dump(schema, _groups(tables, schema, group or _GROUP_BYTES), sink)


def _dump(schema: pa.Schema, groups: Iterator[pa.Table], sink: Sink) -> dict[str, JSON]:
    first = next(groups)
    size = first.nbytes
    rows = _group_rows(first, size)
    options = _WRITING | _encodings.pick(first, size, rows, _WRITING) | _FINAL
    written = _retype.stored(schema.empty_table()).schema
    with sink.open() as file, pq.ParquetWriter(file, written, **options) as writer:
        _write_groups(writer, first, rows)
        for group in groups:
            if not _retype.continues(group, first):
                raise UnserializableError(
                    "the batches have different dictionaries, or values that Parquet would change",
                    hint='store the stream with serializer="arrow", or make the batches alike',
                )
            _write_groups(writer, group, rows)
        if not written.equals(schema):
            writer.add_key_value_metadata({_SCHEMA: base64.b64encode(schema.serialize())})
    if _is_coded(schema):
        entries = pa.BufferOutputStream()
        pq.write_table(_retype.dictionaries(first), entries, compression="zstd")
        sink.write(entries.getvalue(), part=_DICTIONARIES)
    return {}


def read(source: Source, names: Sequence[str] | None = None) -> pa.Table:
    """The table.

    Args:
        source: Where the bytes are.
        names: The columns to read, in this order; all if None. Only their bytes are fetched.

    Raises:
        CorruptArtifactError: The bytes aren't a Parquet file, or not one that `write` makes.
        ColumnNotFoundError: There is no column of a name.
    """
    try:
        origin: Any = source.open()
        if names is None and _path_of(origin) is None:
            origin = source.view()  # fetched in one request, not in many ranges
        with _outlived(origin):
            return _read(origin, names, source)
    except _DAMAGE as error:
        raise _corrupt(error) from error


def read_schema(source: Source) -> pa.Schema:
    """The schema of the stored table."""
    try:
        return _schema(_open(source.open()))
    except _DAMAGE as error:
        raise _corrupt(error) from error


def batches(source: Source, rows: int) -> Iterator[pa.RecordBatch]:
    """The stored rows, read row group by row group."""
    try:
        file = _open(source.open())
        schema = _schema(file)
        entries = _entries(schema, source)
        for batch in file.iter_batches(batch_size=rows):
            yield from _restored(pa.Table.from_batches([batch]), schema, entries).to_batches()
    except _DAMAGE as error:
        raise _corrupt(error) from error


def _groups(tables: Iterable[pa.Table], schema: pa.Schema, most: int) -> Iterator[pa.Table]:
    """The same rows in tables large enough for a row group; an empty one if there are none."""
    waiting: list[pa.Table] = []
    size = 0
    some = False
    for table in tables:
        waiting.append(table)
        size += table.nbytes
        if size >= most:
            yield pa.concat_tables(waiting)
            some, waiting, size = True, [], 0
    if waiting or not some:
        yield pa.concat_tables(waiting) if waiting else schema.empty_table()


def _write_groups(writer: Any, table: pa.Table, rows: int) -> None:
    """Write a table in row groups, of which one at a time is held as it is written."""
    for start in range(0, max(table.num_rows, 1), rows):
        writer.write_table(_retype.stored(table.slice(start, rows)), row_group_size=rows)


def _group_rows(table: pa.Table, size: int) -> int:
    most = _GROUP_BYTES
    if any(map(_takes_memory, table.schema.types)):
        most = min(most, max(_LEAST_GROUP, size // _LEAST_GROUPS))
    each = max(size / max(table.num_rows, 1), 1 / 8)
    return max(1, min(_GROUP_ROWS, int(most / each)))


def _takes_memory(kind: pa.DataType) -> bool:
    """Whether what it takes to write a column grows with the row group: it shall be little of the table."""
    coded = kind.num_fields or kind.id == _DICTIONARY
    return bool(coded) or _retype.written_as(kind) is not kind


def _read(origin: Any, names: Sequence[str] | None, source: Source) -> pa.Table:
    file = _open(origin)
    schema = _schema(file)
    if names is not None:
        schema = pa.schema([_field(schema, name) for name in names], schema.metadata)
    lost = set(schema.names).difference(file.schema_arrow.names)
    if lost:
        raise pa.ArrowInvalid(f"the file has lost columns: {sorted(lost)[:50]}")
    entries = _entries(schema, source)
    if _is_large(file):
        table = _gathered(file, schema, entries, origin)
    else:
        table = file.read() if names is None else _selected(file, schema)
    return _restored(table, schema, entries)


def _open(origin: Any, about: Any = None) -> Any:
    """A reader of the bytes of a view, or of a file; `about` are its metadata if they are known."""
    if isinstance(origin, memoryview):
        reader = pa.BufferReader(pa.py_buffer(origin))
        return pq.ParquetFile(reader, metadata=about, pre_buffer=False)
    path = _path_of(origin)
    if path is not None:
        file = pa.OSFile(path)
        return pq.ParquetFile(file, metadata=about, pre_buffer=False, buffer_size=_BUFFER)
    # The store vouches for whole parts; of a range only the pages' own checksums can tell.
    return pq.ParquetFile(origin, page_checksum_verification=True, pre_buffer=True)


def _is_shared(origin: Any) -> bool:
    """Whether several threads can read from it."""
    return isinstance(origin, memoryview) or _path_of(origin) is not None


def _path_of(origin: Any) -> str | None:
    """The file of this machine that is open, if there is one that can be read without being mapped."""
    return getattr(origin, "name", None)


@contextmanager
def _outlived(origin: Any) -> Iterator[None]:
    """Wait in the end until nobody but the caller holds what was read from.

    A worker thread of Arrow may let go of it only after the read has returned. Should that fall into
    the end of the interpreter, it would abort the process.
    """
    held = sys.getrefcount(origin)
    yield
    deadline = time.monotonic() + _PATIENCE
    while sys.getrefcount(origin) > held and time.monotonic() < deadline:
        time.sleep(0.0002)


def _is_large(file: Any) -> bool:
    if file.metadata.num_rows >= _MANY and not all(map(is_flat, file.schema_arrow.types)):
        return True
    return _pieces.size_of(file) >= _LARGE


def _selected(file: Any, schema: pa.Schema) -> pa.Table:
    """Some columns. Reading "a" also gives one named "a.b", as if it were a field of "a"."""
    if not schema.names:
        return pa.table([pa.nulls(file.metadata.num_rows)], names=["rows"]).select([])
    return file.read(columns=list(dict.fromkeys(schema.names))).select(schema.names)


def _gathered(
    file: Any, schema: pa.Schema, entries: Mapping[str, pa.Array], origin: Any
) -> pa.Table:
    """The columns of a large file."""
    names = list(dict.fromkeys(schema.names))
    if not names:
        return _selected(file, schema)
    again = partial(_open, origin, file.metadata) if _is_shared(origin) else None
    found = file.schema_arrow
    kinds = {}
    for name in names:
        kind = schema.field(name).type
        changed = name in entries or _retype.written_as(kind) is not kind
        kinds[name] = kind if changed else found.field(name).type
    columns = _pieces.read(file, kinds, entries, again)
    return pa.Table.from_arrays([columns[name] for name in schema.names], names=schema.names)


def _schema(file: Any) -> pa.Schema:
    """The schema that the table had in memory, kept by Arrow or, if columns were changed, by us."""
    kept = file.metadata.metadata or {}
    packed = kept.get(_SCHEMA) or kept.get(b"ARROW:schema")
    if packed is None:
        raise pa.ArrowInvalid("the file has no Arrow schema, so it wasn't written here")
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(packed, validate=True)))
    except binascii.Error as error:
        raise pa.ArrowInvalid(f"the Arrow schema in the file is damaged: {error}") from error


def _field(schema: pa.Schema, name: str) -> pa.Field:
    index = schema.get_field_index(name)
    if index < 0:
        there = ", ".join(map(repr, schema.names[:50]))
        raise ColumnNotFoundError(f"no column {name!r}; there are {there}")
    return schema.field(index)


def _entries(schema: pa.Schema, source: Source) -> dict[str, pa.Array]:
    """The dictionaries of the columns that have one."""
    if not _is_coded(schema):
        return {}
    kept = pq.read_table(pa.BufferReader(pa.py_buffer(source.view(_DICTIONARIES))))
    entries = {}
    for name, values in zip(kept.column("name").to_pylist(), kept.column("entries"), strict=True):
        if values.values is not None:
            entries[name] = values.values
    for name, kind in zip(schema.names, schema.types, strict=True):
        if kind.id == _DICTIONARY and name not in entries:
            raise pa.ArrowInvalid(f"the dictionary of column {name!r} is missing")
    return entries


def _restored(table: pa.Table, schema: pa.Schema, entries: Mapping[str, pa.Array]) -> pa.Table:
    if not entries and table.schema.equals(schema, check_metadata=True):
        return table
    return _retype.restored(table, schema, entries)


def _is_coded(schema: pa.Schema) -> bool:
    return any(kind.id == _DICTIONARY for kind in schema.types)


def _corrupt(error: BaseException) -> CorruptArtifactError:
    return CorruptArtifactError(f"this is not a valid Parquet file: {error}", part="data")
