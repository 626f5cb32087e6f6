"""Measure everything in one run and show it as ratios.

    python -m benchmarks.run --quick             # a tenth of the size, few rounds
    python -m benchmarks.run --peers --docs      # all of it, and renew the documentation
    python -m benchmarks.run -k frame            # the cases whose name holds this

Each case runs in processes of its own. `fast` is measured against the limit (`benchmarks.limit`), and
`balanced` against the same settings written by hand (`benchmarks.byhand`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from aqueduct_core import __version__
from benchmarks.cases import CASES, Case
from benchmarks.peers import PEERS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "benchmarks"
LIBRARIES = ("numpy", "pandas", "pyarrow", "pillow", "orjson", "blake3")


def worker(
    case: Case, names: list[str], options: argparse.Namespace, *extra: str
) -> dict[str, Any]:
    """Run `benchmarks.measure` in a new process."""
    command = [sys.executable, "-m", "benchmarks.measure", case.name, *names]
    command += ["--folder", str(options.folder), *extra, *(["--quick"] if options.quick else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_case(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """All measurements of one case."""
    rounds = ("--rounds", str(options.rounds or (3 if options.quick else 9)))
    found = worker(case, ["limit", "fast"], options, *rounds)
    few = ("--rounds", "2" if options.quick else "5")
    found |= worker(case, ["by hand", "balanced"], options, *few)
    if options.peers:
        value = case.make(1, 0)
        names = [peer.name for peer in PEERS.values() if isinstance(value, peer.takes)]
        found |= worker(case, names, options, "--rounds", "1" if options.quick else "3")
    for policy in ("fast", "balanced"):
        found[policy]["memory"] = worker(case, [policy], options, "--memory")
    return found


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "libraries": {"aqueduct-core": __version__} | {name: version(name) for name in LIBRARIES},
    }


def against_limit(results: dict[str, dict[str, Any]]) -> Table:
    """`fast` as ratios to the limit."""
    table = Table(title="policy fast against the limit (milliseconds; ratio; target in brackets)")
    table.add_column("case")
    columns = (
        "MB",
        "limit save",
        "save",
        "ratio",
        "limit load",
        "load",
        "ratio",
        "stored",
        "memory",
    )
    for name in columns:
        table.add_column(name, justify="right")
    for name, result in results.items():
        table.add_row(name, *limit_row(CASES[name], result))
    return table


def limit_row(case: Case, result: dict[str, Any]) -> list[str]:
    """The cells of one case, the name left out."""
    limit, ours, size = result["limit"], result["fast"], result["size"]
    cells = [f"{size / 1e6:.1f}" if size >= 1e5 else f"{size / 1e6:.4f}"]
    for index, verb in enumerate(("save", "load")):
        ratio = ours[verb] / limit[verb]
        if case.target is not None:
            reached, target = ratio <= case.target[index], f"{case.target[index]:g}"
        else:
            assert case.milliseconds is not None
            wanted = case.milliseconds[index]
            reached, target = ours[verb] * 1e3 <= wanted, f"{wanted:g} ms"
        colour = "green" if reached else "red"
        cells += [milliseconds(limit[verb]), milliseconds(ours[verb])]
        cells.append(f"[{colour}]{ratio:.2f}[/] ({target})")
    cells.append(f"{ours['stored'] / size:.2f}")
    needed = ours["memory"]
    cells.append(f"{needed['save'] / size:.2f} / {needed['load'] / size:.2f}" if size > 1e6 else "")
    return [*cells]


def against_hand(results: dict[str, dict[str, Any]]) -> Table:
    """`balanced` as ratios to hand-written code of the same settings."""
    table = Table(title="policy balanced against the same settings by hand (target 1.15)")
    table.add_column("case")
    columns = ("by hand save", "save", "ratio", "by hand load", "load", "ratio", "size", "memory")
    for name in columns:
        table.add_column(name, justify="right")
    for name, result in results.items():
        hand, ours, size = result["by hand"], result["balanced"], result["size"]
        cells = []
        for verb in ("save", "load"):
            ratio = ours[verb] / hand[verb]
            colour = "green" if ratio <= 1.15 else "red"
            cells += [
                milliseconds(hand[verb]),
                milliseconds(ours[verb]),
                f"[{colour}]{ratio:.2f}[/]",
            ]
        smaller = "green" if ours["stored"] <= hand["stored"] * 1.01 else "red"
        cells.append(f"[{smaller}]{ours['stored'] / hand['stored']:.3f}[/]")
        needed = ours["memory"]
        share = f"{needed['save'] / size:.2f} / {needed['load'] / size:.2f}" if size > 1e6 else ""
        table.add_row(name, *cells, share)
    return table


def against_peers(results: dict[str, dict[str, Any]]) -> Table:
    """Everybody's times and sizes, with a mark where the value came back changed."""
    names = [name for name in PEERS if any(name in result for result in results.values())]
    table = Table(title="peers' defaults: save / load in ms, stored MB; * = not the same value")
    table.add_column("case")
    for name in ("fast", "balanced", *names):
        table.add_column(name, justify="right")
    for case, result in results.items():
        cells = []
        for name in ("fast", "balanced", *names):
            found = result.get(name)
            cells.append(peer_cell(found) if found else "")
        table.add_row(case, *cells)
    return table


def peer_cell(found: dict[str, Any]) -> str:
    mark = "" if found["exact"] else "*"
    times = f"{milliseconds(found['save'])} / {milliseconds(found['load'])}"
    return f"{times}{mark}, {found['stored'] / 1e6:.1f}"


def milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", help="only cases whose name holds this")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, few rounds")
    parser.add_argument("--rounds", type=int, help="rounds against the limit")
    parser.add_argument("--peers", action="store_true", help="measure other libraries as well")
    parser.add_argument("--docs", action="store_true", help="renew docs/benchmarks")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="a disk")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 200)
    results, failed = {}, 0
    for case in CASES.values():
        if options.k not in case.name:
            continue
        console.print(f"measuring {case.name} ...", style="dim")
        try:
            results[case.name] = run_case(case, options)
        except RuntimeError as error:
            console.print(str(error), style="red", markup=False)
            failed += 1
    console.print(against_limit(results), against_hand(results))
    if options.peers:
        console.print(against_peers(results))
    report = {"machine": machine(), "quick": options.quick, "cases": results}
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1))
    if options.docs:
        from benchmarks.report import publish

        publish(report, FOLDER)
        console.print(f"wrote {FOLDER.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
