"""Server-sent events: what happens, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import Annotated

from fastapi import Header, Query, Request
from fastapi.responses import StreamingResponse

from aqueduct_core.errors import AqueductError
from aqueduct_core.server._services import Services
from aqueduct_core.server.api._route import Served, new_router
from aqueduct_core.tracking import Event

__all__ = ["router"]

router = new_router("events")
_TRUSTED = 5.0  # seconds for which who listens is not looked up again


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "A stream of events."}},
)
async def events(
    services: Served,
    request: Request,
    flow: Annotated[str | None, Query(description="Only those of this workflow.")] = None,
    run: Annotated[str | None, Query(description="Only those of this run.")] = None,
    after: Annotated[int | None, Query(ge=0, le=1 << 60, description="Go on after it.")] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """What happens, as server-sent events, until the caller goes.

    `id` grows; browsers that lose the connection go on after the last one that they saw. `event` is
    `flow`, `run` or `result`, and `data` is JSON with `flow`, `run`, `operator` and `state`.
    """
    if last_event_id is not None and last_event_id.isdecimal() and len(last_event_id) < 19:
        after = int(last_event_id)
    return StreamingResponse(
        _lines(services, request, after, flow, run),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _lines(
    services: Services, request: Request, after: int | None, flow: str | None, run: str | None
) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    known = monotonic()
    async with aclosing(services.live.watch(after)) as batches:
        async for batch in batches:
            if monotonic() - known >= _TRUSTED:
                if await _has_left(services, request):
                    return
                known = monotonic()
            wanted = [
                event for event in batch if flow in (None, event.flow) and run in (None, event.run)
            ]
            yield "".join(map(_lines_of, wanted)) or ": nothing new\n\n"


async def _has_left(services: Services, request: Request) -> bool:
    """Whether whoever listens has signed out meanwhile, or the key was revoked."""
    try:
        return await services.auth.who(request) is None
    except AqueductError:  # the database can't be reached now: it may be there the next time
        return False


def _lines_of(event: Event) -> str:
    data = {
        "id": event.id,
        "time": event.time.isoformat(),
        "kind": event.kind,
        "flow": event.flow,
        "run": event.run,
        "operator": event.operator,
        "state": event.state,
    }
    return f"id: {event.id}\nevent: {event.kind}\ndata: {json.dumps(data)}\n\n"
