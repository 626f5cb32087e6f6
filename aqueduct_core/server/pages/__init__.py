"""The web UI: a query, a plain dict, a template."""

from __future__ import annotations

from fastapi import APIRouter

from aqueduct_core.server._services import Services

__all__ = ["router"]


def router(services: Services) -> APIRouter:
    """All pages."""
    return APIRouter(include_in_schema=False)
