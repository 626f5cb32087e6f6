"""What there is, for whoever has asked for a name that there isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["offer"]

_SHOWN = 20
_ALIKE = 0.7


def offer(
    wanted: object,
    names: Iterable[str],
    what: str = "there is",
    told: Callable[[str], str] = repr,
) -> str:
    """The names that there are, as the hint of an error: not endlessly many, and one that is alike.

    Args:
        wanted: What was asked for.
        names: What there is.
        what: What stands before the names.
        told: How one of them is written.
    """
    known = list(names)
    listed = ", ".join(map(told, known[:_SHOWN])) or "none"
    more = f", and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    alike = _alike(str(wanted), known)
    return f"{what}: {listed}{more}" + (f"; did you mean {told(alike)}?" if alike else "")


def _alike(wanted: str, known: list[str]) -> str | None:
    from difflib import get_close_matches  # only where something went wrong

    by_lower = {name.lower(): name for name in reversed(known)}
    found = get_close_matches(wanted.lower(), by_lower, 1, _ALIKE)
    return by_lower[found[0]] if found else None
