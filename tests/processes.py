"""Waiting for things that happen in other processes, and whether those are still there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["PATIENCE", "is_running", "wait_until"]

PATIENCE = 120.0  # seconds that a machine with much else to do may need for what takes one


def wait_until(
    holds: Callable[[], Any],
    seconds: float = PATIENCE,
    *,
    pause: float = 0.01,
    tell: Callable[[], Any] | None = None,
) -> None:
    """Wait until something holds; after a while it fails, and tells more."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, tell() if tell is not None else "it did not happen"
        time.sleep(pause)


def is_running(pid: int) -> bool:
    """Whether a process is there that hasn't ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
