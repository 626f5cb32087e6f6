"""The columns of a frame, a block of memory at a time.

Columns of one dtype that lie evenly in memory are one block, in the file as in pandas: the cost of
writing and of loading is that of their bytes, not of their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from aqueduct_core.abc import JSON
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers._dtypes import dtype_to_json
from aqueduct_core.serializers.tables import _pandas_internals as internals
from aqueduct_core.serializers.tables._ipc_dense import even_columns
from aqueduct_core.serializers.tables._pandas_columns import (
    arrow_type,
    decode_array,
    encode_array,
    encode_sparse,
    has_column,
    number_dtype,
    spread,
)
from aqueduct_core.serializers.tables._pandas_context import Columns, Reader, Writer

__all__ = ["WIDE", "decode_columns_of", "encode_blocks", "even_block", "even_rows"]

WIDE = 64
"""Columns of one dtype, from which it pays to look whether they lie evenly."""
_TILE = 1 << 10  # rows of a frame that are transposed at a time, so that they stay in the cache
_SEPARATE = 1 << 20  # bytes of a column from which it's worth not being copied into a block
_TIMES = {(unit, 1) for unit in ("s", "ms", "us", "ns")}
_ALIGNMENT = 8  # of buffers in the Arrow files that are written here


def encode_blocks(frame: pd.DataFrame, out: Writer) -> tuple[list[Any], list[JSON]]:
    """The physical column (None if it has none) and the spec of each column of a frame."""
    arrays: list[Any] = [None] * frame.shape[1]
    specs: list[JSON] = [None] * frame.shape[1]
    sparse: list[tuple[int, Any]] = []
    for values, places in internals.blocks_of(frame):
        if isinstance(values, np.ndarray) and _is_plain(values.dtype, out.durable):
            spec = dtype_to_json(values.dtype)
            for place, array in zip(places.tolist(), _rows_of(values, out.durable), strict=True):
                arrays[place], specs[place] = array, spec
            continue
        rows = values if values.ndim == 2 else [values]
        for place, row in zip(places.tolist(), rows, strict=True):
            if isinstance(row, pd.arrays.SparseArray):
                sparse.append((place, row))
                continue
            encoded = encode_array(row, out, f"[{frame.columns[place]!r}]")
            arrays[place], specs[place] = encoded.array, encoded.spec
    if sparse:
        wheres = [f"[{frame.columns[place]!r}]" for place, _ in sparse]
        described = encode_sparse([array for _, array in sparse], out, wheres)
        for (place, _), spec in zip(sparse, described, strict=True):
            specs[place] = spec
    return arrays, specs


def even_rows(frame: pd.DataFrame) -> np.ndarray[Any, Any] | None:
    """All there is in a frame as one array, with a row for each column; None if it isn't so alike."""
    rows, width = frame.shape
    if width < WIDE or not rows or type(frame.index) is not pd.RangeIndex:
        return None
    blocks = internals.blocks_of(frame)
    values, places = blocks[0]
    if len(blocks) > 1 or not isinstance(values, np.ndarray) or not _is_plain(values.dtype, False):
        return None
    if rows * values.itemsize % _ALIGNMENT or not np.array_equal(places, np.arange(width)):
        return None
    if rows > 1 and values.strides[1] != values.itemsize:
        return _transposed(values)
    return values if values.flags.c_contiguous else None


def _is_plain(dtype: np.dtype[Any], durable: bool) -> bool:
    """Whether the buffer of a block is the buffers of its columns."""
    if dtype.kind not in "biufc" or not dtype.isnative or (durable and dtype.kind == "b"):
        return False
    return arrow_type(dtype, durable) is not None


def _rows_of(values: np.ndarray[Any, Any], durable: bool) -> list[Any]:
    count, size = values.shape
    if size > 1 and values.strides[1] != values.itemsize:
        values = _transposed(values)
    if not values.flags.c_contiguous:
        return [spread(row, durable) for row in values]
    whole = spread(values.reshape(-1), durable)
    return (
        [whole.slice(start, size) for start in range(0, count * size, size)]
        if size
        else ([whole] * count)
    )


