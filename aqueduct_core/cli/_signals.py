"""Commands that go on until they are told to stop."""

from __future__ import annotations

import signal
from _thread import start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

__all__ = ["until_told"]


@contextmanager
def until_told() -> Iterator[Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = Event()

    def end(number: int, frame: FrameType | None) -> None:
        # The signal may come while this very thread waits for the event and holds its lock.
        start_new_thread(stop.set, ())

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
