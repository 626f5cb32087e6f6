"""The REST API, version 1."""

from __future__ import annotations

from fastapi import APIRouter

from aqueduct_core.server.api import _admin, _artifacts, _events, _flows, _runs

__all__ = ["router"]


def router() -> APIRouter:
    """All routes of the API."""
    made = APIRouter()
    # What has a longer path comes first: names can hold slashes.
    for module in (_artifacts, _runs, _flows, _admin, _events):
        made.include_router(module.router)
    return made
