"""Quotes of CSV that nothing closes: Arrow takes all that follows, to the end of the file, for one value."""

from __future__ import annotations

import io
from typing import BinaryIO

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["Counted", "refuse_open"]

_PIECE = 1 << 20


class Counted(io.RawIOBase):
    """A file whose quotes are counted while it is read: where they are in pairs, none is open.

    Args:
        file: The file.

    Attributes:
        quotes: How many there were so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.quotes += data.count(b'"')
        return data


def refuse_open(file: SourceFile, delimiter: str) -> None:
    """Look through a file for a quote that nothing closes.

    Args:
        file: The file.
        delimiter: What stands between its fields.

    Raises:
        IntegrationError: There is one; the text names its line.
    """
    with file.opened() as content:
        line = _open_in(content.file, delimiter.encode())
    if line is not None:
        raise IntegrationError(
            f"{file.name}, line {line}: nothing closes the quote that a value begins with",
            hint='close it; a quote within such a value is written twice: "like ""this"""',
        )


def _open_in(file: BinaryIO, delimiter: bytes) -> int | None:
    """The line in which a quote is opened that nothing closes; None if there is none.

    Only a value's first character can open one; within other values it is a character like others.
    """
    before = (b"\n", b"\r", delimiter, b"\xbf")  # the last ends the mark that text may begin with
    line, last, is_open, opened = 1, b"\n", False, 0
    while data := file.read(_PIECE):
        while data.endswith(b'"') and (more := file.read(1)):  # the next one may belong to it
            data += more
        at, began = 0, -1
        while (found := data.find(b'"', at)) >= 0:
            at = found + 1
            if is_open:
                if data[at : at + 1] == b'"':
                    at += 1
                else:
                    is_open = False
            elif (data[found - 1 : found] or last) in before:
                is_open, began = True, found
        if began >= 0:
            opened = line + data.count(b"\n", 0, began)
        line, last = line + data.count(b"\n"), data[-1:]
    return opened if is_open else None
