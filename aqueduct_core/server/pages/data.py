"""What workflows have made: tables in data systems and artifacts, by whom, when last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.draw import Point, plot
from aqueduct_core.server.pages._reading import flow_path, integration_path, run_path
from aqueduct_core.server.pages._shapes import shapes_of
from aqueduct_core.server.pages._words import number, short_run
from aqueduct_core.tracking import SaveRecord

__all__ = ["router"]

router = APIRouter()

_PLACES = 100
_SAVES = 60
_FLOWS = 40
_ARTIFACTS = 150
_TABS = (
    {"name": "Saved", "href": "/data", "icon": "save"},
    {"name": "Artifacts", "href": "/data?view=artifacts", "icon": "collection"},
)

Text = Annotated[str, Query(max_length=600)]


@router.get("/data")
def page(
    request: Request,
    q: Annotated[str, Query(max_length=200)] = "",
    integration: Text | None = None,
    target: Text | None = None,
    view: Annotated[Literal["saved", "artifacts"], Query()] = "saved",
) -> Response:
    """All tables and objects, or the history of one; or the artifacts of the newest runs."""
    services = services_of(request)
    if integration is not None and target is not None:
        return _one(request, services, integration, target)
    if view == "artifacts":
        return _artifacts(request, services, q)
    places = services.tracking.last_saves(limit=_PLACES)
    names = services.tracking.flow_names([last.flow for last, _ in places])
    rows = [
        _row(last, names) | {"times": times}
        for last, times in places
        if integration in (None, last.integration)
        and q.lower() in f"{last.integration}\n{last.target}".lower()
    ]
    context = {
        "rows": rows, "q": q, "is_filtered": bool(q or integration), "integration": integration,
        "is_cut": len(places) == _PLACES, "tabs": _TABS, "tab": "Saved",
    }  # fmt: skip
    return render(request, "data.html", context)


def _artifacts(request: Request, services: Services, q: str) -> Response:
    """What the newest run of each workflow made that is more than a number or a verdict."""
    tracking = services.tracking
    flows = list(tracking.flows(order="last_run", limit=_FLOWS))
    made = defaultdict(list)
    for record in tracking.newest_artifacts([flow.id for flow in flows]):
        made[record.flow].append(record)
    found = [
        (flow, record)
        for flow in flows
        for record in made[flow.id]
        if record.ref.type not in ("numeric", "bool")
        and q.lower() in f"{record.name}\n{flow.name}\n{record.ref.type}".lower()
    ]
    shown = found[:_ARTIFACTS]
    shapes = shapes_of(services, (record.ref for _, record in shown))
    context = {
        "rows": [
            {
                "record": record,
                "flow": flow.name,
                "flow_href": flow_path(flow.id),
                "href": run_path(flow.id, record.run, "artifacts", record.name),
                "shape": shapes[record.ref.key],
            }
            for flow, record in shown
        ],
        "q": q,
        "more": len(found) - len(shown),
        "flows": len(flows),
        "tabs": _TABS,
        "tab": "Artifacts",
    }
    return render(request, "data_artifacts.html", context)


def _one(request: Request, services: Services, integration: str, target: str) -> Response:
    found = services.tracking.saves(integration=integration, target=target, limit=_SAVES)
    if not found:
        raise NotFoundError(f"nothing was saved as {target!r} into {integration!r}")
    names = services.tracking.flow_names([item.flow for item in found])
    known = {item.name for item in services.tracking.integrations()}
    points = [
        Point(_rows_of(item), item.time,
              f"{number(_rows_of(item))} rows by run {short_run(item.run)}",
              run_path(item.flow, item.run))
        for item in reversed(found)
    ]  # fmt: skip
    writers = sorted({(item.flow, item.name) for item in found})
    context = {
        "integration": integration,
        "target": target,
        "tables_path": f"{integration_path(integration)}?{urlencode({'table': target})}"
        if integration in known
        else None,
        "writers": [
            {"flow": names[flow], "href": flow_path(flow), "operator": name}
            for flow, name in writers
        ],
        "plot": plot(points, label=f"Rows written to {target}", width=1000)
        if len(found) > 1
        else "",
        "rows": [_row(item, names) for item in found],
    }
    return render(request, "data_table.html", context)


def _row(item: SaveRecord, names: dict[str, str]) -> dict[str, Any]:
    place = {"integration": item.integration, "target": item.target}
    return {
        "save": item,
        "href": f"/data?{urlencode(place)}",
        "system_href": integration_path(item.integration),
        "flow": names[item.flow],
        "flow_href": flow_path(item.flow),
        "run_href": run_path(item.flow, item.run),
        "operator_href": run_path(item.flow, item.run, "operators", item.name),
        "rows": _rows_of(item),
        "mode": str(item.detail.get("mode", "")),
        "artifact": _artifact(item),
    }


def _rows_of(item: SaveRecord) -> int | None:
    rows = item.detail.get("rows")
    return rows if isinstance(rows, int) else None


def _artifact(item: SaveRecord) -> Sequence[tuple[str, str]]:
    """What else the integration says of what it wrote."""
    return [
        (name, str(value))
        for name, value in item.detail.items()
        if name not in ("table", "path", "rows", "mode")
    ]
