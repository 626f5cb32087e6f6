"""When a workflow runs, how long its runs are kept, who is told; and the way to delete it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from aqueduct_core.client._delete import apply_retention
from aqueduct_core.client._engines import tag
from aqueduct_core.errors import ParameterError
from aqueduct_core.notifications import KINDS, LEVELS
from aqueduct_core.server._auth import require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.pages._flow import head_of
from aqueduct_core.server.pages._reading import flow_path
from aqueduct_core.tracking import FlowRecord

__all__ = ["router"]

router = APIRouter()
_editor = [Depends(require("editor"))]
_MOST = 1_000_000


@router.get("/flows/{flow}/settings")
def page(request: Request, flow: str) -> Response:
    """All settings."""
    services = services_of(request)
    record = services.tracking.flow(flow)
    context = head_of(services, record, len(services.tracking.versions(flow))) | {
        "tab": "Settings",
        "followers": services.tracking.followers(record.name),
        "saved": services.tracking.saved_objects(flow),
        "told": _told(services, record),
        "levels": LEVELS,
    }
    return render(request, "flow_settings.html", context)


@router.post("/flows/{flow}/retention", dependencies=_editor)
def retention(
    request: Request, flow: str, keep: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Keep so many finished runs; those beyond are deleted at once, with their data."""
    services = services_of(request)
    text = keep.strip()
    if text and not (text.isdecimal() and 1 <= int(text) <= _MOST):
        raise ParameterError(
            f"{text!r} runs can't be kept", hint="a whole number from 1, or nothing"
        )
    services.tracking.keep_runs(flow, int(text) if text else None)
    apply_retention(services.session, flow)
    return RedirectResponse(flow_path(flow, "settings"), 303)


@router.post("/flows/{flow}/tags", dependencies=_editor)
def tags(request: Request, flow: str, tags: Annotated[str, Form(max_length=6000)] = "") -> Response:
    """Give it these tags, with commas between them."""
    named = [tag for tag in tags.split(",") if tag.strip()]
    services = services_of(request)
    tag(services.session, services.tracking.flow(flow), named)
    return RedirectResponse(flow_path(flow, "settings"), 303)


@router.post("/flows/{flow}/notify", dependencies=_editor)
async def notify(request: Request, flow: str) -> Response:
    """Say who is told; whoever isn't named is told as it was connected."""
    form = await request.form()
    levels = {
        name.removeprefix("n."): level
        for name, level in form.items()
        if name.startswith("n.") and isinstance(level, str) and level
    }
    for name, level in levels.items():
        if level not in LEVELS:
            raise ParameterError(f"{name!r} can't be told {level!r}", hint=", ".join(LEVELS))
    services = services_of(request)
    await run_in_threadpool(services.tracking.notify, flow, levels or None)
    return RedirectResponse(flow_path(flow, "settings"), 303)


@router.post("/flows/{flow}/delete", dependencies=_editor)
async def delete(request: Request, flow: str) -> Response:
    """Delete it, with its runs and their data; and the tables that were ticked."""
    services = services_of(request)
    form = await request.form()
    ticked = {value for value in form.getlist("saved") if isinstance(value, str)}

    def remove() -> None:
        record = services.tracking.flow(flow)
        chosen = [
            pair for pair in services.tracking.saved_objects(flow) if "\n".join(pair) in ticked
        ]
        services.client.delete_flow(record.name, saved_objects=chosen)

    await run_in_threadpool(remove)
    return RedirectResponse("/flows", 303)


def _told(services: Services, flow: FlowRecord) -> list[dict[str, Any]]:
    """Who can be told, and from which end of a run on each is."""
    own = dict(flow.notify or {})
    return [
        {
            "name": item.name,
            "kind": item.kind,
            "own": own.get(item.name, ""),
            "usual": item.config.get("level", "error"),
        }
        for item in services.tracking.integrations()
        if item.kind in KINDS
    ]
