"""All metrics of a workflow over its last runs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from aqueduct_core.server._services import services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.draw import Point, plot
from aqueduct_core.server.pages._flow import head_of
from aqueduct_core.server.pages._reading import flow_path, run_path
from aqueduct_core.server.pages._words import last_of, number, short_run
from aqueduct_core.tracking import RunRecord

__all__ = ["router"]

router = APIRouter()
_RUNS = 60
_MOST = 24  # plots


@router.get("/flows/{flow}/metrics")
def page(request: Request, flow: str) -> Response:
    """A plot for each metric."""
    services = services_of(request)
    record = services.tracking.flow(flow)
    versions = services.tracking.versions(flow)
    runs = list(reversed(services.tracking.runs(flow, limit=_RUNS)))
    values = services.tracking.metrics_of(runs)
    by_run = [{item.name: item.value for item in values.get((flow, run.id), [])} for run in runs]
    names = sorted({name for of_run in by_run for name in of_run})
    numbers = {item.digest: item.number for item in versions}
    plots = [_plot(flow, name, runs, by_run, numbers) for name in names[:_MOST]]
    context = head_of(services, record, len(versions)) | {
        "tab": "Metrics",
        "plots": plots,
        "others": [(name, flow_path(flow, "metrics", name)) for name in names[_MOST:]],
        "runs": len(runs),
    }
    return render(request, "flow_metrics.html", context)


def _plot(
    flow: str,
    name: str,
    runs: list[RunRecord],
    values: list[dict[str, float]],
    numbers: dict[str, int],
) -> dict[str, Any]:
    points = []
    for index, (run, of_run) in enumerate(zip(runs, values, strict=True)):
        is_new = index > 0 and run.version != runs[index - 1].version
        points.append(
            Point(
                of_run.get(name),
                run.started,
                f"{number(of_run.get(name))} in run {short_run(run.id)}, v{numbers.get(run.version)}",
                run_path(flow, run.id),
                version=numbers.get(run.version) if is_new else None,
            )
        )
    known = [value for of_run in values if (value := of_run.get(name)) is not None]
    return {
        "name": name,
        "href": flow_path(flow, "metrics", name),
        "last": number(known[-1]),
        "low": number(min(known)),
        "high": number(max(known)),
        "plot": plot(points, label=f"{name} over {last_of(len(runs))}", width=620, height=200),
    }
