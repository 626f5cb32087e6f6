"""Arrow files whose columns lie evenly, read without making an object for each column.

Of a table of thousands of columns of one dtype, what takes the time isn't the bytes but the columns.
Where they follow each other at one distance, as they do when written here, it's enough to know where
the first one is.
"""

from __future__ import annotations

import struct

import numpy as np

from aqueduct_core.serializers.tables._check import RECORD_BATCH, at, field

__all__ = ["even_columns"]

_LENGTH, _NODES, _BUFFERS, _COMPRESSION = range(4)  # the fields of a record batch


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
    start, body = _only_batch(view)
    if start < 0 or at("<I", view, start) != 0xFFFFFFFF:
        return None
    message = start + 8 + at("<I", view, start + 8)
    kind, header = field(view, message, 1), field(view, message, 2)
    if kind is None or header is None or at("<B", view, kind) != RECORD_BATCH:
        return None
    batch = header + at("<I", view, header)
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


def _only_batch(view: memoryview) -> tuple[int, int]:
    """Where the message of the one record batch is, and its body; (-1, -1) if there are more or none."""
    (size,) = struct.unpack_from("<i", view, view.nbytes - 10)
    start = view.nbytes - 10 - size
    footer = start + at("<I", view, start)
    dictionaries, batches = field(view, footer, 2), field(view, footer, 3)
    if dictionaries is not None and at("<I", view, dictionaries + at("<I", view, dictionaries)):
        return -1, -1
    if batches is None:
        return -1, -1
    vector = batches + at("<I", view, batches)
    if at("<I", view, vector) != 1:
        return -1, -1
    message, metadata = at("<q", view, vector + 4), at("<i", view, vector + 12)
    return message, message + metadata


def _pairs(
    view: memoryview, position: int, count: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]] | None:
    """A vector of that many pairs of 64-bit numbers; None if it has another length."""
    vector = position + at("<I", view, position)
    if at("<I", view, vector) != count:
        return None
    return np.frombuffer(view, "<i8", 2 * count, vector + 4).reshape(count, 2)
