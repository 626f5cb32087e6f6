"""Text that goes into HTML and SVG: escaped, bounded, and readable on light and on dark."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["COLORS", "badge", "card", "clip", "escape", "facts", "table"]

# What XML can't hold, not even escaped.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

# Fill and ink of each state; the ink is dark and the fill light, so that a page of either colour suits.
COLORS = {
    "pending": ("#e5e7eb", "#4b5563"),
    "running": ("#dbeafe", "#1d4ed8"),
    "succeeded": ("#dcfce7", "#15803d"),
    "warning": ("#fef3c7", "#b45309"),
    "failed": ("#fee2e2", "#b91c1c"),
    "canceled": ("#ede9fe", "#6d28d9"),
    "skipped": ("#f3f4f6", "#6b7280"),
}
_EDGE = "1px solid rgba(128,128,128,.35)"
_CELL = f"padding:2px 10px 2px 0;border-bottom:{_EDGE};text-align:left;vertical-align:top"


def escape(text: object, longest: int = 200) -> str:
    """Text of users: shown as it is, in markup and in quoted attributes."""
    return html.escape(clip(_UNPRINTABLE.sub("\ufffd", str(text)), longest), quote=True)


def clip(text: str, longest: int) -> str:
    """Text of at most so many characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def badge(state: str) -> str:
    """A state in its colors."""
    fill, ink = COLORS.get(state, COLORS["pending"])
    style = f"background:{fill};color:{ink};border-radius:9px;padding:1px 8px;font-size:.9em"
    return f'<span style="{style}">{escape(state)}</span>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are markup already."""
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    return (
        '<div style="overflow-x:auto;max-width:100%"><table style="border-collapse:collapse">'
        f"{top}<tbody>{body}</tbody></table></div>"
    )


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Labelled values in one line; those that are None or empty are left out."""
    shown = [
        f'<span style="opacity:.65">{escape(label)}</span> {escape(value)}'
        for label, value in pairs
        if value not in (None, "")
    ]
    return f"<div>{' &nbsp; '.join(shown)}</div>" if shown else ""


def card(title: str, *parts: str) -> str:
    """A titled block; the title and parts are markup already."""
    style = f"border:{_EDGE};border-radius:6px;padding:8px 12px;margin:4px 0;color:inherit"
    inside = "".join(f'<div style="margin-top:6px">{part}</div>' for part in parts if part)
    return f'<div style="{style}"><div><b>{title}</b></div>{inside}</div>'
