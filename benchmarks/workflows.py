"""What a trivial operator costs, here and in other tools: `python -m benchmarks.workflows`.

Every tool gets an environment of its own (in `.benchmarks/`, made once), and runs the same graphs of
operators that add one to a number: a chain of 100 and a fan-out of 1,000, built and run twice in one
process (cold, warm), and a script with a single operator (whole process, from start to result). The
tools take turns, round after round; the table shows medians and ratios to this package.

Not alike in what they keep: Kedro and flytekit track no runs, flytekit keeps plain values in memory.
Metaflow starts a process per step, so it gets shorter graphs: the figures are per operator.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FLOWS = ROOT / "benchmarks" / "flows"
RESULTS = ROOT / "docs" / "benchmarks" / "workflows.json"
LIMIT = 900  # seconds for one process


@dataclass(frozen=True)
class Tool:
    name: str
    requirements: tuple[str, ...]
    persists: str
    chain: int = 100
    fan: int = 1000
    newest: str | None = None  # a date: newer releases of what it needs don't go with it

    def python(self) -> Path:
        if not self.requirements:
            return Path(sys.executable)
        folder = ROOT / ".benchmarks" / self.name
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
    Tool("dagster", ("dagster",), "values, events, runs"),
    Tool("prefect", ("prefect",), "values, states, runs", newest="2026-08-25"),
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
        raise SystemExit(f"{tool.name} {shape}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {
        "cold": found["seconds"][0] / operators,
        "warm": min(found["seconds"][1:] or found["seconds"]) / operators,
        "process": found["ended"] - start,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="*", help="tools to measure", choices=[t.name for t in TOOLS]
    )
    parser.add_argument("--docs", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    tools = [tool for tool in TOOLS if not options.only or tool.name in options.only]
    for tool in tools:
        tool.python()
    figures: dict[str, dict[str, list[float]]] = {tool.name: {} for tool in tools}
    for turn in range(options.rounds):
        for tool in tools:
            print(f"round {turn + 1}: {tool.name}", file=sys.stderr)
            chain = measure(tool, "chain", tool.chain, 2)
            fan = measure(tool, "fan", tool.fan, 2)
            one = measure(tool, "one", 1, 1)
            row = {"start": one["process"]}
            row |= {f"chain {key}": chain[key] for key in ("cold", "warm")}
            row |= {f"fan {key}": fan[key] for key in ("cold", "warm")}
            for key, value in row.items():
                figures[tool.name].setdefault(key, []).append(value)
    table = {
        name: {key: median(times) for key, times in row.items()} for name, row in figures.items()
    }
    show(table)
    if options.docs:
        machine = {"python": platform.python_version(), "cores": os.cpu_count()}
        RESULTS.write_text(json.dumps({"machine": machine, "seconds": table}, indent=1) + "\n")
    return 0


def show(table: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(table.values())))
    first = next(iter(table.values()))
    print("| tool | keeps | " + " | ".join(_title(column) for column in columns) + " |")
    print("|---|---|" + "---:|" * len(columns))
    kept = {tool.name: tool.persists for tool in TOOLS}
    for name, row in table.items():
        cells = [f"{_shown(key, row[key])} ({row[key] / first[key]:.1f}x)" for key in columns]
        print(f"| {name} | {kept[name]} | " + " | ".join(cells) + " |")


def _title(column: str) -> str:
    return "one operator, whole script" if column == "start" else f"{column}, per operator"


def _shown(column: str, seconds: float) -> str:
    return f"{seconds:.2f} s" if column == "start" else f"{seconds * 1000:.2f} ms"


if __name__ == "__main__":
    sys.exit(main())
