"""Names: what people give to workflows, operators and parameters, and read everywhere."""

from __future__ import annotations

from aqueduct_core.dag._sites import refusal

__all__ = ["as_name", "check_name", "is_name"]

_LONGEST = 200


def is_name(name: object) -> bool:
    """Whether it is one line of text that can be shown."""
    return isinstance(name, str) and name != "" and name.isprintable() and name == name.strip()


def check_name(what: str, name: object, example: str) -> None:
    """Refuse what can't be a name.

    Args:
        what: What it is the name of, for messages: `@op`.
        name: The name that somebody asks for.
        example: How it is done right.

    Raises:
        GraphError: It is no line of text, or too long.
    """
    if not isinstance(name, str) or not is_name(name):
        shown = repr(name)
        raise refusal(
            f"{what}: name={shown if len(shown) < _LONGEST else shown[:20] + '...'} is no name",
            hint=f"one line of text: {example}",
        )
    if len(name) > _LONGEST:
        raise refusal(
            f"{what}: the name {name[:20] + '...'!r} has {len(name)} characters",
            hint=f"at most {_LONGEST}; description= takes longer texts",
        )


def as_name(text: str) -> str:
    """A name made from other texts, of columns for example; what can't be shown is escaped."""
    if text.isprintable() and len(text) <= _LONGEST:
        return text
    shown = "".join(
        item if item.isprintable() else item.encode("unicode_escape").decode() for item in text
    )
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
