"""Tracking: what was published, what ran, how it went and what came out of it.

In a database: a file of SQLite by default, PostgreSQL or MariaDB where several machines share it.
Importing this brings SQLAlchemy along.
"""

from __future__ import annotations

from aqueduct_core.tracking._search import RunFilter
from aqueduct_core.tracking._tags import checked_tags
from aqueduct_core.tracking._tracking import Tracking, upgrade
from aqueduct_core.tracking._values import (
    ApiKey,
    ArtifactRecord,
    CheckPoint,
    Event,
    FlowRecord,
    IntegrationRecord,
    MetricPoint,
    Page,
    ResultRecord,
    RunRecord,
    SaveRecord,
    ScheduleRecord,
    VersionDetail,
    VersionRecord,
)

__all__ = [
    "ApiKey",
    "ArtifactRecord",
    "CheckPoint",
    "Event",
    "FlowRecord",
    "IntegrationRecord",
    "MetricPoint",
    "Page",
    "ResultRecord",
    "RunFilter",
    "RunRecord",
    "SaveRecord",
    "ScheduleRecord",
    "Tracking",
    "VersionDetail",
    "VersionRecord",
    "checked_tags",
    "upgrade",
]
