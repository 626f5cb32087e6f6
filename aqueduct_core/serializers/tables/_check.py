"""Makes sure that stored Arrow data points only to itself.

Arrow's reader trusts offsets, dictionary indices and views: wrong ones read foreign memory much later,
when a value is looked at. Digests tell that the bytes are what somebody wrote, not that this somebody
meant well. What is checked is memory safety alone, never the sense of values (a time of 25 hours, text
that isn't UTF-8): what could be stored must be readable.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aqueduct_core.errors import UnserializableError

__all__ = [
    "RECORD_BATCH",
    "at",
    "check_bodies",
    "check_table",
    "field",
    "is_flat",
    "is_plain",
    "require_shallow",
    "require_shallow_schema",
]

_FLAT = frozenset(
    kind.id
    for kind in (
        *(pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.binary(1)),
        *(pa.date32(), pa.date64(), pa.time32("s"), pa.time64("us"), pa.timestamp("s")),
        *(pa.duration("s"), pa.month_day_nano_interval()),
        *(pa.decimal32(1), pa.decimal64(1), pa.decimal128(1), pa.decimal256(1)),
    )
)
_BYTES = frozenset(
    kind.id for kind in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())
)
_LISTS = frozenset(
    kind.id
    for kind in (pa.list_(pa.null()), pa.large_list(pa.null()), pa.map_(pa.int8(), pa.null()))
)
_WIDE = frozenset(
    kind.id for kind in (pa.large_string(), pa.large_binary(), pa.large_list(pa.null()))
)
_FIXED = pa.list_(pa.null(), 1).id
_STRUCT = pa.struct([]).id
_THREADED = 1 << 18  # rows; below this, starting threads costs more than it saves
_DICTIONARY = pa.dictionary(pa.int8(), pa.null()).id
_DEEPEST = 62  # lists and structs within each other: Arrow neither writes nor reads more


def is_flat(kind: pa.DataType) -> bool:
    """Whether values of a type stand in their buffer themselves, so that nothing can point wrongly."""
    return kind.id in _FLAT


def is_plain(kind: pa.DataType) -> bool:
    """Whether a type is made of flat values, offsets, structs and dictionaries only.

    Of the others (unions, views, runs) Arrow's own full validation is the judge.
    """
    if isinstance(kind, pa.BaseExtensionType):
        return is_plain(kind.storage_type)
    if kind.id == _DICTIONARY:
        return is_plain(kind.value_type)
    if kind.id in _LISTS or kind.id in (_FIXED, _STRUCT):
        return all(is_plain(kind.field(index).type) for index in range(kind.num_fields))
    return kind.id in _FLAT or kind.id in _BYTES


def require_shallow(name: str, kind: Any, inner: Callable[[Any], list[Any]]) -> None:
    """Raise `UnserializableError` if a type is nested more deeply than Arrow can store.

    Args:
        name: The column's.
        kind: Its type, of whatever library.
        inner: The types that a type is made of.
    """
    level = [kind]
    for _ in range(_DEEPEST + 1):
        level = [part for one in level for part in inner(one)]
        if not level:
            return
    raise UnserializableError(
        f"column {name!r} is nested more than {_DEEPEST} levels deep",
        path=f"[{name!r}]",
        hint="keep what is so deep as JSON text, or as nested lists and dicts",
    )


def require_shallow_schema(schema: pa.Schema) -> None:
    """Raise `UnserializableError` if a column of Arrow is nested too deeply."""
    for column in schema:
        if not is_flat(column.type):
            require_shallow(column.name, column.type, _inner)


def _inner(kind: pa.DataType) -> list[pa.DataType]:
    return [kind.field(index).type for index in range(kind.num_fields)]


def check_table(table: pa.Table) -> None:
    """Raise `pa.ArrowInvalid` if any array of a table reaches beyond its buffers."""
    table.validate()
    chunks = [
        chunk
        for index, kind in enumerate(table.schema.types)
        if kind.id not in _FLAT
        for chunk in table.column(index).chunks
    ]
    if len(chunks) > 1 and table.num_rows >= _THREADED:
        with ThreadPoolExecutor(min(len(chunks), os.cpu_count() or 1)) as pool:
            for checked in [pool.submit(_check, chunk) for chunk in chunks]:
                checked.result()
        return
    for chunk in chunks:
        _check(chunk)


def check_bodies(view: memoryview, *, stream: bool) -> None:
    """Raise `pa.ArrowInvalid` if a body of an Arrow file is compressed.

    None is when we write them, and a small one could be made to fill the memory.
    """
    try:
        for message in _messages_of_stream(view) if stream else _messages_of_file(view):
            if _is_compressed(view, message):
                raise pa.ArrowInvalid("a record batch is compressed, which is never written here")
    except (struct.error, IndexError) as error:
        raise pa.ArrowInvalid(f"a position lies outside of the file ({error})") from error


def _check(array: pa.Array) -> None:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        array, kind = array.storage, kind.storage_type
    code = kind.id
    if code in _FLAT:
        return
    if code in _BYTES:
        _check_offsets(array, None)
    elif code in _LISTS:
        is_map = pa.types.is_map(kind)
        children = (array.keys, array.items) if is_map else (array.values,)
        _check_offsets(array, len(children[0]))
        for child in children:
            _check(child)
    elif code == _FIXED:
        _check(array.values)
    elif code == _STRUCT:
        for index in range(kind.num_fields):
            _check(array.field(index))
    elif code == _DICTIONARY:
        _check_indices(array)
        _check(array.dictionary)
    else:
        array.validate(full=True)


def _check_offsets(array: pa.Array, limit: int | None) -> None:
    """Offsets must not fall, nor leave the bytes or the child array (of length `limit`)."""
    if len(array) == 0:
        return
    buffers = array.buffers()
    width = np.dtype(np.int64 if array.type.id in _WIDE else np.int32)
    start = array.offset * width.itemsize
    offsets = np.frombuffer(buffers[1], width, len(array) + 1, start)
    if limit is None:
        limit = 0 if buffers[2] is None else buffers[2].size
    inside = offsets[0] >= 0 and offsets[-1] <= limit
    if not inside or not (offsets[:-1] <= offsets[1:]).all():
        raise pa.ArrowInvalid(f"offsets of a {array.type} array are out of bounds")


def _check_indices(array: pa.DictionaryArray) -> None:
    lowest, highest = pc.min_max(array.indices).values()
    if not lowest.is_valid:
        return
    if lowest.as_py() < 0 or highest.as_py() >= len(array.dictionary):
        raise pa.ArrowInvalid(f"an index is outside of the dictionary of {len(array.dictionary)}")


# What follows reads the few fields of Arrow's FlatBuffers messages that tell of compression. A table
# starts with the distance back to its vtable; there, after two sizes, stands the offset of each field.

DICTIONARY_BATCH, RECORD_BATCH = 2, 3


def _messages_of_file(view: memoryview) -> Iterator[int]:
    """The positions of the messages that the footer of a file names."""
    if view.nbytes < 20:
        raise pa.ArrowInvalid("too short for an Arrow file")
    (size,) = struct.unpack_from("<i", view, view.nbytes - 10)
    start = view.nbytes - 10 - size
    if size < 4 or start < 8:
        raise pa.ArrowInvalid("the footer's size is wrong")
    footer = start + at("<I", view, start)
    for slot in (2, 3):  # blocks of dictionaries, of record batches
        position = field(view, footer, slot)
        if position is None:
            continue
        vector = position + at("<I", view, position)
        count = at("<I", view, vector)
        if count * 24 > view.nbytes:
            raise pa.ArrowInvalid("the footer names more blocks than there is room for")
        for index in range(count):
            yield at("<q", view, vector + 4 + 24 * index)


def _messages_of_stream(view: memoryview) -> Iterator[int]:
    """The positions of the messages of a stream, one after the other."""
    position = 0
    while position + 8 <= view.nbytes:
        mark, size = struct.unpack_from("<Ii", view, position)
        if mark != 0xFFFFFFFF or size < 0:
            raise pa.ArrowInvalid("a message doesn't start where it should")
        if size == 0:
            return
        yield position
        message = position + 8 + at("<I", view, position + 8)
        body = field(view, message, 3)
        length = 0 if body is None else at("<q", view, body)
        if length < 0:
            raise pa.ArrowInvalid("a message has a negative length")
        position += 8 + size + length


def _is_compressed(view: memoryview, position: int) -> bool:
    if position < 0:
        raise IndexError(position)
    prefix = 8 if at("<I", view, position) == 0xFFFFFFFF else 4
    message = position + prefix + at("<I", view, position + prefix)
    kind, header = field(view, message, 1), field(view, message, 2)
    if kind is None or header is None:
        return False
    code = at("<B", view, kind)
    batch = header + at("<I", view, header)
    if code == DICTIONARY_BATCH:
        data = field(view, batch, 1)
        if data is None:
            return False
        batch = data + at("<I", view, data)
    elif code != RECORD_BATCH:
        return False
    return field(view, batch, 3) is not None


def field(view: memoryview, table: int, slot: int) -> int | None:
    """Where a field of a FlatBuffers table is, or None if it has its default."""
    vtable = table - at("<i", view, table)
    if 4 + 2 * slot >= at("<H", view, vtable):
        return None
    offset = at("<H", view, vtable + 4 + 2 * slot)
    return table + offset if offset else None


def at(form: str, view: memoryview, position: int) -> Any:
    """The number at a position; raises `IndexError` or `struct.error` outside of the file."""
    if position < 0:
        raise IndexError(position)
    return struct.unpack_from(form, view, position)[0]
