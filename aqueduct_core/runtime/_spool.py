"""The files that an operator's output goes to first, bounded in size."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["FIRST", "LAST", "Spool", "bounded"]

FIRST = 1 << 20
"""Bytes that are kept of a stream's beginning."""
LAST = 4 << 20
"""Bytes that are kept of its end."""
_CUT_AT = FIRST + 4 * LAST
_MARKER = re.compile(rb"\n\[\.\.\. ([ ,\d]{20}) bytes are left out here \.\.\.\]\n")


class Spool:
    """An append-only file that a descriptor of this process writes to.

    Args:
        path: Where it is: whoever started this process finds there what it printed before it was
            killed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self.descriptor = os.open(path, flags, 0o600)

    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self.descriptor).st_size

    def read(self) -> bytes:
        """What is kept of the stream; see `bounded`."""
        return bounded(self.descriptor)

    def cut(self) -> None:
        """Rewrite the file to what is kept of it, once it is much larger than that.

        It is written in place, whatever others append meanwhile: the line that counts what is left
        out has to be found again where it was put. What they write in the very moment in which the
        file gets shorter is lost.
        """
        if self.size() <= _CUT_AT:
            return
        size = self.size()
        kept = bounded(self.descriptor, size)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)  # the other one appends
        try:
            end = FIRST + _pwrite(descriptor, kept[FIRST:], FIRST)
            while (now := self.size()) > size:  # what has come since
                end += _pwrite(descriptor, _pread(self.descriptor, now - size, size), end)
                size = now
            os.ftruncate(descriptor, end)
        finally:
            os.close(descriptor)

    def empty(self) -> None:
        """Start anew."""
        os.ftruncate(self.descriptor, 0)

    def close(self) -> None:
        """Remove the file; whoever still has it open writes into nothing."""
        os.close(self.descriptor)
        self.path.unlink(missing_ok=True)


def bounded(descriptor: int, size: int | None = None) -> bytes:
    """The beginning and the end of a file, and between them a line that says what is left out.

    Args:
        descriptor: The file.
        size: How much of it to look at; by default all.
    """
    size = os.fstat(descriptor).st_size if size is None else size
    if size <= FIRST + LAST:
        return _pread(descriptor, size, 0)
    first = _pread(descriptor, FIRST, 0)
    last = _pread(descriptor, LAST, size - LAST)
    left_out = size - FIRST - LAST
    before = _MARKER.match(_pread(descriptor, len(_marker(0)), FIRST))
    if before is not None:  # it was cut already
        left_out += int(before[1].replace(b",", b"")) - len(before[0])
    return b"".join([first, _marker(left_out), last])


def _marker(left_out: int) -> bytes:
    return f"\n[... {left_out:>20,} bytes are left out here ...]\n".encode()


def _pread(descriptor: int, size: int, offset: int) -> bytes:
    pieces = []
    while size > 0:
        piece = os.pread(descriptor, size, offset)
        if not piece:  # it was cut meanwhile
            break
        pieces.append(piece)
        size -= len(piece)
        offset += len(piece)
    return b"".join(pieces)


def _pwrite(descriptor: int, data: bytes, offset: int) -> int:
    """Write all of it; returns how much that was."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
    return len(data)
