"""Databases through SQLAlchemy: any URL, and the dialects that have a kind of their own."""

from __future__ import annotations

from aqueduct_core.integrations.alchemy._integration import AlchemyIntegration

__all__ = ["AlchemyIntegration"]
