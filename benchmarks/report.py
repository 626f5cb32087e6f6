"""Turn the results of a run into what the documentation shows: JSON, tables and figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.cases import CASES
from benchmarks.peers import PEERS

OURS, LINE = "#1f6f8b", "#c2452d"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

_GREYS = ("#4d5a60", "#8d9ba1", "#b08b57", "#7b6a9c", "#5f8f5c", "#a85f6d")
_LOOKS = {
    "fast": (OURS, "o"),
    "balanced": (LINE, "o"),
    **{name: (_GREYS[index % 6], "sDv^P"[index % 5]) for index, name in enumerate(PEERS)},
}

plt.rcParams.update(
    {
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.constrained_layout.use": True,
        "font.size": 9,
        "svg.hashsalt": "aqueduct",  # the same data makes the same file
    }
)


def publish(report: dict[str, Any], folder: Path) -> None:
    """Write the results, their tables and their figures into a folder of the documentation."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(report, indent=1) + "\n")
    cases = report["cases"]
    save_figure(ratios(cases), folder / "limit")
    if any(name in result for result in cases.values() for name in PEERS):
        save_figure(pareto(cases), folder / "peers")
    page = folder.parent / "benchmarks.md"
    tables = "\n\n".join(
        [described(report), limit_table(cases), hand_table(cases), peers_table(cases)]
    )
    replace(page, tables)


def replace(page: Path, text: str, begin: str = BEGIN, end: str = END) -> None:
    """Put generated text between its marks in a page."""
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    new, count = marked.subn(lambda _: f"{begin}\n{text.strip()}\n{end}", page.read_text())
    if count != 1:
        raise ValueError(f"{page} needs one pair of marks {begin} ... {end}")
    page.write_text(new)


def save_figure(figure: Any, path: Path) -> None:
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=150)
    plt.close(figure)


def ratios(cases: dict[str, Any]) -> Any:
    """Time over the limit's, saving and loading, with the target of each case as a line."""
    names = [name for name in cases if CASES[name].target is not None]
    figure, axes = plt.subplots(1, 2, figsize=(9, 0.36 * len(names) + 1.2), sharey=True)
    for index, (verb, axis) in enumerate(zip(("save", "load"), axes, strict=True)):
        found = [cases[name]["fast"][verb] / cases[name]["limit"][verb] for name in names]
        axis.barh(names, found, color=OURS, height=0.6)
        for row, name in enumerate(names):
            target = CASES[name].target
            assert target is not None
            axis.plot([target[index]] * 2, [row - 0.4, row + 0.4], color=LINE, linewidth=2)
            axis.annotate(f" {found[row]:.2f}", (found[row], row), va="center")
        axis.set_xlabel(f"time to {verb} / limit  (red: target)")
        axis.set_xlim(0, 1.15 * max(*found, *(CASES[name].target[index] for name in names)))  # type: ignore[index]  # checked above
    axes[0].invert_yaxis()
    return figure


def pareto(cases: dict[str, Any]) -> Any:
    """Stored size against time for one save and three loads, everybody on every large case."""
    names = [name for name in cases if CASES[name].repeat == 1]
    columns = 3
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(10, 2.9 * rows), squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    shown = {}
    for name, axis in zip(names, axes.flat, strict=False):
        result = cases[name]
        for who in ("fast", "balanced", *PEERS):
            if who not in result:
                continue
            found = result[who]
            spot = (found["save"] + 3 * found["load"], found["stored"] / result["size"])
            ours = who in ("fast", "balanced")
            colour, marker = _LOOKS[who]
            marker = marker if found["exact"] else "x"
            shown[who] = axis.scatter(
                *spot, color=colour, marker=marker, s=70 if ours else 30, zorder=3 if ours else 2
            )
        size_over_time(axis, name)
    figure.legend(shown.values(), shown.keys(), loc="outside upper center", ncols=7, fontsize=8)
    figure.supxlabel("seconds for one save and three loads (log); x: came back changed", fontsize=9)
    figure.supylabel("stored size / size in memory", fontsize=9)
    return figure


def size_over_time(axis: Any, title: str) -> None:
    """The form that all figures of size over time share."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_title(title, fontsize=9)
    axis.margins(x=0.15, y=0.15)
    axis.set_ylim(bottom=0)
    axis.grid(color="#e6eaec", zorder=0)


def described(report: dict[str, Any]) -> str:
    machine = report["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    size = "a tenth of the size" if report["quick"] else "full size"
    return (
        f"Measured with Python {machine['python']} on {machine['system']}, {machine['cores']} cores, "
        f"{size}; {libraries}."
    )


def limit_table(cases: dict[str, Any]) -> str:
    lines = [
        "## Policy `fast` and the limit",
        "",
        "| case | MB | save, ms | / limit | target | load, ms | / limit | target |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, result in cases.items():
        case = CASES[name]
        cells = [name, f"{result['size'] / 1e6:.3g}"]
        for index, verb in enumerate(("save", "load")):
            spent = result["fast"][verb]
            if case.target is not None:
                target = f"{case.target[index]:g}"
            else:
                assert case.milliseconds is not None
                target = f"{case.milliseconds[index]:g} ms"
            cells += [f"{spent * 1e3:.3g}", f"{spent / result['limit'][verb]:.2f}", target]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "![Ratios to the limit](benchmarks/limit.svg)"])


def hand_table(cases: dict[str, Any]) -> str:
    lines = [
        "## Policy `balanced` and the same settings by hand",
        "",
        "| case | save, ms | / by hand | load, ms | / by hand | size / by hand |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, result in cases.items():
        hand, ours = result["by hand"], result["balanced"]
        cells = [name]
        for verb in ("save", "load"):
            cells += [f"{ours[verb] * 1e3:.3g}", f"{ours[verb] / hand[verb]:.2f}"]
        lines.append(f"| {' | '.join(cells)} | {ours['stored'] / hand['stored']:.2f} |")
    return "\n".join(lines)


def peers_table(cases: dict[str, Any]) -> str:
    names = [name for name in PEERS if any(name in result for result in cases.values())]
    if not names:
        return ""
    lines = [
        "## Peers",
        "",
        "Milliseconds to save / load, and stored MB. A star: what came back was not what went in.",
        "",
        f"| case | fast | balanced | {' | '.join(names)} |",
        f"|---|{'--:|' * (len(names) + 2)}",
    ]
    for case, result in cases.items():
        cells = [case]
        for name in ("fast", "balanced", *names):
            found = result.get(name)
            cells.append(_peer_cell(found) if found else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "![Time against size](benchmarks/peers.svg)"])


def _peer_cell(found: dict[str, Any]) -> str:
    mark = "" if found["exact"] else r"\*"
    return (
        f"{found['save'] * 1e3:.3g} / {found['load'] * 1e3:.3g}{mark}, {found['stored'] / 1e6:.3g}"
    )
