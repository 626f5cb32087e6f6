"""What comes back of values that tools store as they do by default: measured in the tools themselves.

python -m benchmarks.comparison          # print the table
python -m benchmarks.comparison --docs   # and renew docs/comparison.md
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.report import replace
from tests.environments import ROOT, make_environment

__all__ = ["BEGIN", "END", "LOCKS", "PAGE", "cells", "measure"]

PAGE = ROOT / "docs" / "comparison.md"
BEGIN, END = "<!-- comparison: begin -->", "<!-- comparison: end -->"
ADAPTERS = ROOT / "tests" / "adapters"
LOCKS: dict[str, Path | None] = {  # None: this environment
    "aqueduct_core": None,
    "Airflow": ROOT / "tests" / "integration" / "airflow" / "airflow-3.lock",
    "Dagster": ADAPTERS / "dagster.lock",
    "Prefect": ADAPTERS / "prefect.lock",
    "Kedro": ADAPTERS / "kedro.lock",
    "Hamilton": ADAPTERS / "hamilton.lock",
    "joblib": None,
}
PACKAGES = {"Airflow": "apache-airflow", "Hamilton": "apache-hamilton"}
Found = dict[str, tuple[str, str]]


def measure(tool: str, folder: Path) -> Found:
    """What a tool does with each value: a word, and the reason."""
    lock = LOCKS[tool]
    python = Path(sys.executable) if lock is None else make_environment(lock) / "python"
    home = folder / "home"
    home.mkdir(parents=True)
    environ = {**os.environ, "HOME": str(home), "AIRFLOW_HOME": str(home), "DO_NOT_TRACK": "1"}
    script = ROOT / "benchmarks" / "flows" / "defaults.py"
    done = subprocess.run(
        [python, script, tool, folder / "stored"],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{tool}: {done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    return {value: (word, " ".join(reason.split())) for value, (word, reason) in found.items()}


def version(tool: str) -> str:
    """The version that was measured."""
    lock = LOCKS[tool]
    name = PACKAGES.get(tool, tool.lower())
    if lock is None:
        from importlib.metadata import version as installed

        return installed(name.replace("_", "-"))
    pinned = re.search(rf"^{name}==(\S+)", lock.read_text(), re.MULTILINE)
    assert pinned is not None, f"{name} in {lock}"
    return pinned[1]


def table(found: dict[str, Found]) -> str:
    """The table, and the reasons below."""
    head = " | ".join(f"{tool} {version(tool)}" for tool in found)
    lines = [f"| value | {head} |", f"|---|{'---|' * len(found)}"]
    values = next(iter(found.values()))
    for value in values:
        words = " | ".join(results[value][0] for results in found.values())
        lines.append(f"| {value} | {words} |")
    lines += ["", "What is changed, and why something is refused:", ""]
    for tool, results in found.items():
        for value, (word, reason) in results.items():
            if word in ("changed", "refused"):
                lines.append(f"- {tool}, {value}: {word}; `{shown(reason)}`")
    return "\n".join(lines)


def shown(reason: str) -> str:
    """A reason that is the same each time, in one line."""
    text = re.sub(r"/\S*?(?=[/'\")\s]*stored)", "", reason).replace("`", "'").replace("|", "/")
    return text if len(text) <= 160 else f"{text[:159]}…"


def cells(page: str) -> dict[str, dict[str, str]]:
    """The table of the page: tool, value, word."""
    part = page.partition(BEGIN)[2].partition(END)[0]
    rows = [line[1:-1].split("|") for line in part.splitlines() if line.startswith("| ")]
    (_, *tools), *values = [[cell.strip() for cell in row] for row in rows]
    return {
        tool.split()[0]: {row[0]: row[number] for row in values}
        for number, tool in enumerate(tools, 1)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="renew docs/comparison.md")
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for tool in LOCKS:
            found[tool] = measure(tool, Path(folder, tool))
    print(table(found))
    if options.docs:
        replace(PAGE, table(found), BEGIN, END)


if __name__ == "__main__":
    main()
