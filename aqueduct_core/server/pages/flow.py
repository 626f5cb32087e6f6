"""One workflow: how its operators went over time, and what can be done with it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from aqueduct_core.client import Flow
from aqueduct_core.server._auth import require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.pages._flow import head_of, values_from
from aqueduct_core.server.pages._grid import grid
from aqueduct_core.server.pages._reading import flow_path, run_path, state_of_run, version_of
from aqueduct_core.server.pages.flows import metric_tiles, newest_metrics
from aqueduct_core.tracking import FlowRecord, RunRecord, VersionRecord

__all__ = ["router"]

router = APIRouter()
_editor = [Depends(require("editor"))]

_COLUMNS = 30
_METRICS = 12


@router.get("/flows/{flow}")
def overview(request: Request, flow: str) -> Response:
    """The last runs as a grid, and the newest metrics."""
    services = services_of(request)
    record, versions = _found(services, flow)
    runs = list(services.tracking.runs(flow, limit=_COLUMNS))
    metrics = newest_metrics(services, {flow: runs}, _METRICS)
    numbers = {item.digest: item.number for item in versions}
    last = next((run for run in runs if run.state in ("succeeded", "warning")), None)
    shown = grid(services, runs, numbers) if runs else None
    context = head_of(services, record, len(versions)) | {
        "tab": "Overview",
        "grid": shown,
        "why": _why(services, runs[0], shown) if shown else None,
        "last": runs[0] if runs else None,
        "last_state": state_of_run(runs[0]) if runs else None,
        "metrics": metric_tiles(flow, runs, metrics, _METRICS),
        "saved": services.tracking.saves(flow=flow, limit=1),
        "success": last,
    }
    return render(request, "flow.html", context)


@router.post("/flows/{flow}/trigger", dependencies=_editor)
async def trigger(request: Request, flow: str) -> Response:
    """Run it now."""
    services = services_of(request)
    form = await request.form()
    texts = {
        name.removeprefix("p."): value
        for name, value in form.items()
        if name.startswith("p.") and isinstance(value, str)
    }

    def start() -> str:
        record = services.tracking.flow(flow)
        spec = version_of(services, flow, record.digest).spec
        values = values_from(spec, texts)
        run = Flow(record, services.session).trigger(values, wait=False, quiet=True)
        return run.id

    return RedirectResponse(run_path(flow, await run_in_threadpool(start)), 303)


@router.post("/flows/{flow}/pause", dependencies=_editor)
def pause(request: Request, flow: str) -> Response:
    """Keep it from starting by itself, wherever it runs."""
    services = services_of(request)
    Flow(services.tracking.flow(flow), services.session).pause()
    return RedirectResponse(flow_path(flow), 303)


@router.post("/flows/{flow}/resume", dependencies=_editor)
def resume(request: Request, flow: str) -> Response:
    """Let it start by itself again."""
    services = services_of(request)
    Flow(services.tracking.flow(flow), services.session).resume()
    return RedirectResponse(flow_path(flow), 303)


def _why(services: Services, run: RunRecord, shown: dict[str, Any]) -> dict[str, Any] | None:
    """What failed first in a run, the last one of the grid, and with which words."""
    names = (row["name"] for row in shown["rows"] if row["cells"][-1] == "f")
    name = next(names, None)
    result = None if name is None else services.tracking.result(run.id, name, flow=run.flow)
    if name is None or result is None:
        return None
    error = result.error
    words = result.reason or "" if error is None else f"{error.type}: {error.message}"
    return {"name": name, "words": words, "href": run_path(run.flow, run.id, "operators", name)}


def _found(services: Services, flow: str) -> tuple[FlowRecord, list[VersionRecord]]:
    return services.tracking.flow(flow), services.tracking.versions(flow)
