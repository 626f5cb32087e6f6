"""Prepared statements of MySQL and MariaDB: values bound by the server, rows as packets of bytes.

The driver that is used knows text only: each value would be written into the query, and each value of
a result be parsed from text into a Python object. The protocol's other half has values in binary,
which become Arrow columns many at a time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from pymysql import err
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket, OKPacketWrapper

from aqueduct_core.integrations.mysql._socket import LARGEST, Wire

__all__ = ["Prepared", "prepare"]

_PREPARE, _EXECUTE = 0x16, 0x17
_ENCODING = "utf-8"
_CHUNK = 1 << 20  # bytes of rows that are decoded together, at most
_PIECE = 128 << 10  # bytes of room for what is received
_ERROR, _MORE = 0xFF, 0x08
_HEAD = struct.Struct("<IB")  # of a packet, and its first byte
_MARGIN = 16  # bytes behind the last row, so that reading a bit too far is harmless


class Prepared:
    """A statement that the server knows.

    Attributes:
        fields: The columns of its result; none if it has no rows.
        marks: How many values it needs.
        is_done: Whether nothing of its result is still to come.
    """

    def __init__(self, wire: Wire, number: int, fields: Sequence[Any], marks: int) -> None:
        self._wire = wire
        self._number = number
        self.fields = fields
        self.marks = marks
        self.is_done = True

    def execute(self, values: Sequence[Any]) -> bool:
        """Run it.

        Returns:
            Whether there are rows; `rows` must be read to the end then.
        """
        head = struct.pack("<IBI", self._number, 0, 1)
        self._wire.command(_EXECUTE, head + _bound(values))
        first = MysqlPacket(self._wire.read(), _ENCODING)
        if first.is_ok_packet():
            self.is_done = not OKPacketWrapper(first).has_next
            return False
        self.is_done = False
        self.fields = _described(self._wire, first.read_length_encoded_integer())
        return True

    def rows(self) -> Iterator[tuple[Any, Any]]:
        """Chunks of rows, at least one: some bytes, and where in them each row begins.

        A chunk's bytes are gone when the next one is asked for.
        """
        buffer = bytearray(_CHUNK + _MARGIN)
        view, starts, done, filled, empty = memoryview(buffer), list[int](), 0, 0, True
        last = None
        while last is None:
            filled += self._wire.receive_into(view[filled:_CHUNK])
            done, last = _walk(buffer, done, filled, starts)
            is_large = 4 + int.from_bytes(view[done : done + 3], "little") > _CHUNK
            is_large = is_large and filled - done > 3 and last is None
            if starts and (last is not None or is_large or _CHUNK - filled < _PIECE):
                yield buffer, np.array(starts)
                empty = False
                starts.clear()
                view[: filled - done] = view[done:filled]
                done, filled = 0, filled - done
            if is_large:
                self._wire.put_back(view[done:filled])
                done = filled = 0
                yield self._wire.read() + bytes(_MARGIN), np.array([0])
                empty = False
        self.is_done = last[0] == _ERROR or not last[3] & _MORE
        if last[0] == _ERROR:
            err.raise_mysql_exception(last)
        if empty:
            yield bytes(_MARGIN), np.zeros(0, np.int64)


def prepare(wire: Wire, text: str) -> Prepared:
    """Have the server understand a statement, without running it."""
    wire.command(_PREPARE, text.encode())
    _, number, width, marks = struct.unpack_from("<BIHH", wire.read())
    _described(wire, marks)
    return Prepared(wire, number, _described(wire, width), marks)


def _described(wire: Wire, count: int) -> list[Any]:
    fields = [FieldDescriptorPacket(wire.read(), _ENCODING) for _ in range(count)]
    if count:
        wire.read()  # the end of the list
    return fields


def _walk(data: bytearray, position: int, end: int, starts: list[int]) -> tuple[int, bytes | None]:
    """Find where rows begin.

    Args:
        data: Packets, the last of which may not be whole.
        position: Where to start.
        end: Where the packets end.
        starts: Gets what is found.

    Returns:
        Where the last whole row ends, and the packet that ends the result if it is there.
    """
    append, unpack = starts.append, _HEAD.unpack_from
    while position + 4 < end:
        head, first = unpack(data, position)
        begin = position + 4
        after = begin + (head & LARGEST)  # the fourth byte is a running number
        if after > end:
            break
        if first:  # rows begin with a zero
            return position, bytes(data[begin:after])
        append(begin)
        position = after
    return position, None


def _bound(values: Sequence[Any]) -> bytes:
    if not values:
        return b""
    missing = bytearray((len(values) + 7) // 8)
    kinds, written = [], []
    for index, value in enumerate(values):
        kind, data = _value(value)
        if value is None:
            missing[index // 8] |= 1 << index % 8
        kinds.append(kind)
        written.append(data)
    return bytes(missing) + b"\1" + b"".join(kinds) + b"".join(written)


def _value(value: Any) -> tuple[bytes, bytes]:
    """The type and the bytes of a value."""
    if value is None:
        return b"\x06\0", b""
    if isinstance(value, bool):
        return b"\x01\0", bytes([value])
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return b"\x08\0", struct.pack("<q", value)
        return b"\xf6\0", _counted(str(value).encode())
    if isinstance(value, float):
        return b"\x05\0", struct.pack("<d", value)
    if isinstance(value, Decimal):
        return b"\xf6\0", _counted(f"{value:f}".encode())
    if isinstance(value, datetime):
        day = struct.pack("<HBB", value.year, value.month, value.day)
        clock = struct.pack("<BBBI", value.hour, value.minute, value.second, value.microsecond)
        return b"\x0c\0", b"\x0b" + day + clock
    if isinstance(value, date):
        return b"\x0a\0", b"\x04" + struct.pack("<HBB", value.year, value.month, value.day)
    if isinstance(value, time):
        clock = struct.pack("<BBBI", value.hour, value.minute, value.second, value.microsecond)
        return b"\x0b\0", b"\x0c\0\0\0\0\0" + clock
    if isinstance(value, bytes):
        return b"\xfb\0", _counted(value)
    assert isinstance(value, str | UUID)
    return b"\xfd\0", _counted(str(value).encode())


def _counted(data: bytes) -> bytes:
    size = len(data)
    if size < 251:
        return bytes([size]) + data
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + data
    if size < 1 << 24:
        return b"\xfd" + struct.pack("<I", size)[:3] + data
    return b"\xfe" + struct.pack("<Q", size) + data
