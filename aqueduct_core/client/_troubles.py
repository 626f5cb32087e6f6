"""What went wrong in a run, in a line for each operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result

__all__ = ["troubles"]

_MOST = 10
_LONGEST = 300


def troubles(results: Sequence[Result]) -> list[str]:
    """What went wrong: what raised, what was stopped, what a check found.

    Operators that were skipped since others failed are left out: they say nothing new.
    """
    bad = [item for item in results if item.state in ("failed", "warning")]
    bad.sort(key=lambda item: item.state)  # failures first
    lines = [f"{item.name}: {_line(item)}" for item in bad[:_MOST]]
    return lines + ([f"... and {len(bad) - _MOST:,} more"] if len(bad) > _MOST else [])


def _line(result: Result) -> str:
    error = result.error
    if error is None or not error.frames:
        return _short(result.reason or result.state)
    message = error.message.partition("\n")[0]
    told = _short(f"{error.type}: {message}" if message else error.type)
    return f"{told} at {error.site}"


def _short(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()} ..."
