"""Parts of what operators printed: logs can be larger than anybody wants to load."""

from __future__ import annotations

from dataclasses import dataclass

from aqueduct_core.abc import Storage
from aqueduct_core.errors import StorageNotFoundError

__all__ = ["LogPart", "read_log"]


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a log.

    Attributes:
        data: The bytes.
        start: Where they begin.
        size: How many bytes the whole log has by now.
        attempt: Which attempt printed it; 0 if there is none yet.
    """

    data: bytes
    start: int
    size: int
    attempt: int


def read_log(
    storage: Storage,
    operator: str,
    run: str,
    stream: str,
    attempt: int | None = None,
    *,
    start: int = 0,
    limit: int = 1 << 20,
    tail: bool = False,
) -> LogPart:
    """A part of what an operator printed; empty if it has printed nothing.

    Args:
        storage: The storage of the artifacts.
        operator: The operator's UUID.
        run: The run key.
        stream: `stdout` or `stderr`.
        attempt: Which attempt; the last one by default.
        start: The first byte.
        limit: The most bytes.
        tail: The last bytes instead, but none before `start`.
    """
    attempt = attempt or _last_attempt(storage, operator, run)
    key = f"operators/{operator}/{run}/attempts/{attempt}/{stream}.log"
    info = storage.stat(key) if attempt else None
    if info is None:
        return LogPart(b"", 0, 0, attempt)
    start = min(max(start, info.size - limit if tail else 0), info.size)
    end = min(start + limit, info.size)
    try:
        data = bytes(storage.get(key, start, end)) if end > start else b""
    except StorageNotFoundError:  # deleted since
        return LogPart(b"", 0, 0, attempt)
    return LogPart(data, start, info.size, attempt)


def _last_attempt(storage: Storage, operator: str, run: str) -> int:
    folder = f"operators/{operator}/{run}/attempts/"
    keys = [item.key for item in storage.list(folder)]
    return max((int(key[len(folder) :].partition("/")[0]) for key in keys), default=0)
