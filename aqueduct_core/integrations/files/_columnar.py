"""Parquet and Arrow files: only the columns and row groups that are wanted are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files._frames import arrow_of
from aqueduct_core.integrations.files._rows import Rows, columns_of, expression
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["batches", "read_arrow", "read_parquet", "schema_of", "write_arrow", "write_parquet"]

Found: TypeAlias = "tuple[pa.Table, list[str]]"
_KINDS = {"parquet": ds.ParquetFileFormat, "arrow": ds.IpcFileFormat}
_BUFFER = 1 << 20  # bytes of a column that are read at once
_FILE_FORMAT = b"ARROW1"  # how Arrow files begin; streams don't


def read_parquet(file: SourceFile, columns: Sequence[str] | None, rows: Rows | None) -> Found:
    """A Parquet file as a table, and the names of all of its columns.

    Args:
        file: The file.
        columns: The columns to read; those that it doesn't have are left out.
        rows: The rows to read.
    """
    return _read(file, ds.ParquetFileFormat(), columns, rows)


def read_arrow(file: SourceFile, columns: Sequence[str] | None, rows: Rows | None) -> Found:
    """An Arrow file (also called Feather) or stream as a table; see `read_parquet`."""
    if file.head(len(_FILE_FORMAT)) == _FILE_FORMAT:
        return _read(file, ds.IpcFileFormat(), columns, rows)
    with pa.ipc.open_stream(pa.py_buffer(file.read())) as stream:
        table = stream.read_all()
    needed = _needed(file, table.schema, columns, rows)
    if rows is not None:
        table = table.filter(_expression(file, rows, table.schema))
    names = table.column_names
    return table if needed is None else table.select(needed), names


def schema_of(file: SourceFile, kind: str) -> pa.Schema | None:
    """What a file says of its columns; None for a stream of Arrow, which is read as a whole."""
    if kind == "arrow" and file.head(len(_FILE_FORMAT)) != _FILE_FORMAT:
        return None
    with ExitStack() as opened:
        return _KINDS[kind]().make_fragment(_opened(file, opened, whole=False)).physical_schema


def batches(
    file: SourceFile, kind: str, columns: Sequence[str], rows: Rows | None, size: int
) -> Iterator[pa.RecordBatch]:
    """The rows of a file as they are read.

    Args:
        file: The file.
        kind: `parquet` or `arrow`.
        columns: The columns to read; those that it doesn't have are left out.
        rows: The rows to read.
        size: How many rows a batch has, at most.
    """
    with ExitStack() as opened:
        source = _opened(file, opened, whole=False)  # once: the file may be replaced meanwhile
        fragment = _KINDS[kind]().make_fragment(source)
        schema = fragment.physical_schema
        needed = _needed(file, schema, columns, rows)
        wanted = None if rows is None else _expression(file, rows, schema)
        if kind == "arrow":
            yield from fragment.to_batches(
                columns=needed, filter=wanted, batch_size=size, batch_readahead=1
            )
            return
        # A fragment would read some row groups ahead, however large they are.
        groups = [part.row_groups[0].id for part in fragment.split_by_row_group(filter=wanted)]
        read = [*dict.fromkeys([*(needed or ()), *columns_of(rows)])]
        parquet = pq.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False)
        for batch in parquet.iter_batches(size, row_groups=groups, columns=read):
            table = pa.Table.from_batches([batch])
            if wanted is not None:
                table = table.filter(wanted)
            yield from table.select(needed).to_batches()


def write_parquet(value: Any) -> list[Any]:
    """A table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(arrow_of(value, index=True), sink, compression="zstd")
    return [sink.getvalue()]


def write_arrow(value: Any) -> list[Any]:
    """A table as the bytes of an Arrow file."""
    table = arrow_of(value, index=True)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return [sink.getvalue()]


def _read(file: SourceFile, kind: Any, columns: Sequence[str] | None, rows: Rows | None) -> Found:
    with ExitStack() as opened:
        # One opening for the schema and the rows: the file may be replaced meanwhile.
        fragment = kind.make_fragment(_opened(file, opened, whole=columns is None and rows is None))
        schema = fragment.physical_schema
        needed = _needed(file, schema, columns, rows)
        wanted = None if rows is None else _expression(file, rows, schema)
        table = fragment.to_table(columns=needed, filter=wanted)
    if not table.num_columns:  # with other metadata it would have no rows any more
        return table, schema.names
    return table.replace_schema_metadata(schema.metadata), schema.names


def _opened(file: SourceFile, stack: ExitStack, *, whole: bool) -> Any:
    """A file as Arrow reads it; a whole one comes quicker in one transfer, a part in ranges."""
    local = file.local()
    if local is not None:
        return stack.enter_context(pa.OSFile(str(local)))
    if whole:
        return pa.BufferReader(file.read())
    return pa.PythonFile(stack.enter_context(file.open()), "r")


def _needed(
    file: SourceFile, schema: pa.Schema, columns: Sequence[str] | None, rows: Rows | None
) -> list[str] | None:
    """The columns to read, of those that are there; None for all."""
    names = schema.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise IntegrationError(
            f"{file.name}: the column {twice!r} is there twice", hint="write the file again"
        )
    file.require(columns_of(rows), names)
    return None if columns is None else [name for name in columns if name in names]


def _expression(file: SourceFile, rows: Rows, schema: pa.Schema) -> Any:
    types = {name: schema.field(name).type for name in columns_of(rows)}
    return file.compared(lambda: expression(rows, types))
