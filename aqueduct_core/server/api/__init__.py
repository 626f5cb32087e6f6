"""The REST API, version 1."""

from __future__ import annotations

from fastapi import APIRouter

from aqueduct_core.server.api import (
    _admin,
    _artifacts,
    _data,
    _events,
    _flows,
    _publish,
    _runs,
    _storage,
)

__all__ = ["router"]


def router() -> APIRouter:
    """All routes of the API."""
    made = APIRouter()
    # What has a longer path comes first: names can hold slashes.
    for module in (_artifacts, _runs, _flows, _publish, _data, _admin, _events, _storage):
        made.include_router(module.router)
    return made
