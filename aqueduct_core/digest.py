"""Digests of bytes: BLAKE3, by which parts are named and verified."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from aqueduct_core._buffers import as_bytes, gathered

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["digest_of", "digest_of_all"]

_DIGEST = "blake3:"
_THREADED = 1 << 20  # a buffer below this is hashed sooner than threads are told to
_CORES = os.cpu_count() or 1
_MOST_THREADS = 8
_CRUMB = 128 << 10  # buffers below this are joined first: each call costs as much as some kilobytes
_PIECE = 512 << 10


def digest_of(data: Buffer) -> str:
    """The digest of bytes, prefixed with the algorithm's name."""
    return digest_of_all((data,))


def digest_of_all(buffers: Iterable[Buffer], *, beside: int = 0) -> str:
    """The digest of the concatenation of C-contiguous buffers.

    Args:
        buffers: What to hash.
        beside: How many cores have other work.
    """
    views = [*map(as_bytes, buffers)]
    # Not as many threads as BLAKE3 likes: those are shared, and a forked process would wait for them
    # forever. They are started for every buffer anew, so small ones are better off without.
    most = max((view.nbytes for view in views), default=0)
    threads = max(1, min(_CORES - beside, _MOST_THREADS)) if most >= _THREADED else 1
    hasher: Any = blake3(max_threads=threads)
    for piece in gathered(views, smaller=_CRUMB, least=_PIECE):
        hasher.update(piece)
    return _DIGEST + str(hasher.hexdigest())
