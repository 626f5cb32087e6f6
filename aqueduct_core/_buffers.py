"""Buffers as plain bytes, and memory for them."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["allocate", "as_bytes", "gathered"]

_PAGE = 1 << 12
_HUGE = 4 << 20


def allocate(size: int) -> memoryview:
    """Writable memory: pages of its own, aligned and given back when freed, if it fills one."""
    if size < _PAGE:
        return memoryview(bytearray(size))
    # Not mmap's default, which a forked child would share with us.
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= _HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)  # a fault for every 2 MiB instead of every 4 KiB
    return memoryview(memory)


def as_bytes(buffer: Buffer) -> memoryview:
    """The bytes of a C-contiguous buffer of any shape and format."""
    view = memoryview(buffer)
    return view.cast("B") if view.nbytes else memoryview(b"")  # zeros in a shape can't be cast


def gathered(views: Iterable[memoryview], *, smaller: int, least: int) -> Iterator[memoryview]:
    """The same bytes in fewer pieces.

    Args:
        views: Bytes.
        smaller: Views of fewer bytes than this are copied together with those beside them.
        least: Bytes from which on such a piece is large enough.
    """
    crumbs: list[memoryview] = []
    total = 0
    for view in views:
        if view.nbytes < smaller:
            crumbs.append(view)
            total += view.nbytes
            if total < least:
                continue
        if crumbs:
            yield _joined(crumbs)
            crumbs, total = [], 0
        if view.nbytes >= smaller:
            yield view
    if total:
        yield _joined(crumbs)


def _joined(crumbs: list[memoryview]) -> memoryview:
    return crumbs[0] if len(crumbs) == 1 else memoryview(b"".join(crumbs))
