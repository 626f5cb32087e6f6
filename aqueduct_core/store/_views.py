"""The bytes of parts in memory, and files over them: private to whoever loads, and not copied."""

from __future__ import annotations

import io
import mmap
import os
import sys
import weakref
from pathlib import Path
from threading import Lock
from typing import Any

from aqueduct_core._buffers import allocate
from aqueduct_core.abc import Storage
from aqueduct_core.manifest import Part
from aqueduct_core.storage._local import translated

__all__ = ["RangeFile", "ViewFile", "map_file", "private"]

_MAPPED = 1 << 16  # below this, reading is cheaper than mapping
_MOST_MAPPINGS = 256
_WORTH_A_DESCRIPTOR = 16 << 20


class ViewFile(io.RawIOBase):
    """A read-only file over a view. BytesIO would copy; this leaves the bytes where they are.

    Its `name`, if it has one, is that of the file that is mapped: of a mapping, all pages that were
    read count as memory of this process, so large ones are better read.
    """

    def __init__(self, view: memoryview, file: Path | None = None) -> None:
        self._view = view
        self._position = 0
        if file is not None:
            self.name = str(file)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = (0, self._position, self.size)[whence]
        self._position = max(0, base + offset)
        return self._position

    @property
    def size(self) -> int:
        return self._view.nbytes

    def fetch(self, start: int, end: int) -> Any:
        return self._view[start:end]

    def readinto(self, buffer: Any, /) -> int:
        target = memoryview(buffer).cast("B")
        start = min(self._position, self.size)
        data = self.fetch(start, min(start + target.nbytes, self.size))
        count = memoryview(data).nbytes
        target[:count] = data
        self._position += count
        return count


class RangeFile(ViewFile):
    """A remote part, read range by range as a library seeks in it."""

    def __init__(self, storage: Storage, part: Part) -> None:
        super().__init__(memoryview(b""))
        self._storage = storage
        self._part = part

    @property
    def size(self) -> int:
        return self._part.stored

    def fetch(self, start: int, end: int) -> Any:
        if start >= end:
            return b""
        offset = self._part.offset
        return self._storage.get(str(self._part.path), offset + start, offset + end)


def map_file(path: Path) -> memoryview:
    """A file's bytes, copy-on-write: writing to the view changes neither the file nor other views."""
    with translated(path.name), open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size >= _MAPPED and (mapped := _mapped(file.fileno(), size)) is not None:
            return mapped
        view = allocate(size)
        position = 0
        while position < size and (count := os.readv(file.fileno(), [view[position:]])):
            position += count
        return view[:position]


_mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_lock = Lock()


def _mapped(descriptor: int, size: int) -> memoryview | None:
    """A private mapping; None where too many are alive already.

    Before Python 3.13 every mapping holds a file descriptor, of which a process may have few: many
    small ones would take them from the rest of the program.
    """
    if sys.version_info >= (3, 13):
        return memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY, trackfd=False))
    with _lock:
        if size < _WORTH_A_DESCRIPTOR and len(_mappings) >= _MOST_MAPPINGS:
            return None
        mapping = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY)
        _mappings.add(mapping)
    return memoryview(mapping)


def private(data: Any) -> memoryview:
    """A writable view of what a storage returned: its own buffer if that is writable, else a copy."""
    view = memoryview(data).cast("B")
    if not view.readonly:
        return view
    target = allocate(view.nbytes)
    target[:] = view
    return target
