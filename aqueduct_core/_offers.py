"""What there is, for whoever has asked for a name that there isn't."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

__all__ = ["alike", "offer", "offer_parameters"]

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
    found = alike(str(wanted), known)
    return f"{what}: {listed}{more}" + (f"; did you mean {told(found)}?" if found else "")


def offer_parameters(wanted: object, names: Iterable[str]) -> str:
    """The parameters that there are, as the hint of an error about one that there isn't."""
    listed = offer(wanted, names, "the parameters are", str)
    return f"{listed}; what a call leaves at its default is no parameter: give it in the call"


def alike(wanted: str, known: Sequence[str], least: float = _ALIKE) -> str | None:
    """The name that is most like the wanted one, whatever the case of its letters.

    Args:
        wanted: What was asked for.
        known: What there is.
        least: How much alike they must be, from 0 to 1.
    """
    from difflib import get_close_matches  # only where something went wrong

    by_lower = {name.lower(): name for name in reversed(known)}
    found = get_close_matches(wanted.lower(), by_lower, 1, least)
    return by_lower[found[0]] if found else None
