"""Wakes a thread that waits in a selector."""

from __future__ import annotations

import os
from threading import Lock

__all__ = ["Bell"]


class Bell:
    """A descriptor that becomes readable when somebody rings."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._lock = Lock()
        self._is_rung = self._is_closed = False

    def fileno(self) -> int:
        """For a selector."""
        return self._reader

    def ring(self) -> None:
        """Wake the waiting thread; for any thread, at any time."""
        with self._lock:
            if not self._is_rung and not self._is_closed:
                self._is_rung = True
                os.write(self._writer, b"!")

    def answer(self) -> None:
        """Be ready for the next ring."""
        with self._lock:
            self._is_rung = False
            os.read(self._reader, 1)

    def close(self) -> None:
        """Let go of the descriptors; rings are ignored from now on."""
        with self._lock:
            self._is_closed = True
            os.close(self._writer)
            os.close(self._reader)
