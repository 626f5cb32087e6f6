"""How the demo shows what happened, in a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from shutil import which
from typing import TYPE_CHECKING, Any

from aqueduct_core.cli._print import (
    STYLES,
    as_size,
    as_time,
    heading,
    preview_table,
    print_diff,
    table,
)
from aqueduct_core.client import Client, Flow, Run
from aqueduct_core.dag import OUTPUT

if TYPE_CHECKING:
    from aqueduct_core.integrations import SqlIntegration
    from aqueduct_core.runtime import Result

__all__ = [
    "chapter",
    "compare",
    "difference",
    "load",
    "places",
    "preview",
    "results",
    "run",
    "trace",
]

_MARKS = {"succeeded": "✓", "failed": "✗", "skipped": "»"}
_DIGEST = 8  # characters of a digest that tell versions apart


def chapter(screen: Any, title: str) -> None:
    """What comes next."""
    screen.print()
    heading(screen, title)
    screen.print()


def load(screen: Any, warehouse: SqlIntegration, tables: dict[str, Any]) -> None:
    """Fill the warehouse, all tables in one transaction."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), console=screen) as progress:
        task = progress.add_task("Filling the warehouse", total=sum(map(len, tables.values())))
        with warehouse.transaction() as transaction:
            for name, frame in tables.items():
                progress.update(task, description=f"Filling the warehouse: {name}")
                transaction.save(frame, name, "replace")
                progress.advance(task, len(frame))
        progress.update(task, description="Filling the warehouse")


def run(screen: Any, client: Client, found: Run) -> None:
    """The steps of a run and what each made."""
    from rich.text import Text

    steps = []
    for result in found.operators():
        state = Text(_MARKS.get(result.state, result.state), style=STYLES[result.state])
        told = "" if result.state == "skipped" else as_time(result.duration)
        steps.append((result.name, result.kind, state, told, *_made(client, result)))
    columns = ["step", "kind", "", ">time", "artifact", ">shape", "format", ">stored"]
    title = f"Run {found.id}: {found.status}, {as_time(found.duration or 0.0)}"
    screen.print(table(columns, steps, title=title))


def results(screen: Any, found: Run) -> None:
    """What the metrics and checks of a run say."""
    values = [(name, "metric", f"{value:.4g}") for name, value in found.metrics().items()]
    values += [
        (name, f"check ({check.severity})", "passed" if check else f"failed: {check.reason}")
        for name, check in found.checks().items()
    ]
    screen.print(table(["", "kind", "result"], values, title="Metrics and checks"))
    for result in found.operators():
        if result.kind == "save" and result.state == "skipped":
            screen.print(f"{result.name}: {result.reason}", markup=False, style="yellow")


def preview(screen: Any, found: Run, name: str) -> None:
    """The first rows of a table, as they were when it was stored."""
    description = found.artifact(name).preview()
    screen.print(preview_table(description["preview"], rows=5, title=f"The artifact {name!r}"))


def compare(screen: Any, runs: Sequence[Run]) -> None:
    """Runs side by side."""
    names = list(dict.fromkeys(name for found in runs for name in found.metrics()))
    rows = []
    for number, found in enumerate(runs, 1):
        metrics = found.metrics()
        cells = [f"{metrics[name]:.4g}" if name in metrics else "" for name in names]
        month = found.parameters().get("last_month")
        digest = found.version.partition(":")[2][:_DIGEST]
        rows.append((number, found.status, digest, month, as_time(found.duration or 0.0), *cells))
    columns = [">run", "status", "version", ">last_month", ">time", *(f">{name}" for name in names)]
    screen.print(table(columns, rows))


def difference(screen: Any, flow: Flow, before: str, after: str) -> None:
    """What changed from one version to another, as `aqueduct diff` prints it."""
    if not screen.quiet:
        print_diff(flow.diff(before, after).text())


def trace(screen: Any, found: Run, name: str) -> None:
    """What an operator raised and printed."""
    failure = found.error(name)
    if failure is not None:
        screen.print(f"{name}: {failure}\n", markup=False, style="red", soft_wrap=True)
        screen.print(failure.traceback, markup=False, highlight=False, soft_wrap=True)
    screen.print(f"It printed: {found.logs(name)}", markup=False, highlight=False)


def places(screen: Any, client: Client, path: str) -> None:
    """Where everything is, and what to type next."""
    home, aqueduct = f"--home {quote(client.home)}", _program()
    rows = [
        ("in the browser", f"{aqueduct} demo --serve {home}"),
        ("warehouse", path),
        ("artifacts", os.path.join(client.home, "artifacts")),
        ("all runs", f"{aqueduct} runs {home}"),
        ("the code's changes", f"{aqueduct} diff 'Late arrivals' {home}"),
        ("the artifacts", f"{aqueduct} artifacts ls {home}"),
    ]
    screen.print(table(["", ""], rows, title="Look closer"))


def _program() -> str:
    """What to type for the command line: with its path, if a shell wouldn't find it."""
    beside = Path(sys.executable).with_name("aqueduct")
    if which("aqueduct") is not None or not beside.exists():
        return "aqueduct"
    here = Path.cwd()
    return quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))


def _made(client: Client, result: Result) -> tuple[str, ...]:
    """Type, shape, format and size of what an operator made."""
    if result.kind == "save":
        rows = result.detail.get("rows")
        return ("", f"{rows:,} rows" if rows is not None else "", "sqlite", "")
    if not result.outputs:
        return ("", "", "", "")
    manifest = client.store.manifest(result.outputs[OUTPUT])
    stored = sum(part.stored or part.size for part in manifest.parts)
    described = manifest.description
    shape = ""
    if "rows" in described and "columns" in described:
        shape = f"{described['rows']:,} × {described['columns']}"
    return (manifest.type, shape, manifest.content.serializer, as_size(stored))
