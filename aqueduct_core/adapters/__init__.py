"""Bridges into other tools: artifacts in places where those keep their own."""

from __future__ import annotations

from aqueduct_core.adapters._common import open_store

__all__ = ["open_store"]
