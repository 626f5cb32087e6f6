"""Arrow IPC: a table's buffers written as they lie in memory, and mapped back where they lie.

The container is the IPC *file* format, with one exception: chunks of a column whose dictionaries
differ can only be told apart in the *stream* format. Bodies are never compressed here; the store does
that as its policy says. Buffers keep the 8-byte alignment of Arrow's writer rather than 64: columns of
8-byte values then follow each other without gaps, so that many can be written, and seen, as one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aqueduct_core.errors import ColumnNotFoundError, CorruptArtifactError
from aqueduct_core.serializers.tables._check import (
    check_bodies,
    check_table,
    require_shallow_schema,
)
from aqueduct_core.serializers.tables._ipc_dense import OPTIONS, EvenTable

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON, Sink, Source

__all__ = [
    "batches",
    "dump_batches",
    "read",
    "read_schema",
    "writable",
    "write",
]

_SMALL = 2_048  # shorter pieces are copied together: a buffer of its own costs more than that


def write(table: pa.Table | EvenTable, sink: Sink) -> dict[str, JSON]:
    """Write a table; returns what `read` has to know, usually nothing."""
    if isinstance(table, EvenTable):
        sink.write(*table.pieces())
        return {}
    require_shallow_schema(table.schema)
    try:
        pieces, container = _pieces(table, pa.ipc.new_file), ""
    except pa.ArrowInvalid as error:
        if "ictionary replacement" not in str(error):
            raise
        pieces, container = _pieces(table, pa.ipc.new_stream), "stream"
    sink.write(*_joined(pieces))
    return {"container": container} if container else {}


def dump_batches(schema: pa.Schema, tables: Iterable[pa.Table], sink: Sink) -> dict[str, JSON]:
    """Write tables of one schema as they come, holding one at a time."""
    require_shallow_schema(schema)
    # Whether dictionaries will change can't be known before the last batch has come.
    changing = any(_holds_dictionary(field.type) for field in schema)
    with sink.open() as file:
        opened = pa.ipc.new_stream if changing else pa.ipc.new_file
        with opened(file, schema, options=OPTIONS) as writer:
            for table in tables:
                for batch in _record_batches(table):
                    writer.write_batch(batch)
    return {"container": "stream"} if changing else {}


def read(source: Source, names: Sequence[str] | None = None) -> tuple[pa.Table, memoryview]:
    """The table, and the private writable memory that its buffers lie in.

    Args:
        source: Where the bytes are.
        names: The columns to read, in this order; all if None.

    Raises:
        CorruptArtifactError: The bytes aren't an Arrow file, or its buffers would point elsewhere.
        ColumnNotFoundError: There is no column of a name.
    """
    base = source.view()
    try:
        table = _read(base, source, names)
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise CorruptArtifactError(
            f"this is not a valid Arrow file: {error}", part="data"
        ) from error
    return table, base


def read_schema(source: Source) -> pa.Schema:
    """The schema of the stored table."""
    try:
        return _reader(source.view(), source, None).schema
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise CorruptArtifactError(
            f"this is not a valid Arrow file: {error}", part="data"
        ) from error


def batches(source: Source) -> Iterator[pa.RecordBatch]:
    """The stored record batches, one at a time."""
    reader = _reader(source.view(), source, None)
    try:
        found = (
            iter(reader)
            if isinstance(reader, pa.RecordBatchStreamReader)
            else map(reader.get_batch, range(reader.num_record_batches))
        )
        for batch in found:
            if not source.vouched:
                check_table(pa.Table.from_batches([batch]))
            yield batch
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise CorruptArtifactError(
            f"this is not a valid Arrow file: {error}", part="data"
        ) from error


def writable(buffer: pa.Buffer, base: memoryview) -> memoryview:
    """The bytes of a table's buffer as writable memory.

    Args:
        buffer: A buffer of a table that `read` has returned.
        base: The memory that came with it.

    Returns:
        The part of `base` that the buffer is; a copy if it lies elsewhere.
    """
    start = buffer.address - pa.py_buffer(base).address
    if start >= 0 and start + buffer.size <= base.nbytes:
        return base[start : start + buffer.size]
    return memoryview(bytearray(buffer))


def _record_batches(table: pa.Table) -> list[pa.RecordBatch]:
    """The batches of a table; unlike `to_batches`, one even if there are no rows.

    An empty batch still carries its dictionaries.
    """
    if table.num_rows == 0 and all(column.num_chunks for column in table.columns):
        arrays = [column.chunk(0) for column in table.columns]
        return [pa.RecordBatch.from_arrays(arrays, schema=table.schema)]
    return table.to_batches()  # type: ignore[no-any-return]  # pyarrow is untyped


class _Pieces:
    """The file that Arrow writes to: keeps what it is given.

    Arrow hands over the table's own buffers, uncopied; they live as long as they are kept here.
    """

    closed = False

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.write = self.kept.append  # called for each buffer: of a wide table, thousands of times
        self._size = self._counted = 0

    def tell(self) -> int:
        self._size += sum(map(len, islice(self.kept, self._counted, None)))
        self._counted = len(self.kept)
        return self._size

    def flush(self) -> None:
        """There is nothing behind this."""

    def close(self) -> None:
        """There is nothing behind this."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _pieces(table: pa.Table, opened: Any) -> list[Any]:
    target = _Pieces()
    with opened(pa.PythonFile(target, mode="w"), table.schema, options=OPTIONS) as writer:
        for batch in _record_batches(table):
            writer.write_batch(batch)
    return target.kept


def _joined(pieces: list[Any]) -> list[Any]:
    """Fewer pieces: small ones copied together, neighbours in memory seen as one."""
    joined: list[Any] = []
    small: list[Any] = []
    run: list[Any] = []
    start = end = 0
    for piece in pieces:
        size = len(piece)
        if size < _SMALL:
            if run:
                joined.append(_as_one(run, start, end))
                run = []
            small.append(piece)
            continue
        if small:
            joined.append(b"".join(small))
            small = []
        address = getattr(piece, "address", 0)
        if run and address != end:
            joined.append(_as_one(run, start, end))
            run = []
        if not run:
            start = address
        run.append(piece)
        end = address + size
    if run:
        joined.append(_as_one(run, start, end))
    if small:
        joined.append(b"".join(small))
    return joined


def _as_one(run: list[Any], start: int, end: int) -> Any:
    if len(run) == 1:
        return run[0]
    return pa.foreign_buffer(start, end - start, base=tuple(run))


def _reader(base: memoryview, source: Source, options: Any) -> Any:
    check_bodies(base, stream=source.meta.get("container") == "stream")
    buffer = pa.py_buffer(base)
    if source.meta.get("container") == "stream":
        return pa.ipc.open_stream(buffer, options=options)
    return pa.ipc.open_file(buffer, options=options)


def _read(base: memoryview, source: Source, names: Sequence[str] | None) -> pa.Table:
    options = None
    if names is not None:
        schema = _reader(base, source, None).schema
        indices = [_index(schema, name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=sorted(set(indices)))
    table = _reader(base, source, options).read_all()
    if not source.vouched:
        check_table(table)
    return table if names is None else table.select(list(names))


def _index(schema: pa.Schema, name: str) -> int:
    index = schema.get_field_index(name)
    if index < 0:
        there = ", ".join(map(repr, schema.names[:50]))
        raise ColumnNotFoundError(f"no column {name!r}; there are {there}")
    return int(index)


def _holds_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_dictionary(kind.storage_type)
    return any(_holds_dictionary(kind.field(index).type) for index in range(kind.num_fields))
