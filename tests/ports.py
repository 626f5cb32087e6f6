"""Ports for servers that take one by its number."""

from __future__ import annotations

import secrets
import socket

__all__ = ["free_port"]

_FIRST, _LAST = 20_000, 32_000


def free_port() -> int:
    """A port that nobody has, and that nobody gets by chance before a server has started there.

    Systems give those above to whoever connects, or wants any.
    """
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
