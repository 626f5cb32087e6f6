"""How things look in a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from aqueduct_core.client._words import as_time

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "STYLES",
    "as_ago",
    "as_size",
    "as_time",
    "console",
    "heading",
    "preview_table",
    "print_diff",
    "print_json",
    "print_list",
    "short",
    "state",
    "table",
]

STYLES = {
    "pending": "dim",
    "running": "blue",
    "succeeded": "green",
    "warning": "yellow",
    "failed": "red",
    "canceled": "magenta",
    "skipped": "dim",
}

# As every tool that prints diffs has it; the longer beginnings first.
_DIFF = (
    *(("+++", "bold"), ("---", "bold"), ("@@", "cyan")),
    *(("+", "green"), ("-", "red"), ("~", "yellow")),
)
_DIGITS = 8
_FRACTION = re.compile(r"-?\d+\.\d+(e[-+]?\d+)?")
_COLUMNS = 8  # how many columns of a table fit side by side
_WIDE = 120
_NO_EDGE = 1_000
_WIDTH = 25  # a timestamp with its zone


def console() -> Any:
    """The terminal."""
    from rich.console import Console

    found = Console(highlight=False)
    if not found.is_terminal:
        found.width = _NO_EDGE  # nobody finds a key again that was folded
    return found


def heading(screen: Any, title: str, *, align: Literal["left", "center"] = "left") -> None:
    """Print a title in a line that is as wide as what is read."""
    from rich.rule import Rule

    width = screen.width if screen.is_terminal else _WIDE
    screen.print(Rule(f"[bold]{title}", align=align), width=width)


def print_json(data: Any) -> None:
    """Print a document for programs."""
    print(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_diff(text: str) -> None:
    """Print a unified diff, in the colors that people know where there are any."""
    from rich.text import Text

    screen = console()
    for line in text.splitlines():
        style = next((style for start, style in _DIFF if line.startswith(start)), "")
        screen.print(Text(line, style=style), soft_wrap=True)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    title: str = "",
    wrap: bool = True,
) -> Table:
    """A table.

    Columns whose name starts with `>` are aligned to the right; what is in those that start with `!`
    stays in one piece, to be copied, however narrow the terminal is.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(
        box=SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
        show_header=any(columns),
    )
    for column in columns:
        name = column.lstrip(">!")
        made.add_column(
            name,
            min_width=len(name),
            justify="right" if column.startswith(">") else "left",
            overflow="fold" if wrap else "ellipsis",
            no_wrap=not wrap or column.startswith("!"),
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(_plain(cell)) for cell in row))
    return made


def print_list(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, none: str) -> None:
    """Print a table of what there is; where there is nothing, say so in words."""
    if rows:
        console().print(table(columns, rows))
    else:
        print(none)


def preview_table(preview: Mapping[str, Any], *, rows: int, title: str = "") -> Table:
    """The first rows of a stored table, from its preview."""
    names = [str(name) for name in preview["columns"]]
    shown = list(range(len(names)))
    if len(names) > _COLUMNS:  # the ends say most: keys at the start, results at the end
        shown = [*range(_COLUMNS // 2), *range(len(names) - _COLUMNS // 2, len(names))]
    cells = [[short(row[index]) for index in shown] for row in preview["rows"][:rows]]
    return table([names[index] for index in shown], cells, title=title, wrap=False)


def as_size(size: int) -> str:
    """Bytes as people say it."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def as_ago(moment: datetime) -> str:
    """A moment in the past as people say it."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def state(name: str | None) -> Text:
    """A state in its color."""
    from rich.text import Text

    return Text(name or "", style=STYLES.get(name or "", ""))


def _plain(cell: Any) -> str:
    return "" if cell is None else str(cell)


def short(cell: Any) -> str:
    """A cell in a few characters."""
    text = _plain(cell)
    if len(text) > _DIGITS and _FRACTION.fullmatch(text):
        text = f"{float(text):.{_DIGITS - 2}g}"
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
