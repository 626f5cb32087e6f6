"""Time against size, and the ways that nothing else beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aqueduct_core.bench._ways import BASELINE
from aqueduct_core.errors import MissingExtraError

__all__ = ["draw", "front"]

_OURS, _LINE, _GREY = "#1f6f8b", "#c2452d", "#77858b"
_COLUMNS = 2


def front(spots: Sequence[tuple[float, float]]) -> list[int]:
    """Which spots no other beats in both, from the left to the right."""
    found: list[int] = []
    lowest = float("inf")
    for index in sorted(range(len(spots)), key=lambda index: spots[index]):
        if spots[index][1] < lowest:
            lowest = spots[index][1]
            found.append(index)
    return found


def draw(report: Mapping[str, Any], path: Path) -> None:
    """Draw a report into a file: .svg, .png or .pdf.

    Raises:
        MissingExtraError: matplotlib isn't installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "bench", "drawing a figure") from error
    values = report["values"]
    rows = -(-len(values) // _COLUMNS)
    columns = min(len(values), _COLUMNS)
    figure = Figure(figsize=(6.5 * columns, 3.8 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    loads = report["options"]["prices"]["loads"]
    for axis, (name, value) in zip(axes, values.items(), strict=False):
        _draw_value(axis, name, value, loads)
    for axis in axes[len(values) :]:
        axis.set_axis_off()
    under = "*: nothing else is both quicker and smaller; hollow: came back changed"
    figure.supxlabel(f"seconds for one save and {loads:g} loads (log)\n{under}", fontsize=9)
    figure.supylabel("stored bytes / bytes in memory", fontsize=9)
    figure.savefig(path, dpi=150)


def _draw_value(axis: Any, name: str, value: Mapping[str, Any], loads: float) -> None:
    results = [result for result in value["results"] if "refused" not in result]
    spots = [
        (
            result["save"]["median"] + loads * result["load"]["median"],
            result["stored"] / max(value["size"], 1),
        )
        for result in results
    ]
    best = front(spots)
    axis.plot(*zip(*(spots[index] for index in best), strict=True), color=_LINE, zorder=1)
    legend = []
    for number, index in enumerate(sorted(range(len(spots)), key=spots.__getitem__), 1):
        result, spot = results[index], spots[index]
        way = result["way"]
        colour = _OURS if way["policy"] else _GREY
        exact = result["fidelity"] == "exact"
        faces, ink = (colour, "white") if exact else ("white", colour)
        marker = "s" if way["name"] == BASELINE else "o"
        axis.scatter(*spot, s=95, marker=marker, facecolors=faces, edgecolors=colour, zorder=2)
        axis.annotate(
            str(number), spot, ha="center", va="center_baseline", fontsize=6, color=ink, zorder=3
        )
        legend.append(f"{number} {way['name']}{' *' if index in best else ''}")
    axis.text(1.03, 1.0, "\n".join(legend), transform=axis.transAxes, va="top", fontsize=8)
    axis.set_xscale("log")
    axis.margins(x=0.1)
    axis.set_ylim(0, 1.15 * max((spot[1] for spot in spots), default=1.0))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter(lambda *_: "")
    axis.set_title(f"{name} ({value['size'] / 1e6:.3g} MB)", fontsize=9)
    axis.grid(color="#e6eaec", zorder=0)
