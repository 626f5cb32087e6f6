"""Charts as small as a word."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

__all__ = ["histogram", "sparkline"]

_WIDTH, _HEIGHT, _PAD = 88.0, 26.0, 3.0


def sparkline(values: Sequence[float | None], label: str = "") -> Markup:
    """A line of values over time; the newest, which has a point, stands last.

    Args:
        values: The values; there is a gap where one is None or no number.
        label: What it shows, for those who can't see it.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    span = high - low
    step = (_WIDTH - 2 * _PAD) / max(len(values) - 1, 1)

    def place(index: int, value: float) -> tuple[float, float]:
        y = 0.5 if span == 0 else (value - low) / span
        x = _WIDTH - _PAD if len(values) == 1 else _PAD + index * step
        return x, _HEIGHT - _PAD - y * (_HEIGHT - 2 * _PAD)

    lines: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None or not math.isfinite(value):
            lines.append([])
        else:
            lines[-1].append(place(index, value))
    lines = [line for line in lines if line]
    paths = "".join(f'<path d="{_path(line)}"/>' for line in lines if len(line) > 1)
    area = ""
    if len(lines) == 1 and len(lines[0]) > 1:
        first, last = lines[0][0][0], lines[0][-1][0]
        area = (
            f'<path class="area" d="{_path(lines[0])}V{_HEIGHT:g}H{first:.1f}Z"/>' if last else ""
        )
    x, y = lines[-1][-1]
    return Markup(
        f'<svg class="spark" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" '
        f'aria-label="{escape(label)}">{area}{paths}<circle cx="{x:.1f}" cy="{y:.1f}" r="2.7"/></svg>'
    )


def histogram(
    counts: Sequence[float], edges: Sequence[float | str] | None = None, label: str = ""
) -> Markup:
    """How often values of each range occur.

    Args:
        counts: How many in each range.
        edges: The ends of the ranges, one more than there are counts; shown when pointed at.
        label: What it shows, for those who can't see it.
    """
    if not counts:
        return Markup("")
    most = max(counts) or 1
    width = 100 / len(counts)
    found = []
    for index, count in enumerate(counts):
        height = 0.0 if count == 0 else max(1.2, 32 * count / most)
        title = ""
        if edges is not None and len(edges) > index + 1:
            title = f"<title>{escape(_short(edges[index]))} to {escape(_short(edges[index + 1]))}: {count:,}</title>"
        found.append(
            f'<rect x="{index * width:.2f}" y="{34 - height:.1f}" width="{width * 0.88:.2f}" '
            f'height="{height:.1f}">{title}</rect>'
        )
    return Markup(
        '<svg class="hist" viewBox="0 0 100 34" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(found)}</svg>'
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
