"""Charts of single values and distributions, in as few bytes as they can be told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

__all__ = ["Verdict", "phases", "shade", "spread", "verdicts"]

_WIDTH = 320.0
_LEAST = 2.0
_SHADES = 9
_PHASES = ("environment", "load", "run", "store")  # those that have a colour


def phases(seconds: Mapping[str, float]) -> Markup:
    """Phases one after the other, as wide as they were long.

    Args:
        seconds: How long each took, by name, the first one first.
    """
    names = [name for name, value in seconds.items() if value > 0]
    whole = sum(seconds[name] for name in names)
    if not whole:
        return Markup("")
    room = _WIDTH - _LEAST * len(names)
    x = 0.0
    found = []
    for name in names:
        width = _LEAST + room * seconds[name] / whole
        kind = f"ph-{name}" if name in _PHASES else "ph-other"
        title = f"{name}: {seconds[name]:.3f} s, {seconds[name] / whole:.0%}"
        found.append(
            f'<rect class="{kind}" x="{x:.1f}" width="{max(width - 1, 1):.1f}" height="14">'
            f"<title>{escape(title)}</title></rect>"
        )
        x += width
    told = ", ".join(f"{name} {seconds[name]:.3f} s" for name in names)
    return Markup(
        f'<svg class="phases" viewBox="0 0 {_WIDTH:g} 14" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(told)}">{"".join(found)}</svg>'
    )


def spread(counts: Sequence[float], label: str) -> Markup:
    """A histogram as one path: pages show dozens of them.

    Args:
        counts: How many values lie in each range.
        label: What it shows, in words.
    """
    if not counts or not max(counts) > 0:
        return Markup("")
    most = max(counts)
    width = 100 / len(counts)
    path = "".join(
        f"M{index * width:.4g} 34v-{max(1.5, 32 * count / most):.3g}h{width * 0.86:.3g}V34z"
        for index, count in enumerate(counts)
        if count > 0
    )
    return Markup(
        '<svg class="spread" viewBox="0 0 100 34" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}"><title>{escape(label)}</title><path d="{path}"/></svg>'
    )


def shade(value: object, low: float, high: float) -> int | None:
    """How dark a cell of a heat map is, 0 to 8; None for what is no number."""
    if isinstance(value, bool):
        return _SHADES - 1 if value else 0
    if not isinstance(value, int | float) or not math.isfinite(value) or not high > low:
        return None
    return min(_SHADES - 1, max(0, int(_SHADES * (value - low) / (high - low))))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found in a run.

    Attributes:
        state: `succeeded`, `failed`, `warning`, or `skipped` without a verdict.
        href: Where the run is.
        title: What is said when pointed at.
        version: Number of the version, if another one than before it.
    """

    state: str
    href: str
    title: str
    version: int | None = None


def verdicts(found: Sequence[Verdict]) -> Markup:
    """Verdicts as a strip, the newest at the right; a tick or a cross tells them apart, too."""
    size, step, top = 16, 20, 16
    parts = []
    for place, item in enumerate(found):
        x = place * step
        if item.version is not None:
            parts.append(
                f'<line class="version" x1="{x - 2}" x2="{x - 2}" y1="2" y2="{top + size}"/>'
                f'<text x="{x + 1}" y="10">v{item.version}</text>'
            )
        mark = f"M{x + 4} {top + 8}l3 3 5-6"
        if item.state == "skipped":
            mark = f"M{x + 4} {top + 8}h8"
        elif item.state != "succeeded":
            mark = f"M{x + 5} {top + 5}l6 6m0-6l-6 6"
        parts.append(
            f'<a href="{escape(item.href)}" class="is-{item.state}">'
            f"<title>{escape(item.title)}</title>"
            f'<rect x="{x}" y="{top}" width="{size}" height="{size}" rx="4"/><path d="{mark}"/></a>'
        )
    width = max(len(found) * step - step + size, 1)
    return Markup(
        f'<svg class="verdicts" width="{width}" height="{top + size}" role="group" '
        f'aria-label="The last {len(found)} verdicts">{"".join(parts)}</svg>'
    )
