"""Watching a piece of code for what only unsafe loading does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

__all__ = ["forbid_code"]

# Audit events of the interpreter (documented in the library reference, "Audit events table").
_EVENTS = frozenset(
    {
        "pickle.find_class",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "subprocess.Popen",
        "socket.connect",
    }
)
_watching: set[int] = set()
_installed = False


@contextmanager
def forbid_code() -> Iterator[None]:
    """Raise `RuntimeError` inside the block when it unpickles, starts a process or connects.

    Watches the thread that enters the block. Python can't remove an audit hook again, so one is
    installed on first use and looks at nothing outside such blocks.
    """
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    thread = get_ident()
    is_inner = thread in _watching  # what is around it goes on watching
    _watching.add(thread)
    try:
        yield
    finally:
        if not is_inner:
            _watching.discard(thread)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and get_ident() in _watching:
        raise RuntimeError(f"a safe serializer reached {event} {arguments!r}")
