"""Server-sent events: what happens, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import Header, Query
from fastapi.responses import StreamingResponse

from aqueduct_core.server._live import Live
from aqueduct_core.server.api._route import Served, new_router
from aqueduct_core.tracking import Event

__all__ = ["router"]

router = new_router("events")


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "A stream of events."}},
)
async def events(
    services: Served,
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
        _lines(services.live, after, flow, run),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _lines(
    live: Live, after: int | None, flow: str | None, run: str | None
) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    async with aclosing(live.watch(after)) as batches:
        async for batch in batches:
            wanted = [
                event for event in batch if flow in (None, event.flow) and run in (None, event.run)
            ]
            yield "".join(map(_lines_of, wanted)) or ": nothing new\n\n"


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
