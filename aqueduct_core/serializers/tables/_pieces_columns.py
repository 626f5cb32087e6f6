"""What becomes of the pieces of a column: one buffer, chunks, or the places of a dictionary's entries.

Threads add pieces of different row groups (`part`) at the same time.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.serializers.tables._views import holds_views, joined

__all__ = ["Chunks", "Coded", "Column", "Whole"]

_CHUNK = 2 << 20  # bytes


class Column(Protocol):
    """A column that is put together."""

    def add(self, part: int, start: int, piece: pa.Array) -> None:
        """Take the rows from `start` on; those of one part come in order."""

    def end(self, part: int) -> None:
        """No more rows of a part will come."""

    def finished(self) -> pa.ChunkedArray:
        """The column, once all parts have ended."""


class Whole:
    """A column of values of a fixed number of bytes, which become one buffer.

    Args:
        kind: Its type.
        rows: How many there will be.
        memory: Where the values go; a buffer of its own if None.
    """

    def __init__(self, kind: pa.DataType, rows: int, memory: pa.Buffer | None = None) -> None:
        self._kind = kind
        self._rows = rows
        self._width = kind.bit_width // 8
        size = rows * self._width
        self._memory = memory or pa.allocate_buffer(size, pa.system_memory_pool())
        self._bytes = np.frombuffer(self._parent(), np.uint8)[self._first() :][:size]
        self._valid: dict[int, tuple[int, pa.Array | None]] = {}

    def add(self, part: int, start: int, piece: pa.Array) -> None:
        if piece.type != self._kind:
            piece = piece.cast(self._kind)
        first, size = piece.offset * self._width, len(piece) * self._width
        at = start * self._width
        self._bytes[at : at + size] = np.frombuffer(piece.buffers()[1], np.uint8, size, first)
        self._valid[start] = len(piece), piece.is_valid() if piece.null_count else None

    def end(self, part: int) -> None:
        """There is nothing left to do."""

    def array(self) -> pa.Array:
        """The column as one array."""
        nulls = sum(valid.false_count for _, valid in self._valid.values() if valid is not None)
        bits = pa.concat_arrays(self._bits()).buffers()[1] if nulls else None
        return pa.Array.from_buffers(self._kind, self._rows, [bits, self._memory], nulls)

    def finished(self) -> pa.ChunkedArray:
        return pa.chunked_array([self.array()])

    def _bits(self) -> list[pa.Array]:
        told = [self._valid[start] for start in sorted(self._valid)]
        return [pa.repeat(True, size) if valid is None else valid for size, valid in told]

    def _parent(self) -> pa.Buffer:
        """What may be written to; a slice of it may not."""
        return self._memory if self._memory.is_mutable else self._memory.parent

    def _first(self) -> int:
        return int(self._memory.address - self._parent().address)


class Chunks:
    """A column in chunks of several pieces each.

    Joined they take what they need. As they were decoded, twice of it may be set aside for them.
    """

    def __init__(self, kind: pa.DataType) -> None:
        self._kind = kind
        self._chunks: dict[int, list[pa.Array]] = {}
        self._waiting: dict[int, tuple[int, list[pa.Array]]] = {}

    def add(self, part: int, start: int, piece: pa.Array) -> None:
        size, pieces = self._waiting.get(part, (0, []))
        pieces.append(piece)
        size += piece.nbytes
        self._waiting[part] = size, pieces
        if size >= _CHUNK:
            self.end(part)

    def end(self, part: int) -> None:
        _, pieces = self._waiting.pop(part, (0, []))
        if pieces:
            self._chunks.setdefault(part, []).append(self._joined(pieces))
            del pieces
            if self._kind.num_fields:
                # Of what decoding nests has taken, Arrow's allocator would keep most. To have the memory
                # anew takes time, which is too much for text alone, where little is kept.
                pa.default_memory_pool().release_unused()

    def _joined(self, pieces: list[pa.Array]) -> pa.Array:
        if holds_views(self._kind):
            return joined(pieces, self._kind)
        return pa.concat_arrays(pieces, pa.system_memory_pool())

    def finished(self) -> pa.ChunkedArray:
        chunks = [chunk for part in sorted(self._chunks) for chunk in self._chunks[part]]
        return pa.chunked_array(chunks, self._kind)


class Coded:
    """A column with a dictionary, of which each piece brings a part of its own.

    Args:
        kind: Its type.
        rows: How many there will be.
        entries: The dictionary that it was written with.
    """

    def __init__(self, kind: pa.DataType, rows: int, entries: pa.Array) -> None:
        self._kind = kind
        self._entries = entries.cast(kind.value_type)
        self._places = Whole(kind.index_type, rows)
        self._last: dict[int, tuple[pa.Array, pa.Array]] = {}

    def add(self, part: int, start: int, piece: pa.Array) -> None:
        coded = piece if pa.types.is_dictionary(piece.type) else piece.dictionary_encode()
        dictionary, places = self._last.get(part, (None, None))
        if dictionary is None or not dictionary.equals(coded.dictionary):
            places = pc.index_in(coded.dictionary.cast(self._kind.value_type), self._entries)
            if places.null_count:
                raise pa.ArrowInvalid("the column has a value that isn't in its dictionary")
            places = places.cast(self._kind.index_type)
            self._last[part] = coded.dictionary, places
        self._places.add(part, start, places.take(coded.indices))

    def end(self, part: int) -> None:
        self._last.pop(part, None)

    def finished(self) -> pa.ChunkedArray:
        column = pa.DictionaryArray.from_arrays(
            self._places.array(), self._entries, ordered=self._kind.ordered
        )
        return pa.chunked_array([column], self._kind)
