"""Buffers as plain bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["as_bytes", "gathered"]


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
