"""Peak memory of this process."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["peak"]


@contextmanager
def peak() -> Iterator[list[int]]:
    """How far the resident memory rose over what it was, in bytes; in the list when the block ends."""
    gc.collect()
    _give_back()
    before = _reset_peak()
    rise = [0]
    yield rise
    rise[0] = max(0, _highest() - before)


def _give_back() -> None:
    """Let the system have what was freed: reused, it would not count."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of the GNU C library
    if trim is not None:
        trim(0)


def _reset_peak() -> int:
    """The resident memory now; on Linux the high-water mark is set back to it."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")
    return _highest()


def _highest() -> int:
    """The high-water mark of resident memory, in bytes."""
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
