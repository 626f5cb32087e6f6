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
from pymysql.constants import CR
from pymysql.protocol import FieldDescriptorPacket

__all__ = ["Prepared", "prepare"]

_PREPARE, _EXECUTE = 0x16, 0x17
_LARGEST = 0xFFFFFF  # bytes of a packet that is continued in the next one
_SPLIT = b"\xff\xff\xff"
_CHUNK = 2 << 20  # bytes of rows that are decoded together
_PIECE = 256 << 10
_ERROR = 0xFF
_HEAD = struct.Struct("<IB")  # of a packet, and its first byte
_MARGIN = b"\0" * 16  # what stands behind the last row, so that reading a bit too far is harmless


class Prepared:
    """A statement that the server knows.

    Attributes:
        fields: The columns of its result; none if it has no rows.
        marks: How many values it needs.
    """

    def __init__(self, connection: Any, number: int, fields: Sequence[Any], marks: int) -> None:
        self._connection = connection
        self._number = number
        self.fields = fields
        self.marks = marks

    def execute(self, values: Sequence[Any]) -> bool:
        """Run it.

        Returns:
            Whether there are rows; `rows` must be read to the end then.
        """
        head = struct.pack("<IBI", self._number, 0, 1)
        connection = self._connection
        connection._execute_command(_EXECUTE, head + _bound(values))
        first = connection._read_packet()
        if first.is_ok_packet():
            return False
        self.fields = _described(connection, first.read_length_encoded_integer())
        return True

    def rows(self) -> Iterator[tuple[bytes, Any]]:
        """Chunks of rows, at least one: some bytes, and where in them each row begins."""
        source = self._connection._rfile
        data, starts, position, empty = bytearray(), list[int](), 0, True
        split = False
        while True:
            if not split:  # what follows a large row may be there already
                data += _some(source)
            position, last = _walk(data, position, starts)
            split = data[position : position + 3] == _SPLIT
            if starts and (last is not None or split or position >= _CHUNK):
                yield bytes(data[:position]) + _MARGIN, np.array(starts)
                empty = False
                starts.clear()
                del data[:position]
                position = 0
            if last is not None:
                break
            if split:
                row, data = _joined(source, data)
                yield row + _MARGIN, np.array([0])
                empty = False
        if last[0] == _ERROR:
            err.raise_mysql_exception(last)
        if empty:
            yield _MARGIN, np.zeros(0, np.int64)


def prepare(connection: Any, text: str) -> Prepared:
    """Have the server understand a statement, without running it."""
    connection._execute_command(_PREPARE, text.encode())
    packet = connection._read_packet()
    _, number, width, marks = struct.unpack_from("<BIHH", packet.get_all_data())
    _described(connection, marks)
    return Prepared(connection, number, _described(connection, width), marks)


def _described(connection: Any, count: int) -> list[Any]:
    fields = [connection._read_packet(FieldDescriptorPacket) for _ in range(count)]
    if count:
        connection._read_packet()  # the end of the list
    return fields


def _walk(data: bytearray, position: int, starts: list[int]) -> tuple[int, bytes | None]:
    """Find where rows begin.

    Args:
        data: Packets, the last of which may not be whole.
        position: Where to start.
        starts: Gets what is found.

    Returns:
        Where the last whole row ends, and the packet that ends the result if it is there.
    """
    append, unpack, length = starts.append, _HEAD.unpack_from, len(data)
    while position + 4 < length:
        head, first = unpack(data, position)
        size = head & _LARGEST  # the fourth byte is a running number
        after = position + 4 + size
        if after > length or size == _LARGEST:
            break
        if first:  # rows begin with a zero
            return position, bytes(data[position + 4 : after])
        append(position + 4)
        position = after
    return position, None


def _joined(source: Any, data: bytearray) -> tuple[bytes, bytearray]:
    """A row of several packets, and what follows it."""
    row = bytearray()
    while True:
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:3], "little"):
            data += _some(source)
        size = int.from_bytes(data[:3], "little")
        row += data[4 : 4 + size]
        del data[: 4 + size]
        if size < _LARGEST:
            return bytes(row), data


def _some(source: Any) -> bytes:
    try:
        data: bytes = source.read1(_PIECE)
    except OSError as error:
        raise err.OperationalError(
            CR.CR_SERVER_LOST, f"the connection was lost: {error}"
        ) from error
    if not data:
        raise err.OperationalError(CR.CR_SERVER_LOST, "the server closed the connection")
    return data


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
