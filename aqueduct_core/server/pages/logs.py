"""The whole log of an operator, in pages, and what is found in it."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._services import services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.api._logs import read_log
from aqueduct_core.server.pages._log_text import LogLine, log_lines, marked
from aqueduct_core.server.pages._reading import flow_path, run_path, version_of

__all__ = ["router"]

router = APIRouter()

_LINES = 500  # on a page
_MOST = 8 << 20  # bytes: more is never kept of a log


@router.get("/flows/{flow}/runs/{run}/logs/{name:path}")
def page(
    request: Request,
    flow: str,
    run: str,
    name: str,
    stream: Annotated[Literal["stdout", "stderr"], Query()] = "stdout",
    attempt: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    line: Annotated[int | None, Query(ge=1, le=1 << 40)] = None,
) -> Response:
    """A page of a log: the last one, the one with a line, or all lines with some words."""
    services = services_of(request)
    record = services.tracking.run(run, flow=flow)
    version = version_of(services, flow, record.version)
    if name not in version.ids:
        raise NotFoundError(f"there is no operator {name!r} in this run")
    storage = services.store.storage
    read = read_log(storage, version.ids[name], run, stream, attempt, limit=_MOST)
    lines = log_lines(read.data)
    pages = max(1, -(-len(lines) // _LINES))
    number = pages if line is None else min(pages, (line - 1) // _LINES + 1)
    first = (number - 1) * _LINES
    found = [place for place, text in enumerate(lines) if q.lower() in text.lower()] if q else []
    shown = found[:_LINES] if q else range(first, min(first + _LINES, len(lines)))
    path = run_path(flow, run, "logs", name)
    kept: dict[str, Any] = {"stream": stream} | ({"attempt": attempt} if attempt else {})

    def link(**more: Any) -> str:
        return f"{path}?{urlencode(kept | more)}"

    context = {
        "flow": services.tracking.flow(flow),
        "flow_path": flow_path(flow),
        "run": run,
        "run_path": run_path(flow, run),
        "name": name,
        "operator": run_path(flow, run, "operators", name),
        "path": path,
        "stream": stream,
        "attempt": read.attempt if attempt else None,
        "q": q,
        "line": line,
        "size": read.size,
        "all_lines": len(lines),
        "lines": [LogLine(place + 1, marked(lines[place], q)) for place in shown],
        "found": len(found),
        "page": number,
        "pages": pages,
        "newer": link(line=first + _LINES + 1) if number < pages and not q else None,
        "older": link(line=first - _LINES + 1) if number > 1 and not q else None,
        "whole": link(),
        "here": lambda place: f"{link(line=place)}#L{place}",
        "tabs": [
            {"name": item, "href": f"{path}?{urlencode(kept | {'stream': item})}", "icon": None}
            for item in ("stdout", "stderr")
        ],
        "download": f"/api/v1{run_path(flow, run, 'operators', name)}/logs/{stream}"
        f"?{urlencode({key: value for key, value in kept.items() if key != 'stream'} | {'limit': _MOST})}",
    }
    return render(request, "log.html", context)
