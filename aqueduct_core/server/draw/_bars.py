"""Runs as bars: the height says how long one took, the colour and a mark how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Bar", "bars"]

_LEAST = 4.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A run.

    Attributes:
        state: Its state.
        seconds: How long it took, or has been running.
        href: Where it leads.
        title: What is said when pointed at.
    """

    state: str
    seconds: float
    href: str
    title: str


def bars(runs: Sequence[Bar], *, width: float = 7, gap: float = 3, height: float = 30) -> Markup:
    """The last runs, the newest at the right.

    Those that failed have a notch: colours alone tell nobody who can't see them apart.
    """
    if not runs:
        return Markup("")
    longest = max(run.seconds for run in runs) or 1.0
    found = []
    for index, run in enumerate(runs):
        x = index * (width + gap)
        tall = max(_LEAST, height * run.seconds / longest)
        mark = ""
        if run.state == "failed":
            mark = f'<rect x="{x:.1f}" y="{height + 2:.1f}" width="{width:g}" height="2.5" rx="1"/>'
        found.append(
            f'<a href="{escape(run.href)}" class="is-{run.state}"><title>{escape(run.title)}</title>'
            f'<rect x="{x:.1f}" y="{height - tall:.1f}" width="{width:g}" height="{tall:.1f}" '
            f'rx="2"/>{mark}</a>'
        )
    whole = len(runs) * (width + gap) - gap
    return Markup(
        f'<svg class="bars" width="{whole:g}" height="{height + 5:g}" role="group" '
        f'aria-label="{"The last run" if len(runs) == 1 else f"The last {len(runs)} runs"}">{"".join(found)}</svg>'
    )
