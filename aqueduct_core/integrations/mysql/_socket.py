"""A connection to MySQL or MariaDB, by a socket that the driver and we use in turns.

The driver connects, logs in, speaks TLS and runs SQL. The parts of the protocol that it doesn't have,
statements with bound values and rows that are sent without a file, are spoken here, between its commands. It is
given the socket, and asked for the one in TLS that it makes of it: nothing of it that isn't public is needed.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import pymysql
from pymysql import err
from pymysql.constants import CR

__all__ = ["LARGEST", "MysqlConnection", "Wire", "unverified"]

LARGEST = 0xFFFFFF  # bytes of a packet that is continued in the next one
_PIECE = 64 << 10
_LOGIN = 3  # times as long as for reaching the server: it may be busy
_RESET = 0x1F
_REFUSED = b"\xff"


class MysqlConnection(pymysql.Connection):  # type: ignore[misc]  # it has no annotations
    """The driver's connection.

    Args:
        tries_tls: Whether to speak TLS where the server can, in spite of `ssl_disabled`.
        settings: What the driver takes; not `unix_socket`.

    Attributes:
        wire: Speaks where the driver doesn't.
    """

    def __init__(self, *, tries_tls: bool = False, **settings: Any) -> None:
        super().__init__(**settings, defer_connect=True)
        try:
            opened = socket.create_connection((self.host, self.port), self.connect_timeout)
        except OSError as error:
            raise _unreachable(self.host, error) from error
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        safety = None
        if tries_tls or self.ssl:
            safety = _Safety(unverified() if tries_tls else self.ctx)
            self.ssl: bool = True
            self.ctx: Any = safety
        with _hurried(opened, self.host, _LOGIN * self.connect_timeout):
            self.connect(opened)
        self.wire = Wire((safety and safety.made) or opened)


@contextmanager
def _hurried(opened: socket.socket, host: str, patience: float) -> Iterator[None]:
    """End a connection that isn't made in some seconds: the driver waits for its server forever."""
    is_late = threading.Event()
    watched = opened.dup()  # the first one is gone when TLS is made of it

    def end() -> None:
        is_late.set()
        with suppress(OSError):  # the server has ended it
            watched.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(patience, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except pymysql.Error as error:
        if is_late.is_set():
            raise _unreachable(host, "timed out") from error
        raise
    finally:
        timer.cancel()
        timer.join()
        watched.close()


def _unreachable(host: str, reason: object) -> err.OperationalError:
    said = f"Can't connect to MySQL server on {host!r} ({reason})"
    return err.OperationalError(CR.CR_CONN_HOST_ERROR, said)


def unverified() -> ssl.SSLContext:
    """TLS with whoever answers. The driver would read all certificates of the system for it first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Safety:
    """The driver's settings of TLS, which note the socket that is made with them."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.made: Any = None

    def wrap_socket(self, sock: Any, **more: Any) -> Any:
        self.made = self._context.wrap_socket(sock, **more)
        return self.made


class Wire:
    """Sends and receives packets."""

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._number = 0  # of the next packet
        self._room = memoryview(bytearray(_PIECE))
        self._ahead = bytearray()  # what was received and is no whole packet, or not asked for yet

    def reset(self) -> None:
        """End whatever was begun in the session, and forget what was set; also how text is sent."""
        self.command(_RESET)
        self.read()

    def command(self, code: int, data: bytes = b"") -> None:
        """Send a command; its answer is to be read before the next one."""
        self._number = 0
        self._ahead.clear()
        data = bytes([code]) + data
        for start in range(0, len(data) + 1, LARGEST):
            self.write(data[start : start + LARGEST])

    def write(self, data: Any) -> None:
        """Send a packet."""
        head = struct.pack("<I", len(data))[:3] + bytes([self._number])
        self._number = (self._number + 1) & 0xFF
        try:
            if len(data) < _PIECE:
                self._socket.sendall(head + bytes(data))
            else:
                self._socket.sendall(head)
                self._socket.sendall(data)
        except OSError as error:
            _lost(f"MySQL server has gone away ({error!r})", error)

    def read(self) -> bytes:
        """Receive a packet, or the several that it takes.

        Raises:
            pymysql.Error: What the server refuses, or that it is gone.
        """
        packet, ahead, size = bytearray(), self._ahead, LARGEST
        while size == LARGEST:
            while len(ahead) < 4 or len(ahead) < 4 + int.from_bytes(ahead[:3], "little"):
                ahead += self._room[: self._receive(self._room)]
            size = int.from_bytes(ahead[:3], "little")
            self._number = (ahead[3] + 1) & 0xFF
            packet += ahead[4 : 4 + size]
            del ahead[: 4 + size]
        if packet[:1] == _REFUSED:
            err.raise_mysql_exception(bytes(packet))
        return bytes(packet)

    def receive_into(self, view: memoryview) -> int:
        """Receive what is there, at least one byte, whatever packets it belongs to; returns its size."""
        if self._ahead:
            size = min(len(view), len(self._ahead))
            view[:size] = self._ahead[:size]
            del self._ahead[:size]
            return size
        return self._receive(view)

    def put_back(self, data: Any) -> None:
        """Have something that was received be read again."""
        self._ahead[:0] = data

    def _receive(self, view: memoryview) -> int:
        try:
            size: int = self._socket.recv_into(view)
        except OSError as error:
            _lost(f"the connection was lost: {error}", error)
        if not size:
            _lost("the server closed the connection")
        return size


def _lost(said: str, error: OSError | None = None) -> NoReturn:
    raise err.OperationalError(CR.CR_SERVER_LOST, said) from error
