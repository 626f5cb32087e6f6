"""Quotes of CSV that nothing closes: Arrow takes all that follows, to the end of the file, for one value."""

from __future__ import annotations

import io
from typing import BinaryIO

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations.files._source import SourceFile

__all__ = ["Watched", "may_be_open", "refuse_open"]

_PIECE = 1 << 20
_FEW = 1 << 12


class Watched(io.RawIOBase):
    """A file that is looked at while it is read: whether a quote may be open at its end.

    Args:
        file: The file.
        delimiter: What stands between its fields.
    """

    def __init__(self, file: BinaryIO, delimiter: str) -> None:
        super().__init__()
        self._file = file
        self._delimiter = delimiter
        self._rest = b"\n"  # what is to be looked at together with what follows
        self._is_open = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        end = len(data.rstrip(b'"'))  # more quotes may follow those at the end
        if not end:
            self._rest += data
            return data
        # Nearly always, some of the last values tell.
        found = _last_begins(data[max(0, end - _FEW) : end].lstrip(b'"'), self._delimiter)
        if found is None:
            found = _last_begins(
                self._rest + (data[:end] if b'"' in data else b""), self._delimiter
            )
        self._is_open = self._is_open if found is None else found
        self._rest = data[end - 1 :]
        return data

    def may_be_open(self) -> bool:
        """Whether a quote may be open, when all of the file was read."""
        found = _last_begins(self._rest, self._delimiter)
        return self._is_open if found is None else found


def may_be_open(data: bytes, delimiter: str) -> bool:
    """Whether a quote may be open at the end of a text; if not, none is.

    Args:
        data: The text, from its beginning.
        delimiter: What stands between its fields.
    """
    return _last_begins(b"\n" + data, delimiter) or False


def _last_begins(data: bytes, delimiter: str) -> bool | None:
    """Whether the last quote stands where a value begins; None if there is none.

    Quotes in pairs don't count: they are written within a value, or are an empty one. Of all others the
    last closes a value, or is a character, if anything else stands in front of it.
    """
    single = data.replace(b'""', b"")
    last = single.rfind(b'"')
    return None if last < 0 else single[last - 1 : last] in _before(delimiter.encode())


def _before(delimiter: bytes) -> tuple[bytes, ...]:
    """What stands in front of a value; the last ends the mark that text may begin with."""
    return (b"\n", b"\r", delimiter, b"\xbf")


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
    before = _before(delimiter)
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
