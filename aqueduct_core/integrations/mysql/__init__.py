"""MySQL and MariaDB: reads by prepared statements, writes by LOAD DATA."""

from __future__ import annotations

from aqueduct_core.integrations.mysql._integration import MariadbIntegration, MysqlIntegration

__all__ = ["MariadbIntegration", "MysqlIntegration"]
