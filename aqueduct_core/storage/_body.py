"""Many buffers as one sequence of bytes, without joining them."""

from __future__ import annotations

import io
import mmap
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aqueduct_core._buffers import as_bytes, gathered

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Body", "map_file"]

_SMALL = 1 << 16


class Body:
    """The concatenation of buffers.

    Args:
        buffers: C-contiguous buffers of any format; not copied, except small ones that stand
            between others: a request is not sent in crumbs.
    """

    def __init__(self, buffers: Iterable[Buffer]) -> None:
        views = [view for view in map(as_bytes, buffers) if view.nbytes]
        self._views = [*gathered(views, smaller=_SMALL, least=_SMALL)]
        self._ends = [*accumulate(view.nbytes for view in self._views)]
        self.size = self._ends[-1] if self._ends else 0

    def slice(self, start: int, stop: int) -> Body:
        """The bytes from `start` to before `stop`, as views."""
        part = Body(())
        for view in self._between(start, stop):
            part._views.append(view)
            part.size += view.nbytes
            part._ends.append(part.size)
        return part

    def pieces(self, size: int) -> Iterable[memoryview]:
        """Views of at most `size` bytes, in order."""
        for view in self._views:
            for start in range(0, view.nbytes, size):
                yield view[start : start + size]

    def tobytes(self) -> bytes:
        """A copy of it all."""
        return b"".join(self._views)

    def reader(self) -> BodyReader:
        """A new file over it, at its start."""
        return BodyReader(self)

    def _between(self, start: int, stop: int) -> Iterable[memoryview]:
        index = bisect_right(self._ends, start)
        while start < stop and index < len(self._views):
            view = self._views[index]
            begin = self._ends[index] - view.nbytes
            piece = view[start - begin : stop - begin]
            yield piece
            start += piece.nbytes
            index += 1


class BodyReader(io.RawIOBase):
    """A readable, seekable file over a body: what HTTP clients take to send, and send again."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._at = 0

    def __len__(self) -> int:
        return self._body.size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        target = memoryview(into).cast("B")
        filled = 0
        for view in self._body._between(self._at, self._at + target.nbytes):
            target[filled : filled + view.nbytes] = view
            filled += view.nbytes
        self._at += filled
        return filled

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._body.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at


def map_file(path: Path) -> memoryview:
    """The bytes of a file, read from the disk as they are used."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
