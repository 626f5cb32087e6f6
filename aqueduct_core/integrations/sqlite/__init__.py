"""SQLite, through its Arrow driver."""

from __future__ import annotations

from aqueduct_core.integrations.sqlite._integration import SqliteIntegration

__all__ = ["SqliteIntegration"]
