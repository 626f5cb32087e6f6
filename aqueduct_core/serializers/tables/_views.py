"""Columns of views, at any depth: each text points to where its bytes are, which may be anywhere.

A slice or a filter of such a column therefore holds all the bytes that there were before, and pieces
that are put together hold the buffers of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

__all__ = ["compacted", "compacted_table", "holds_views", "joined", "solid"]

_SOLID = {pa.string_view().id: pa.large_string(), pa.binary_view().id: pa.large_binary()}
_NESTED = frozenset(
    kind.id
    for kind in (
        *(pa.list_(pa.null()), pa.large_list(pa.null()), pa.list_(pa.null(), 1)),
        *(pa.struct([]), pa.map_(pa.int8(), pa.null())),
    )
)
_INLINE = 12  # bytes that a view holds itself
_MOSTLY = 0.75
_BLOATED = 2.0  # times of what they show that views hold, from which they are rewritten
_LEAST = 1 << 15  # bytes
_LOOKED_AT = 4_096


def holds_views(kind: pa.DataType) -> bool:
    """Whether a type is one of views, or of lists and structs with views in them."""
    if kind.id in _SOLID:
        return True
    inner = range(kind.num_fields) if kind.id in _NESTED else ()
    return any(holds_views(kind.field(index).type) for index in inner)


def solid(kind: pa.DataType) -> pa.DataType:
    """The same type with texts that lie one after the other."""
    if kind.id in _SOLID:
        return _SOLID[kind.id]
    if not holds_views(kind):
        return kind
    is_map = pa.types.is_map(kind)
    fields = (
        [kind.key_field, kind.item_field] if is_map else map(kind.field, range(kind.num_fields))
    )
    within = [field.with_type(solid(field.type)) for field in fields]
    if is_map:
        return pa.map_(*within, keys_sorted=kind.keys_sorted)
    if pa.types.is_struct(kind):
        return pa.struct(within)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(within[0], kind.list_size)
    return pa.large_list(within[0]) if pa.types.is_large_list(kind) else pa.list_(within[0])


def compacted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of views, rewritten if it holds far more than it shows, as slices and filters do."""
    if not holds_views(column.type) or not _is_bloated(column):
        return column
    kind = column.type
    # Joining drops what lies outside of the slices of lists, which a cast would take along.
    shown = (pa.concat_arrays([chunk]) for chunk in column.chunks)
    return pa.chunked_array([chunk.cast(solid(kind)).cast(kind) for chunk in shown], kind)


def compacted_table(table: pa.Table) -> pa.Table:
    """A table whose columns are `compacted`."""
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if (rewritten := compacted(column)) is not column:
            table = table.set_column(index, field, rewritten)
    return table


def joined(pieces: list[pa.Array], kind: pa.DataType) -> pa.Array:
    """Pieces as one array of a type that `holds_views`, in memory of the system's allocator.

    Only what stays is taken from there: it doesn't fill the gaps that are left by what goes.
    """
    return _kept(pa.concat_arrays(pieces).cast(solid(kind)), kind)


def _kept(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind.id in _SOLID:
        return _kept_texts(array, kind)
    if not holds_views(kind):
        return pa.concat_arrays([array], pa.system_memory_pool())
    own = 1 if pa.types.is_struct(kind) or pa.types.is_fixed_size_list(kind) else 2
    buffers = [None if buffer is None else _copied(buffer) for buffer in array.buffers()[:own]]
    if pa.types.is_struct(kind):
        children = [_kept(array.field(i), kind.field(i).type) for i in range(kind.num_fields)]
    elif pa.types.is_map(kind):
        pairs = [_kept(array.keys, kind.key_type), _kept(array.items, kind.item_type)]
        fields = [kind.key_field, kind.item_field]
        children = [pa.StructArray.from_arrays(pairs, fields=fields)]
    else:
        children = [_kept(array.values, kind.value_type)]
    return pa.Array.from_buffers(kind, len(array), buffers, array.null_count, children=children)


def _kept_texts(array: pa.Array, kind: pa.DataType) -> pa.Array:
    views = array.cast(kind)
    lengths = _lengths(views)
    far = lengths > _INLINE
    valid, words = views.buffers()[:2]
    buffers = [None if valid is None else _copied(valid), _copied(words)]
    # Nothing large is made by NumPy: its memory would lie between what stays.
    apart = np.sum(lengths, where=far, dtype=np.int64)
    if 0 < apart < _MOSTLY * np.sum(lengths, dtype=np.int64):
        array = array.filter(pa.array(far))  # the others are in the views themselves
        places = np.frombuffer(array.buffers()[1], np.int64, len(array), 8 * array.offset)
        np.frombuffer(buffers[1], np.int32).reshape(-1, 4)[: len(far)][far, 3] = places
    if apart:
        buffers.append(_copied(array.buffers()[2]))
    return pa.Array.from_buffers(kind, len(views), buffers, views.null_count)


def _copied(buffer: pa.Buffer) -> pa.Buffer:
    kept = pa.allocate_buffer(buffer.size, pa.system_memory_pool())
    np.frombuffer(kept, np.uint8)[:] = np.frombuffer(buffer, np.uint8)
    return kept


def _leaves(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of views in an array."""
    kind = array.type
    if kind.id in _SOLID:
        yield array
    elif pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            yield from _leaves(array.field(index))
    elif holds_views(kind):
        start, end = array.offset, array.offset + len(array)
        if pa.types.is_fixed_size_list(kind):
            start, end = start * kind.list_size, end * kind.list_size
        else:
            start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        items = (array.keys, array.items) if pa.types.is_map(kind) else (array.values,)
        for item in items:
            yield from _leaves(item.slice(start, end - start))


def _lengths(views: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """The lengths of the texts: the first of the four 32-bit words that a view is."""
    words = np.frombuffer(views.buffers()[1], np.int32)
    return words[::4][views.offset : views.offset + len(views)]


def _is_bloated(column: pa.ChunkedArray) -> bool:
    held = shown = 0
    for leaf in (leaf for chunk in column.chunks for leaf in _leaves(chunk)):
        held += sum(buffer.size for buffer in leaf.buffers()[2:])
        lengths = _lengths(leaf)
        step = 1 + len(lengths) // _LOOKED_AT  # a look at some tells enough
        shown += step * int(lengths[::step].sum(dtype=np.int64))
    return held > _BLOATED * max(shown, _LEAST)