def _transposed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A copy in which each column of the frame lies together; several times faster in tiles."""
    copy = np.empty(values.shape, values.dtype)
    for start in range(0, values.shape[1], _TILE):
        copy[:, start : start + _TILE] = values[:, start : start + _TILE]
    return copy


def decode_columns_of(
    columns: Columns,
    names: Sequence[str],
    specs: Sequence[Any],
    wanted: Sequence[int],
    source: Reader,
    rows: int,
) -> internals.Blocks:
    """The blocks of a frame.

    Args:
        columns: Has at least the physical columns of the wanted ones.
        names: The physical names of all columns of the frame.
        specs: The specs of all columns of the frame.
        wanted: Which of them to make, in this order.
        source: Finds buffers and nested objects.
        rows: How many rows the frame has.
    """
    blocks: internals.Blocks = []
    done = 0
    for spec, run in groupby(wanted, key=specs.__getitem__):
        if isinstance(spec, dict) and "kind" in spec:
            for place in run:
                column = columns.named(names[place]) if has_column(spec) else None
                values = decode_array(spec, column, source)
                blocks.append((_as_block(values, rows), np.arange(done, done + 1)))
                done += 1
            continue
        places = columns.places([names[place] for place in run])
        for block in _number_blocks(spec, columns, places, source, rows):
            blocks.append((block, np.arange(done, done + len(block))))
            done += len(block)
    return blocks


def _as_block(values: Any, rows: int) -> Any:
    if len(values) != rows:
        raise CorruptArtifactError(f"a column has {len(values)} rows instead of {rows}")
    return values.reshape(1, -1) if isinstance(values, np.ndarray) else values


def _number_blocks(
    spec: Any, columns: Columns, places: list[int], source: Reader, rows: int
) -> list[np.ndarray[Any, Any]]:
    """The 2-D blocks of columns that share a NumPy dtype."""
    if columns.rows != rows:
        raise CorruptArtifactError(f"the table has {columns.rows} rows instead of {rows}")
    dtype = number_dtype(spec)
    if dtype.kind in "mM" and np.datetime_data(dtype) not in _TIMES:
        raise CorruptArtifactError(f"a frame has no columns of {dtype}")
    if source.mapped and rows and dtype.isnative and len(places) > 1:
        found = _mapped_blocks(dtype, columns, places, source, rows)
        if found is not None:
            return found
    if not source.mapped and rows and len(places) > 1:
        block = _joined_block(dtype, columns, places, rows)
        if block is not None:
            return [block]
    if len(places) == 1 or rows * dtype.itemsize >= _SEPARATE:
        return [_as_block(decode_array(spec, columns.take(at), source), rows) for at in places]
    block = np.empty((len(places), rows), dtype)
    for row, at in zip(block, places, strict=True):
        row[:] = decode_array(spec, columns.take(at), source)
    return [block]


def _joined_block(
    dtype: np.dtype[Any], columns: Columns, places: list[int], rows: int
) -> np.ndarray[Any, Any] | None:
    """The block that columns are when they lie one after the other in one buffer, as short ones do."""
    found = [columns.take(place) for place in places]
    if any(
        column.num_chunks != 1 or column.null_count or column.type != arrow_type(dtype, True)
        for column in found
    ):
        return None
    chunks = [column.chunk(0) for column in found]
    buffers = [chunk.buffers()[1] for chunk in chunks]
    memory = buffers[0].parent
    if memory is None or not memory.is_mutable or any(chunk.offset for chunk in chunks):
        return None
    starts = [buffer.address - memory.address for buffer in buffers]
    spacing = starts[1] - starts[0]
    end = starts[0] + spacing * len(starts)
    even = spacing > 0 and starts == list(range(starts[0], end, spacing))
    if not even or spacing < rows * dtype.itemsize or starts[0] < 0 or end > memory.size:
        return None
    return np.ndarray((len(places), rows), dtype, memory, starts[0], (spacing, dtype.itemsize))


def even_block(
    base: memoryview, spec: str, width: int, rows: int, source: Reader
) -> np.ndarray[Any, Any] | None:
    """The block of all columns of a frame over the Arrow file itself, if they lie there evenly."""
    dtype = number_dtype(spec)
    if dtype.kind not in "biufc" or not dtype.isnative:
        return None
    found = even_columns(base, width, rows, dtype.itemsize)
    return None if found is None else _block_at(found[0], dtype, (width, rows), found[1], source)


def _block_at(
    start: int, dtype: np.dtype[Any], shape: tuple[int, int], spacing: int, source: Reader
) -> np.ndarray[Any, Any] | None:
    """A block over the mapped file; None if its values aren't aligned."""
    block = source.rows(start, dtype, shape, spacing)
    if dtype.kind == "b" and block.view(np.uint8).max() > 1:
        raise CorruptArtifactError("a column of booleans holds other numbers than 0 and 1")
    return block if block.flags.aligned else None


def _mapped_blocks(
    dtype: np.dtype[Any], columns: Columns, places: list[int], source: Reader, rows: int
) -> list[np.ndarray[Any, Any]] | None:
    """Blocks over the mapped file itself; None if there are columns that don't lie there whole."""

    def start(place: int) -> int:
        found = columns.take(place)
        return source.address(found.chunk(0), dtype) if found.num_chunks == 1 else -1

    size = rows * dtype.itemsize
    first, last = start(places[0]), start(places[-1])
    if first < 0 or last < 0:
        return None
    # Buffers follow each other, each as long as its values at least. So if the last is as near to the
    # first as it can be, there are no gaps, and the places of those between need not be looked up.
    dense = -(-size // _ALIGNMENT) * _ALIGNMENT
    in_order = places == list(range(places[0], places[0] + len(places)))
    if in_order and last - first == dense * (len(places) - 1):
        runs = [(first, len(places), dense)]
    else:
        starts = [start(place) for place in places]
        if min(starts) < 0:
            return None
        runs = _even_runs(starts, size)
    blocks = []
    for begin, count, spacing in runs:
        block = _block_at(begin, dtype, (count, rows), spacing, source)
        if block is None:
            return None
        blocks.append(block)
    return blocks


def _even_runs(starts: list[int], size: int) -> list[tuple[int, int, int]]:
    """Neighbours at equal distances, as (start, count, distance)."""
    runs: list[tuple[int, int, int]] = []
    for start in starts:
        if runs:
            begin, count, spacing = runs[-1]
            distance = start - (begin + (count - 1) * spacing)
            if distance >= size and (count == 1 or distance == spacing):
                runs[-1] = (begin, count + 1, distance)
                continue
        runs.append((start, 1, size))
    return runs
