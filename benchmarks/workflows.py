"""What a trivial operator costs, here and in other tools: `python -m benchmarks.workflows`.

Every tool gets an environment of its own (in `.environments/`, made once), and runs the same graphs of
operators that add one to a number: a chain of 100 and a fan-out of 1,000, built and run twice in one
process (cold, warm), and a script with a single operator (whole process, from start to result). The
tools take turns, round after round; the table shows medians and ratios to this package.

Not alike in what they keep: Kedro and flytekit track no runs, flytekit keeps plain values in memory.
Tools that take long get shorter graphs with `--short`, Metaflow always, which starts a process per
step: the figures are per operator. The time of the processor is that of all processes of a tool,
less what its script with one operator takes; it depends less on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import replace

ROOT = Path(__file__).resolve().parent.parent
FLOWS = ROOT / "benchmarks" / "flows"
RESULTS = ROOT / "docs" / "benchmarks" / "workflows.json"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- workflows: begin -->", "<!-- workflows: end -->"
REPEATS = 2
LIMIT = 900  # seconds for one process


@dataclass(frozen=True)
class Tool:
    name: str
    requirements: tuple[str, ...]
    persists: str
    chain: int = 100
    fan: int = 1000
    short: tuple[int, int] | None = None  # other sizes, for `--short`
    newest: str | None = None  # a date: newer releases of what it needs don't go with it

    def python(self) -> Path:
        if not self.requirements:
            return Path(sys.executable)
        folder = ROOT / ".environments" / f"bench-{self.name}"
        python = folder / "bin" / "python"
        if not (folder / ".done").exists():
            print(f"making an environment for {self.name}", file=sys.stderr)
            uv = [sys.executable, "-m", "uv"]
            until = ["--exclude-newer", self.newest] if self.newest else []
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            subprocess.run([*uv, "venv", "-q", "--clear", "-p", version, str(folder)], check=True)
            install = [*uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python)]
            subprocess.run([*install, *until, *self.requirements], check=True)
            (folder / ".done").touch()
        return python


TOOLS = (
    Tool("aqueduct", (), "values, results, logs, runs"),
    Tool("dagster", ("dagster",), "values, events, runs", short=(50, 100)),
    Tool(
        "prefect",
        ("prefect",),
        "values, states, runs",
        short=(20, 50),
        newest="2026-08-25",
    ),
    Tool("metaflow", ("metaflow",), "values, logs, runs", chain=10, fan=20),
    Tool("kedro", ("kedro", "kedro-datasets[pickle]"), "values"),
    Tool("flytekit", ("flytekit",), "nothing"),
)


def measure(tool: Tool, shape: str, operators: int, repeats: int) -> dict[str, float]:
    """Seconds of one process: per run, and from its start to the end of its last run."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    file = FLOWS / f"{tool.name}_flow.py"
    command = [str(tool.python()), str(file), shape, str(operators), str(repeats)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.time()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        cwd=FLOWS,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{tool.name} {shape}: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {
        "cold": found["seconds"][0] / operators,
        "warm": min(found["seconds"][1:] or found["seconds"]) / operators,
        "process": found["ended"] - start,
        "processor": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
    }


def row_of(tool: Tool, sizes: tuple[int, int]) -> dict[str, float]:
    """One round of a tool: seconds per operator, and of the script with one operator."""
    one = measure(tool, "one", 1, 1)
    row = {"start": one["process"]}
    for shape, operators in zip(("chain", "fan"), sizes, strict=True):
        found = measure(tool, shape, operators, REPEATS)
        row |= {f"{shape} {key}": found[key] for key in ("cold", "warm")}
        spent = found["processor"] - one["processor"]
        row[f"{shape} processor"] = max(0.0, spent) / (operators * REPEATS)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="*", help="tools to measure", choices=[t.name for t in TOOLS]
    )
    parser.add_argument("--short", action="store_true", help="shorter graphs for slow tools")
    parser.add_argument("--docs", action="store_true", help="renew the page of benchmarks")
    options = parser.parse_args()
    tools = [tool for tool in TOOLS if not options.only or tool.name in options.only]
    for tool in tools:
        tool.python()
    sizes = {tool.name: (options.short and tool.short) or (tool.chain, tool.fan) for tool in tools}
    figures: dict[str, dict[str, list[float]]] = {tool.name: {} for tool in tools}
    load = os.getloadavg()[0]
    for turn in range(options.rounds):
        for tool in tools:
            print(f"round {turn + 1}: {tool.name}", file=sys.stderr, flush=True)
            try:
                row = row_of(tool, sizes[tool.name])
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"{tool.name} is left out of this round: {error}", file=sys.stderr)
                continue
            for key, value in row.items():
                figures[tool.name].setdefault(key, []).append(value)
    table = {
        name: {key: median(times) for key, times in row.items()}
        for name, row in figures.items()
        if row
    }
    report = {
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load": round(load, 1),
        },
        "rounds": options.rounds,
        "operators": sizes,
        "seconds": table,
    }
    text = shown(report)
    print(text)
    if options.docs:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
        replace(PAGE, text, BEGIN, END)
    return int(len(table) < len(tools))


def shown(report: dict[str, Any]) -> str:
    """The figures as tables: how much of a processor it takes, and how long."""
    machine = report["machine"]
    kept = {tool.name: tool.persists for tool in TOOLS}
    counts = {
        name: " + ".join(f"{size:,}" for size in sizes)
        for name, sizes in report["operators"].items()
    }
    told = (
        f"Measured with Python {machine['python']} on {machine['cores']} cores, with a load of "
        f"{machine['load']} by other programs; rounds: {report['rounds']}. In brackets: how many "
        "times as much as the first row."
    )
    processor = ("chain processor", "fan processor")
    clock = ("start", "chain cold", "chain warm", "fan cold", "fan warm")
    return "\n".join(
        [
            told,
            "",
            "| tool | keeps | operators | processor per operator: chain | fan-out |",
            "|---|---|--:|--:|--:|",
            *_rows(report, processor, lambda name: [kept[name], counts[name]]),
            "",
            (
                "| tool | script with one operator | per operator: chain, cold | chain, warm "
                "| fan-out, cold | fan-out, warm |"
            ),
            "|---|--:|--:|--:|--:|--:|",
            *_rows(report, clock, lambda name: []),
        ]
    )


def _rows(
    report: dict[str, Any], columns: tuple[str, ...], known: Callable[[str], list[str]]
) -> Iterator[str]:
    table = report["seconds"]
    first = next(iter(table.values()))
    for name, row in table.items():
        cells = [_shown(column, row[column], first[column]) for column in columns]
        yield f"| {' | '.join([name, *known(name), *cells])} |"


def _shown(column: str, seconds: float, first: float) -> str:
    told = f"{seconds:.2f} s" if column == "start" else f"{seconds * 1000:.2f} ms"
    return f"{told} ({seconds / first:.1f})" if first else told


if __name__ == "__main__":
    sys.exit(main())
