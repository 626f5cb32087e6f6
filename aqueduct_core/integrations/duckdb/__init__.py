"""DuckDB, by its own Arrow interface."""

from __future__ import annotations

from aqueduct_core.integrations.duckdb._integration import DuckdbIntegration

__all__ = ["DuckdbIntegration"]
