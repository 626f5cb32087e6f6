"""The REST API, version 1."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["router"]


def router() -> APIRouter:
    """All routes of the API."""
    return APIRouter(prefix="/api/v1")
