"""Snowflake: results come in Arrow, rows go by files on a stage."""

from __future__ import annotations

from aqueduct_core.integrations.snowflake._integration import SnowflakeIntegration

__all__ = ["SnowflakeIntegration"]
