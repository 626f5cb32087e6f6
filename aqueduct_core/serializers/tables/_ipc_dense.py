"""Arrow files whose columns lie evenly, written and read without making an object for each column.

Of a table of thousands of columns of one dtype, what takes the time isn't the bytes but the columns.
Where they follow each other at one distance, as they do when written here, it's enough to know where
the first one is.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from aqueduct_core.serializers.tables._check import RECORD_BATCH, at, field

__all__ = ["OPTIONS", "EvenTable", "even_columns"]

OPTIONS = pa.ipc.IpcWriteOptions(allow_64bit=True, use_threads=False)
_LENGTH, _NODES, _BUFFERS, _COMPRESSION = range(4)  # the fields of a record batch
_BODY = 3  # the field of a message that tells how long what follows it is
_BLOCK_BODY = 16  # where the block of a batch in the footer tells the same


@dataclass(frozen=True, slots=True)
class EvenTable:
    """A table whose columns are the rows of one array.

    Attributes:
        names: The names of the columns.
        kind: The Arrow type of all.
        block: The values, contiguous; those of a column take a multiple of 8 bytes, and aren't none.
        metadata: Of the schema.
    """

    names: Sequence[str]
    kind: pa.DataType
    block: np.ndarray[Any, Any]
    metadata: Mapping[bytes, bytes] | None

    def pieces(self) -> list[Any]:
        """The bytes of the Arrow file, the same ones that Arrow would write.

        Arrow itself writes a table of one row. Its tables say what the larger one has to, but for the
        numbers that tell how much there is.
        """
        metadata = None if self.metadata is None else tuple(self.metadata.items())
        written = bytearray(_of_one_row(tuple(self.names), self.kind, metadata))
        view = memoryview(written)
        width, rows = self.block.shape
        step = rows * self.block.itemsize
        start, body, block = _only_batch(view)
        message = start + 8 + at("<I", view, start + 8)
        batch = _header(view, message)
        length, nodes, buffers = (field(view, batch, slot) for slot in (_LENGTH, _NODES, _BUFFERS))
        said = field(view, message, _BODY)
        if length is None or nodes is None or buffers is None or said is None:
            raise AssertionError("Arrow leaves out what isn't zero")
        counts, places = _pairs(view, nodes, width), _pairs(view, buffers, 2 * width)
        assert counts is not None, "one for each column"
        assert places is not None, "two for each column"
        old = at("<q", view, said)
        struct.pack_into("<q", view, length, rows)
        counts[:, 0] = rows
        places[:, 0] = np.arange(width).repeat(2) * step  # validity, of no bytes, and values
        places[1::2, 1] = step
        for position in (said, block + _BLOCK_BODY):
            struct.pack_into("<q", view, position, width * step)
        return [view[:body], self.block.reshape(-1).view(np.uint8), view[body + old :]]


@lru_cache(maxsize=8)  # what is saved again and again has the same columns
def _of_one_row(
    names: tuple[str, ...], kind: pa.DataType, metadata: tuple[tuple[bytes, bytes], ...] | None
) -> pa.Buffer:
    value = pa.py_buffer(bytes(kind.bit_width // 8))
    columns = [pa.Array.from_buffers(kind, 1, [None, value], 0)] * len(names)
    about = None if metadata is None else dict(metadata)
    batch = pa.RecordBatch.from_arrays(columns, names=names, metadata=about)
    target = pa.BufferOutputStream()
    with pa.ipc.new_file(target, batch.schema, options=OPTIONS) as writer:
        writer.write_batch(batch)
    return target.getvalue()


def even_columns(view: memoryview, width: int, rows: int, size: int) -> tuple[int, int] | None:
    """Where the first of the columns is in the bytes of an Arrow file, and how far apart they are.

    Args:
        view: The file.
        width: How many columns there are.
        rows: How many values each has.
        size: Bytes of a value.

    Returns:
        Two numbers of bytes, so that all columns lie within the file; None if they don't lie evenly,
        in one batch, without nulls, or if anything else is unusual: Arrow will tell what.
    """
    try:
        return _even_columns(view, width, rows, size)
    except (struct.error, IndexError, ValueError):
        return None


def _even_columns(view: memoryview, width: int, rows: int, size: int) -> tuple[int, int] | None:
    start, body, _ = _only_batch(view)
    if start < 0 or at("<I", view, start) != 0xFFFFFFFF:
        return None
    batch = _header(view, start + 8 + at("<I", view, start + 8))
    length, nodes, buffers = (field(view, batch, slot) for slot in (_LENGTH, _NODES, _BUFFERS))
    if length is None or nodes is None or buffers is None:
        return None
    if at("<q", view, length) != rows or field(view, batch, _COMPRESSION) is not None:
        return None
    counts = _pairs(view, nodes, width)
    places = _pairs(view, buffers, 2 * width)  # of the validity and of the values of each column
    if counts is None or places is None or (counts != (rows, 0)).any():
        return None
    offsets, lengths = places[1::2].T
    steps = np.diff(offsets)
    step = int(steps[0]) if width > 1 else rows * size
    if (steps != step).any() or (lengths < rows * size).any() or step < rows * size:
        return None
    first = body + int(offsets[0])
    inside = first >= 0 and first + step * (width - 1) + rows * size <= view.nbytes
    return (first, step) if inside else None


def _header(view: memoryview, message: int) -> int:
    """Where the record batch of a message is; raises `ValueError` if it has none."""
    kind, header = field(view, message, 1), field(view, message, 2)
    if kind is None or header is None or at("<B", view, kind) != RECORD_BATCH:
        raise ValueError("the message is no record batch")
    found: int = header + at("<I", view, header)
    return found


def _only_batch(view: memoryview) -> tuple[int, int, int]:
    """Where the message of the one record batch is, its body, and what the footer says of it.

    All are -1 if there are more batches, or none.
    """
    (size,) = struct.unpack_from("<i", view, view.nbytes - 10)
    start = view.nbytes - 10 - size
    footer = start + at("<I", view, start)
    dictionaries, batches = field(view, footer, 2), field(view, footer, 3)
    if dictionaries is not None and at("<I", view, dictionaries + at("<I", view, dictionaries)):
        return -1, -1, -1
    if batches is None:
        return -1, -1, -1
    vector = batches + at("<I", view, batches)
    if at("<I", view, vector) != 1:
        return -1, -1, -1
    message, metadata = at("<q", view, vector + 4), at("<i", view, vector + 12)
    return message, message + metadata, vector + 4


def _pairs(
    view: memoryview, position: int, count: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]] | None:
    """A vector of that many pairs of 64-bit numbers; None if it has another length."""
    vector = position + at("<I", view, position)
    if at("<I", view, vector) != count:
        return None
    return np.frombuffer(view, "<i8", 2 * count, vector + 4).reshape(count, 2)
