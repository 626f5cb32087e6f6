"""The web UI: a query, a plain dict, a template.

A page is a module of this folder with an `APIRouter` called `router`, listed in `_PAGES` below. Its
functions ask `services_of(request)` (tracking lists, `services.store.manifest`; nothing is ever
loaded), make a plain dict, and return `render(request, "name.html", dict)`. All need somebody with
at least the role viewer; what changes something says `dependencies=[Depends(require("editor"))]`,
answers a POST with a redirect (303), and its form has `{{ ui.csrf() }}` or is a `ui.post(...)`.

A template begins with `{% extends "base.html" %}`, fills the blocks `title`, `head` (style sheets and
scripts of its own, by `static(path)`) and `main`, and puts its parts together from `_ui.html`, which
is there as `ui`, and the filters of `_words.py`. Pictures of numbers come from `server/draw`. Style
and script stand in files only: the Content-Security-Policy allows no `style=` and no inline script.
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse

from aqueduct_core.dag import flow_id
from aqueduct_core.server._auth import require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import environment
from aqueduct_core.server.pages._reading import flow_path
from aqueduct_core.server.pages._words import FILTERS
from aqueduct_core.server.pages.artifact import router as artifact
from aqueduct_core.server.pages.check import router as check
from aqueduct_core.server.pages.compare import router as compare
from aqueduct_core.server.pages.connect import router as connect
from aqueduct_core.server.pages.data import router as data
from aqueduct_core.server.pages.flow import router as flow
from aqueduct_core.server.pages.flow_metrics import router as flow_metrics
from aqueduct_core.server.pages.flow_runs import router as flow_runs
from aqueduct_core.server.pages.flow_settings import router as flow_settings
from aqueduct_core.server.pages.flows import router as flows
from aqueduct_core.server.pages.integrations import router as integrations
from aqueduct_core.server.pages.logs import router as logs
from aqueduct_core.server.pages.metric import router as metric
from aqueduct_core.server.pages.operator import router as operator
from aqueduct_core.server.pages.run import router as run
from aqueduct_core.server.pages.settings import router as settings
from aqueduct_core.server.pages.versions import router as versions

__all__ = ["router"]

_PAGES = (
    flows,
    flow,
    flow_runs,
    flow_metrics,
    flow_settings,
    versions,
    run,
    compare,
    operator,
    artifact,
    logs,
    metric,
    check,
    data,
    integrations,
    connect,
    settings,
)


async def _note_event(request: Request) -> None:
    """Note the last event before the page is made: what happens from then on, its script is told."""
    services = services_of(request)
    request.state.last_event = await services.auth.aside(services.tracking.last_event)


def router(services: Services) -> APIRouter:
    """All pages."""
    environment().filters.update(FILTERS)
    environment().filters["flow_href"] = lambda name: flow_path(flow_id(name))
    found = APIRouter(include_in_schema=False)
    for page in _PAGES:
        found.include_router(page, dependencies=[Depends(require()), Depends(_note_event)])

    @found.get("/", dependencies=[Depends(require())])
    def home() -> RedirectResponse:
        return RedirectResponse("/flows", 303)

    return found
