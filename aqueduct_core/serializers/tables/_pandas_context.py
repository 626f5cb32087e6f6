"""What the parts of the pandas mapping share: where to store things, and where to find them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from aqueduct_core.abc import JSON, Source
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers import tagged

__all__ = ["Columns", "Encoded", "Reader", "Writer", "chunks_of", "missing"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One array on its way into a table.

    Attributes:
        array: The physical column; None if the values are stored beside the table.
        spec: What rebuilds the values from it.
    """

    array: Any
    spec: JSON


class Nests(Protocol):
    """The one thing that is needed of a sink here."""

    def nest(self, obj: Any, at: str = "") -> int: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """Stores what doesn't fit into the table.

    Attributes:
        sink: Takes other objects.
        durable: Whether the table goes to Parquet: only types that come back from there.
    """

    sink: Nests
    durable: bool

    def nest(self, obj: Any, at: str) -> JSON:
        """Store an object of its own; the form that `Reader.nested` takes."""
        return {"nested": self.sink.nest(obj, at)}

    def plain(self, value: Any, at: str) -> JSON:
        """Any value as JSON; what JSON can't tell is stored as an object of its own."""
        if value is None or type(value) is str:
            return tagged.to_json(value)
        try:
            return tagged.to_json(value, nest=lambda leaf, path: self.sink.nest(leaf, at + path))
        except UnserializableError as error:
            if not error.path.startswith(at):
                error.under(at)
            raise


class Reader:
    """Finds buffers, nested objects and tagged values.

    Args:
        source: Gives nested objects.
        base: The writable private memory that the table's buffers lie in, or None.
    """

    def __init__(self, source: Source, base: memoryview | None) -> None:
        self.source = source
        self.mapped = base is not None
        # An empty buffer has no address worth knowing.
        self._base = np.frombuffer(base, np.uint8) if base is not None and base.nbytes else None
        self._start = 0 if self._base is None else self._base.__array_interface__["data"][0]

    def nested(self, form: Any) -> Any:
        """The object that `Writer.nest` stored."""
        index = form["nested"]
        if type(index) is not int:
            raise CorruptArtifactError(f"{index!r} is no index of a nested object")
        return self.source.nested(index)

    def plain(self, node: Any) -> Any:
        """The value that `Writer.plain` told."""
        if node is None or type(node) is str:
            return node
        return tagged.from_json(node, nested=self.source.nested, trusted=self.source.trusted)

    def numbers(self, column: Any, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        """The values of a fixed-width column: a writable array, zero-copy if in one chunk."""
        chunks = chunks_of(column)
        if len(chunks) == 1:
            return self._alias(chunks[0], dtype)
        out = np.empty(len(column), dtype)
        start = 0
        for chunk in chunks:
            out[start : start + len(chunk)] = self._alias(chunk, dtype)
            start += len(chunk)
        return out

    def address(self, array: pa.Array, dtype: np.dtype[Any]) -> int:
        """Where the values of an array start within the base; -1 if they are elsewhere."""
        if _width(array.type) != dtype.itemsize:
            raise CorruptArtifactError(f"a column of type {array.type} can't hold {dtype} values")
        buffer = array.buffers()[1]
        if buffer is None or self._base is None:
            return -1
        first = array.offset * dtype.itemsize
        if first + len(array) * dtype.itemsize > buffer.size:
            raise CorruptArtifactError("a column is longer than its buffer")
        start = int(buffer.address) - self._start
        inside = start >= 0 and start + buffer.size <= self._base.nbytes
        return start + first if inside else -1

    def rows(
        self, start: int, dtype: np.dtype[Any], shape: tuple[int, int], spacing: int
    ) -> np.ndarray[Any, Any]:
        """A writable 2-D array over columns that lie `spacing` bytes apart in the base."""
        assert self._base is not None
        # NumPy checks the bounds: the last byte of the last row must be inside of the base.
        return np.ndarray(shape, dtype, self._base, start, (spacing, dtype.itemsize))

    def _alias(self, array: pa.Array, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
        size = len(array)
        start = self.address(array, dtype)
        if size == 0:
            return np.empty(0, dtype)
        if start >= 0 and self._base is not None:
            view = np.frombuffer(self._base, dtype, size, start)
            return view if view.flags.aligned else view.copy()
        buffer = array.buffers()[1]
        if buffer is None:
            raise CorruptArtifactError(f"a column of {size} rows has no values")
        view = np.frombuffer(buffer, dtype, size, array.offset * dtype.itemsize)
        return view if view.flags.writeable else view.copy()


class Columns:
    """The physical columns of a table, by name."""

    def __init__(self, table: pa.Table) -> None:
        names = table.schema.names
        self.rows: int = table.num_rows
        self.take = table.column  # by place
        self._places = {name: place for place, name in enumerate(names)}
        if len(self._places) != len(names):
            raise CorruptArtifactError("two physical columns have one name")

    def places(self, names: Iterable[str]) -> list[int]:
        """Where columns are."""
        return [self._places[name] for name in names]

    def named(self, name: str) -> pa.ChunkedArray:
        """The column of a name."""
        return self.take(self._places[name])


def chunks_of(column: Any) -> list[pa.Array]:
    """The chunks of a column, or the array itself."""
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]


def missing(column: Any) -> np.ndarray[Any, Any]:
    """Where a column has no value: a new array of bool. Several times quicker than `is_null`."""
    parts = [_missing_of_chunk(chunk) for chunk in chunks_of(column)]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.bool_), *parts])


def _missing_of_chunk(chunk: pa.Array) -> np.ndarray[Any, Any]:
    bits = chunk.buffers()[0] if chunk.null_count else None
    if bits is None:  # all of them or none
        return np.full(len(chunk), chunk.null_count > 0)
    end = chunk.offset + len(chunk)
    absent = ~np.frombuffer(bits, np.uint8, min(bits.size, -(-end // 8)))
    return np.unpackbits(absent, count=end, bitorder="little")[chunk.offset :].view(np.bool_)


def _width(arrow: pa.DataType) -> int:
    """Bytes of one value; 0 if values have no fixed width, or not a whole number of bytes."""
    try:
        bits = int(arrow.bit_width)
    except ValueError:
        return 0
    return bits // 8 if bits % 8 == 0 else 0
