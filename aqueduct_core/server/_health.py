"""For whoever looks after the server: is it alive, can it work, how busy is it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse

from aqueduct_core.server._auth import User, require
from aqueduct_core.server._services import services_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)
_RUNNING = 1000  # more than so many are counted as so many


@router.get("/healthz", response_class=PlainTextResponse)
async def health() -> str:
    """The process answers."""
    return "ok\n"


@router.get("/readyz", response_class=PlainTextResponse)
def readiness(request: Request) -> str:
    """Database and store answer as well; raises what they say if they don't."""
    services = services_of(request)
    services.tracking.last_event()
    services.store.storage.stat("flows/readiness")
    return "ok\n"


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request, user: Annotated[User, Depends(require())]) -> str:
    """Metrics in the text format of Prometheus."""
    services = services_of(request)
    running = services.tracking.runs(states=["running"], limit=_RUNNING)
    waiting = services.tracking.runs(states=["pending"], limit=_RUNNING)
    gauges = {
        "aqueduct_runs_running": ("Runs that are going on.", len(running)),
        "aqueduct_runs_pending": ("Runs that wait to start.", len(waiting)),
        "aqueduct_last_event": ("Grows with every change.", services.tracking.last_event()),
    }
    return services.metrics.text({name: (told, float(n)) for name, (told, n) in gauges.items()})
