"""A failure as a page tells it: the user's own code first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aqueduct_core.dag import is_library
from aqueduct_core.server.pages._code import CodeLine, code_lines

if TYPE_CHECKING:
    from aqueduct_core.runtime import Failure, Frame

__all__ = ["failed_line", "failure"]

_MOST = 30  # frames of one stack
_HINT = "\nHint: "


def failure(error: Failure) -> dict[str, Any]:
    """What was raised, with its causes and members."""
    text, _, hint = error.message.partition(_HINT)
    own = [frame for frame in error.frames if not _is_foreign(frame)]
    inner = own[-1] if own else None
    frames = [_frame(frame, is_main=frame is inner) for frame in error.frames[-_MOST:]]
    return {
        "type": error.type,
        "message": text,
        "hint": hint,
        # The innermost call of the user's own code is where to look first.
        "own": [frame for frame in reversed(frames) if not frame["is_library"]],
        "library": [frame for frame in frames if frame["is_library"]],
        "traceback": error.traceback,
        "causes": [failure(cause) for cause in error.causes],
        "members": [failure(member) for member in error.exceptions],
    }


def failed_line(error: Failure | None) -> str | None:
    """The line of the user's own code that failed."""
    own = [frame for frame in (error.frames if error else ()) if not _is_foreign(frame)]
    return own[-1].code if own else None


def _frame(frame: Frame, *, is_main: bool) -> dict[str, Any]:
    return {
        "place": f"{frame.file}:{frame.line}",
        "short": str(frame.site),
        "function": frame.function,
        "lines": _context(frame),
        "is_library": _is_foreign(frame),
        "is_main": is_main,
    }


def _is_foreign(frame: Frame) -> bool:
    """Whether a call is none of the user's: of a library, also of a compiled one."""
    return is_library(frame.file) or frame.file.endswith((".pyx", ".pxi", ".pxd"))


def _context(frame: Frame) -> list[CodeLine]:
    """The failing line between those around it, at the margin that it has in the file."""
    if not frame.code:
        return []
    margin = _margin(frame)
    lines = [*frame.before, margin + frame.code, *frame.after]
    first = frame.line - len(frame.before)
    found = code_lines("\n".join(_dedented(lines)), first=first)
    return [CodeLine(line.number, line.html, line.number == frame.line) for line in found]


def _margin(frame: Frame) -> str:
    """The blanks before a line: it is kept without them, and stands most often as the one before."""
    near = [line for line in (*reversed(frame.before), *frame.after) if line.strip()]
    if not near:
        return ""
    before = near[0] if frame.before else ""
    blanks = before[: len(before) - len(before.lstrip())]
    return blanks + ("    " if before.endswith(":") else "")


def _dedented(lines: list[str]) -> list[str]:
    least = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[least:] for line in lines]
