"""What has come of a result's columns, in memory that can be given back, or be the frame's."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Part", "keep_memory", "owned"]

_FREED = 5 << 20  # bytes; more than half of what batches take
_MAPPED = 10_000  # rows from which on an array is mapped memory
# Memory of this process alone.
_OWN: dict[str, Any] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
    if hasattr(mmap, "MAP_PRIVATE")
    else {"access": mmap.ACCESS_COPY}
)
# Where the system can, it gives all of it at once, which takes less time.
_FULL = (
    {**_OWN, "flags": _OWN["flags"] | mmap.MAP_POPULATE} if hasattr(mmap, "MAP_POPULATE") else _OWN
)


class Part:
    """The chunks of a column that have come.

    Many numbers are put one behind the other into memory that grows: the frame's column is made of
    them as they are, and they are copied once only. Other arrays are kept as they come.
    """

    def __init__(self) -> None:
        self._chunks: list[Any] = []
        self._begin()

    def _begin(self) -> None:
        self._room: Any = None
        self._size = self._rows = 0
        self._kind: Any = None
        self._valid: list[Any] = []

    def add(self, array: Any) -> None:
        """Take a chunk: an Arrow array, or values that Arrow has no type for."""
        kind = getattr(array, "type", None)
        if self._rows and kind != self._kind:
            self._end()
        if self._rows or (kind is not None and len(array) >= _MAPPED and _is_fixed(kind)):
            self._append(array)
        else:
            self._chunks.append(array)

    def chunks(self) -> list[Any]:
        """All that has come."""
        if self._rows:
            self._end()
        return self._chunks

    def _append(self, array: Any) -> None:
        values = _values(array)
        end = self._size + len(values)
        self._reserve(end)
        np.frombuffer(self._room, np.uint8)[self._size : end] = values
        self._valid.append(array.is_valid())
        self._kind, self._rows, self._size = array.type, self._rows + len(array), end

    def _reserve(self, size: int) -> None:
        """Have room for so many bytes. What isn't used of it takes no memory."""
        if self._room is None:
            self._room = mmap.mmap(-1, size, **_OWN)
        elif size > len(self._room):
            try:
                self._room.resize(2 * size)
            except SystemError:  # not on every system
                larger = mmap.mmap(-1, 2 * size, **_OWN)
                larger[: len(self._room)] = self._room
                self._room = larger

    def _end(self) -> None:
        valid = pa.concat_arrays(self._valid)
        missing = valid.false_count
        buffers = [valid.buffers()[1] if missing else None, pa.py_buffer(self._room)]
        self._chunks.append(pa.Array.from_buffers(self._kind, self._rows, buffers, missing))
        self._begin()


def keep_memory() -> None:
    """Have the memory of one batch be there for the next one.

    What is free beyond twice the largest piece that it was ever given back, an allocator returns to the
    system: most of a batch, at first, which is then had anew each time. This piece is never touched.
    """
    bytes(_FREED)


def owned(array: Any) -> Any:
    """An array of a batch without the batch; but many numbers as they are, since `Part` copies them.

    A driver's batch is one piece of memory, which would stay as long as any of its columns is used. And
    of what is given back in small pieces, one after the other, allocators keep most.
    """
    kind, rows, first = array.type, len(array), array.offset
    if rows < _MAPPED:
        return _copied(array)
    if _is_fixed(kind):
        return array
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind)):
        return _copied(array)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int32)[first : first + rows + 1]
    values = np.frombuffer(data or b"", np.uint8)[starts[0] : starts[-1]]
    valid = _copied(array.is_valid()).buffers()[1] if array.null_count else None
    buffers = [valid, _mapped(starts - starts[0]), _mapped(values)]
    return pa.Array.from_buffers(kind, rows, buffers, array.null_count)


def _is_fixed(kind: Any) -> bool:
    return bool(pa.types.is_primitive(kind)) and kind.bit_width % 8 == 0


def _values(array: Any) -> Any:
    """The bytes of an array's values."""
    width = array.type.bit_width // 8
    start = width * array.offset
    return np.frombuffer(array.buffers()[1] or b"", np.uint8)[start : start + width * len(array)]


def _copied(array: Any) -> Any:
    return pa.concat_arrays([array, array[:0]])


def _mapped(part: Any) -> Any:
    """Some values in memory that is mapped for them alone."""
    if not part.nbytes:
        return pa.py_buffer(b"")
    room = mmap.mmap(-1, part.nbytes, **_FULL)
    np.frombuffer(room, part.dtype)[:] = part
    return pa.py_buffer(room)
