"""PostgreSQL: reads by its Arrow driver, writes by COPY."""

from __future__ import annotations

from aqueduct_core.integrations.postgres._integration import PostgresIntegration

__all__ = ["PostgresIntegration"]
