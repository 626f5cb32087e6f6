"""SQL text: named parameters, dates, and chains of queries.

Only as much of SQL is understood as it takes to tell `:name`, `{today}` and `$` in code from the same
characters in strings, quoted names and comments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.errors import GraphError
from aqueduct_core.integrations._dates import MACROS, macro_values
from aqueduct_core.integrations._names import is_text

__all__ = ["Statement"]

_TOKENS = re.compile(
    r"""
      (?P<text> (?<!\w)[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' )
    | (?P<skip> "(?:[^"]|"")*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | :: | \$(\w*)\$.*?\$\3\$ )
    | \{ (?P<macro> \w+ ) \}
    | (?<![\w:]) : (?P<name> [A-Za-z_]\w* )
    | (?<![\w$]) (?P<previous> \$ ) (?![\w$])
    """,
    re.VERBOSE | re.DOTALL,
)
_WITH = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*WITH(\s+RECURSIVE)?\b", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"\{(\w+)\}")
_STEP = "aqueduct_step_"
_MACRO = "aqueduct_"


@dataclass(frozen=True, slots=True)
class Statement:
    """A query with named parameters.

    Attributes:
        text: The SQL, with parameters as `:name`.
        names: The names of the parameters.
        macros: The dates that it names, such as `today` for `{today}`.
    """

    text: str
    names: frozenset[str]
    macros: frozenset[str] = frozenset()

    @classmethod
    def of(cls, query: str | Sequence[str]) -> Statement:
        """A statement from a query, or from a chain in which `$` is the query before.

        Raises:
            GraphError: It is no query, or no chain.
        """
        queries = [query] if isinstance(query, str) else list(query)
        if not queries or not all(str(text).strip() for text in queries):
            raise GraphError(
                f"{query!r} is neither a query nor a list of queries",
                hint='sql("SELECT ...") or sql(["SELECT ...", "SELECT ... FROM $"])',
            )
        if not all(map(is_text, queries)):
            raise GraphError(
                f"{query!r} can't be sent: it has a NUL, or half of a character",
                hint="give it as a parameter: WHERE name = :name",
            )
        queries = [text.strip().rstrip(";").rstrip() for text in queries]
        for number, text in enumerate(queries):
            if (number > 0) != _refers(text):
                raise GraphError(
                    f"query {number + 1} of {len(queries)} "
                    + ("does not use $" if number else "uses $, and there is no query before it"),
                    hint="$ stands for the result of the query before: SELECT ... FROM $",
                )
        text = queries[0] if len(queries) == 1 else _chain(queries)
        found = list(_TOKENS.finditer(text))
        names = frozenset(match["name"] for match in found if match["name"])
        macros = frozenset(match["macro"] for match in found if match["macro"])
        _check_macros(macros, [match["text"] for match in found if match["text"]])
        return cls(text, names, macros)

    def check(self, given: Sequence[str]) -> None:
        """Compare the parameters that are given with those of the query.

        Raises:
            GraphError: Some are missing, or not used.
        """
        missing, unused = sorted(self.names - set(given)), sorted(set(given) - self.names)
        if missing:
            raise GraphError(
                f"the query has no value for {', '.join(f':{name}' for name in missing)}",
                hint=f"parameters={{{missing[0]!r}: ...}}",
            )
        if unused:
            raise GraphError(
                f"the query does not use the parameter {', '.join(map(repr, unused))}",
                hint=f"write :{unused[0]} in the query, outside of quotes",
            )

    def without_parameters(self) -> str:
        """The text with NULL in place of every parameter."""
        return self.render(lambda _name: "NULL")

    def render(
        self, mark: Callable[[str], str], escape: Callable[[str], str] = lambda text: text
    ) -> str:
        """The text as a driver takes it.

        Args:
            mark: How it writes a parameter.
            escape: How it writes other text.
        """
        parts, end = [], 0
        for match in _TOKENS.finditer(self.text):
            name = match["name"] or (match["macro"] and _MACRO + match["macro"])
            if name:
                parts += [escape(self.text[end : match.start()]), mark(name)]
                end = match.end()
        return "".join([*parts, escape(self.text[end:])])

    def values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each name that `render` marks."""
        dates = macro_values(self.macros)
        return {**parameters, **{_MACRO + name: value for name, value in dates.items()}}


def _check_macros(macros: frozenset[str], texts: Sequence[str]) -> None:
    for name in sorted(macros - MACROS.keys()):
        raise GraphError(
            f"{{{name}}} is no date that queries can name",
            hint=f"these are: {', '.join(f'{{{name}}}' for name in MACROS)}",
        )
    for text in texts:
        if (match := _QUOTED.search(text)) and match[1] in MACROS:
            raise GraphError(
                f"{match[0]} stands in quotes, where it is only text",
                hint=f"write it without quotes: WHERE day = {match[0]}",
            )


def _refers(text: str) -> bool:
    return any(match["previous"] for match in _TOKENS.finditer(text))


def _replace(text: str, replace: Callable[[re.Match[str]], str]) -> str:
    return _TOKENS.sub(replace, text)


def _after(number: int, text: str) -> str:
    return _replace(text, lambda match: f"{_STEP}{number}" if match["previous"] else match[0])


def _chain(queries: Sequence[str]) -> str:
    """One query in which each step but the last is a common table expression."""
    *steps, last = [_after(number, text) for number, text in enumerate(queries)]
    # A line break before the bracket: the step may end in a comment.
    tables = ", ".join(f"{_STEP}{n} AS ({text}\n)" for n, text in enumerate(steps, start=1))
    opening = _WITH.match(last)
    if opening is None:
        return f"WITH {tables}\n{last}"
    return f"WITH{opening[1] or ''} {tables}, {last[opening.end() :].lstrip()}"
