"""Columns of a large Parquet file, read piece by piece.

While Arrow decodes a column, it takes up to twice its memory. In pieces that are short against the table
it doesn't matter. Numbers are put together in a buffer of their own, as consumers like them; texts and
lists stay the pieces that they were read in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from aqueduct_core.serializers.tables._check import is_flat

__all__ = ["fits", "read"]

_ROWS, _FEWEST_ROWS = 1 << 15, 1 << 10
_CHUNK = 1 << 17  # rows
_BYTES = 8 << 20  # of a piece of all columns together, about
_DICTIONARY = pa.dictionary(pa.int8(), pa.string()).id
_BITS = pa.bool_().id


def fits(kind: pa.DataType) -> bool:
    """Whether columns of a type are to be read in pieces.

    Dictionaries would come again with each piece, and bits don't end where bytes do.
    """
    return kind.id not in (_DICTIONARY, _BITS, pa.null().id)


def read(file: Any, names: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """The columns of these names, all of types that `fits`."""
    rows = file.metadata.num_rows
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    each = sum(group.total_byte_size for group in groups) / rows
    piece = min(_ROWS, max(_FEWEST_ROWS, int(_BYTES / each)))
    found: dict[str, _Whole | _Chunks] = {}
    for batch in file.iter_batches(piece, columns=names):
        for name in names:
            column = batch.column(name)
            if name not in found:
                whole = is_flat(column.type) and fits(column.type)
                found[name] = (_Whole if whole else _Chunks)(column.type, rows)
            found[name].add(column)
    if not found:
        raise pa.ArrowInvalid(f"the file says that it has {rows} rows, and has none")
    return {name: column.finished() for name, column in found.items()}


class _Chunks:
    """A column in chunks of several pieces each.

    Joined they take what they need. As they were decoded, twice of it may be set aside for them.
    """

    def __init__(self, kind: pa.DataType, rows: int) -> None:
        self._kind = kind
        self._rows = rows
        self._chunks: list[pa.Array] = []
        self._pieces: list[pa.Array] = []

    def add(self, piece: pa.Array) -> None:
        self._pieces.append(piece)
        if sum(map(len, self._pieces)) >= _CHUNK:
            self._join()

    def finished(self) -> pa.ChunkedArray:
        if self._pieces:
            self._join()
        return pa.chunked_array(self._chunks, self._kind)

    def _join(self) -> None:
        self._chunks.append(pa.concat_arrays(self._pieces))
        self._pieces = []


class _Whole:
    """A column of values of a fixed number of bytes, which become one buffer."""

    def __init__(self, kind: pa.DataType, rows: int) -> None:
        self._kind = kind
        self._rows = rows
        self._width = kind.bit_width // 8
        self._values = pa.allocate_buffer(rows * self._width)
        self._free = memoryview(self._values).cast("B")
        self._valid: list[pa.Array] = []
        self._nulls = 0

    def add(self, piece: pa.Array) -> None:
        start, size = piece.offset * self._width, len(piece) * self._width
        if size > self._free.nbytes:
            raise pa.ArrowInvalid(f"the file says that it has {self._rows} rows, and has more")
        self._free[:size] = memoryview(piece.buffers()[1]).cast("B")[start : start + size]
        self._free = self._free[size:]
        self._valid.append(piece.is_valid())
        self._nulls += piece.null_count

    def finished(self) -> pa.ChunkedArray:
        if self._free.nbytes:
            raise pa.ArrowInvalid(f"the file says that it has {self._rows} rows, and has fewer")
        bits = pa.concat_arrays(self._valid).buffers()[1] if self._nulls else None
        array = pa.Array.from_buffers(self._kind, self._rows, [bits, self._values], self._nulls)
        return pa.chunked_array([array])
