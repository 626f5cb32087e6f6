"""What operators printed, made fit to be read in a page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["LogLine", "log_lines", "marked"]

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that was printed.

    Attributes:
        number: Which line it is.
        html: What it says.
    """

    number: int
    html: Markup


def log_lines(data: bytes) -> list[str]:
    """Lines of text as a terminal would show them: progress bars at their last state, no colours."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace").replace("\r\n", "\n"))
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [_CONTROLS.sub("", _last_state(line)) for line in lines]


def marked(line: str, words: str = "") -> Markup:
    """A line, cut if it is very long, with what was searched for marked."""
    cut = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} … {len(line) - _LONGEST:,} more"
    if not words:
        return escape(cut)
    parts = re.split(f"({re.escape(words)})", cut, flags=re.IGNORECASE)
    told = [escape(part) if index % 2 == 0 else Markup("<mark>{}</mark>").format(part)
            for index, part in enumerate(parts)]  # fmt: skip
    return Markup("").join(told)


def _last_state(line: str) -> str:
    if "\r" not in line:
        return line
    return next((part for part in reversed(line.split("\r")) if part), "")
