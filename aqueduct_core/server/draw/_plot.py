"""A plot of values over the runs of a workflow, large enough to read numbers off it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

__all__ = ["Point", "plot"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 14.0, 24.0


@dataclass(frozen=True, slots=True)
class Point:
    """A value.

    Attributes:
        value: The value; None leaves a gap.
        when: Its place on the axis.
        title: What is said when pointed at.
        href: Where it leads.
        state: `failed` or `warning` where it is out of bounds.
        version: Number of the version, if another one than before it.
    """

    value: float | None
    when: datetime
    title: str
    href: str
    state: str = ""
    version: int | None = None


def plot(
    points: Sequence[Point],
    *,
    label: str,
    bounds: Mapping[str, float] | None = None,
    width: float = 720,
    height: float = 240,
) -> Markup:
    """Values from the oldest to the newest, with a line through them.

    Args:
        points: The values.
        label: What it shows, for those who can't see it.
        bounds: Lines that values should stay on one side of, by their names.
        width: In pixels, before it is scaled to the page.
        height: The same.
    """
    bounds = bounds or {}
    known = [p.value for p in points if p.value is not None and math.isfinite(p.value)]
    if not known:
        return Markup("")
    ticks = _ticks(min([*known, *bounds.values()]), max([*known, *bounds.values()]))
    low, high = ticks[0], ticks[-1]
    inside, tall = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    step = inside / max(len(points) - 1, 1)

    def x_of(index: int) -> float:
        return _LEFT + (inside / 2 if len(points) == 1 else index * step)

    def y_of(value: float) -> float:
        return _TOP + tall * (1 - (value - low) / (high - low))

    parts = [_rule(tick, y_of(tick), width) for tick in ticks]
    parts += [_bound(name, value, y_of(value), width) for name, value in bounds.items()]
    parts += _axis(points, x_of, height)
    line: list[str] = []
    lines: list[str] = []
    dots: list[str] = []
    for index, point in enumerate(points):
        if point.value is None or not math.isfinite(point.value):
            lines.append("L".join(line))
            line = []
            continue
        x, y = x_of(index), y_of(point.value)
        line.append(f"{x:.1f} {y:.1f}")
        dots.append(_dot(point, x, y))
    lines.append("L".join(line))
    path = "".join(f'<path class="line" d="M{item}"/>' for item in lines if "L" in item)
    return Markup(
        f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="group" '
        f'aria-label="{escape(label)}">{"".join(parts)}{path}{"".join(dots)}</svg>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """About four round numbers that enclose a range."""
    if low == high:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    raw = (high - low) / 3
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * size for size in (1, 2, 2.5, 5, 10) if power * size >= raw * 0.999)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _rule(tick: float, y: float, width: float) -> str:
    return (
        f'<line class="grid" x1="{_LEFT:g}" x2="{width - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{_LEFT - 8:g}" y="{y + 4:.1f}" text-anchor="end">{tick:,.6g}</text>'
    )


def _bound(name: str, value: float, y: float, width: float) -> str:
    return (
        f'<line class="bound" x1="{_LEFT:g}" x2="{width - _RIGHT:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="bound-word" x="{width - _RIGHT:g}" y="{y - 4:.1f}" text-anchor="end">'
        f"{escape(name)} {value:.6g}</text>"
    )


def _axis(points: Sequence[Point], x_of: object, height: float) -> list[str]:
    assert callable(x_of)
    found = []
    every = max(1, math.ceil(len(points) / 7))
    told = _form(points)
    for index, point in enumerate(points):
        x = x_of(index)
        if point.version is not None:
            found.append(
                f'<line class="version" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP:g}" y2="{height - _BOTTOM:g}"/>'
                f'<text class="version-word" x="{x + 4:.1f}" y="{_TOP - 4:g}">v{point.version}</text>'
            )
        if (len(points) - 1 - index) % every == 0:
            anchor = "end" if index == len(points) - 1 and index else "middle"
            found.append(
                f'<text class="axis" x="{x:.1f}" y="{height - 6:g}" text-anchor="{anchor}" '
                f'data-at="{point.when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}">'
                f"{point.when.astimezone(UTC):{told}}</text>"
            )
    return found


def _form(points: Sequence[Point]) -> str:
    """How moments are told: with seconds where minutes would all be the same."""
    moments = [point.when for point in points]
    is_short = (max(moments) - min(moments)).total_seconds() < 60 * len(points)
    return "%H:%M:%S" if is_short else "%-d %b %H:%M"


def _dot(point: Point, x: float, y: float) -> str:
    state = f' class="is-{point.state}"' if point.state else ""
    return (
        f'<a href="{escape(point.href)}"{state}><title>{escape(point.title)}</title>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/></a>'
    )
