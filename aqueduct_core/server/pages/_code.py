"""Code and what changed of it, line by line, with classes for its colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape

__all__ = ["CodeLine", "DiffLine", "code_lines", "diff_lines"]

_COLOURED = 16_000  # characters; more is shown plain: colours make a page five times as large
_SHOWN = 60_000
_DIFFERENT = 800  # lines
_KINDS = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of code.

    Attributes:
        number: Counts from the first line that is shown.
        html: The line.
        marked: Whether it is the one that failed.
    """

    number: int
    html: Markup
    marked: bool = False


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a unified diff.

    Attributes:
        kind: `added`, `removed`, `place` or `same`.
        text: The line without its sign.
    """

    kind: str
    text: str


def code_lines(
    text: str, language: str = "python", *, first: int = 1, marked: str | None = None
) -> list[CodeLine]:
    """Lines of code.

    Args:
        text: The code.
        language: `python` or `sql`.
        first: The number of the first line.
        marked: The line that failed, without blanks around it; marked if there is one such line.
    """
    shown = text[:_SHOWN].rstrip("\n")
    plain = shown.split("\n")
    html = _coloured(shown, language) if len(shown) <= _COLOURED else [escape(x) for x in plain]
    found = [index for index, line in enumerate(plain) if marked and line.strip() == marked]
    failed = found[0] if len(found) == 1 else -1
    return [
        CodeLine(first + index, Markup(line), index == failed)  # noqa: S704 - escaped above
        for index, line in enumerate(html)
    ]


def diff_lines(lines: Sequence[str]) -> list[DiffLine]:
    """The lines of a unified diff, without the two of its head."""
    return [
        DiffLine(_KINDS.get(line[:1], "same"), line if line.startswith("@") else line[1:])
        for line in lines[2 : 2 + _DIFFERENT]
    ]


@lru_cache(maxsize=256)
def _coloured(text: str, language: str) -> tuple[str, ...]:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer, SqlLexer

    lexer = SqlLexer() if language == "sql" else PythonLexer()
    lexer.stripnl = lexer.ensurenl = False
    html: str = highlight(text, lexer, HtmlFormatter(nowrap=True, classprefix="k-"))
    lines = html.split("\n")
    count = text.count("\n") + 1
    return tuple(lines[:count])
