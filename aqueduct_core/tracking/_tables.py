"""The tables of the tracking database.

A run has a number of its own, since run keys come from engines and two flows may use the same one.
Each index is there for one list that somebody looks at; docs/tracking.md says which.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)

from aqueduct_core.tracking._types import Document, Json, Name, Number, Sealed, Tags, Time, Words

__all__ = [
    "OF_A_RESULT",
    "api_keys",
    "artifacts",
    "attempts",
    "checks",
    "counters",
    "events",
    "flows",
    "integrations",
    "metadata",
    "metrics",
    "results",
    "runs",
    "saves",
    "schedules",
    "ticks",
    "versions",
]

# Names of our own, which migrations can refer to on all databases.
metadata = MetaData(
    naming_convention={"fk": "%(table_name)s_%(column_0_name)s_fk", "pk": "%(table_name)s_pk"}
)

ID = 36  # a UUID
STATE = 16
DIGEST = 100
ARTIFACT = 520  # operator and output


def _flow() -> Column[str]:
    return Column("flow", Name(ID), ForeignKey("flows.id", ondelete="CASCADE"), nullable=False)


def _run() -> Column[int]:
    return Column("run", Number, ForeignKey("runs.number", ondelete="CASCADE"), primary_key=True)


flows = Table(
    "flows",
    metadata,
    Column("id", Name(ID), primary_key=True),
    Column("name", Name(), nullable=False),
    Column("description", Words, nullable=False),
    Column("engine", Name(), nullable=False),
    Column("digest", Name(DIGEST), nullable=False),
    Column("after", Name()),
    Column("paused", Boolean, nullable=False),
    Column("notify", Json),
    Column("keep_runs", Integer),
    Column("created", Time, nullable=False),
    Column("published", Time, nullable=False),
    Column("last_run", Name()),
    Column("last_state", Name(STATE)),
    Column("last_started", Time),
    Column("tags", Tags),
    Index("flows_by_name", "name", "id"),
    Index("flows_by_last_run", "last_started", "id"),
    Index("flows_by_state", "last_state", "name", "id"),
    Index("flows_after", "after"),
)

versions = Table(
    "versions",
    metadata,
    _flow(),
    Column("digest", Name(DIGEST), nullable=False),
    Column("number", Integer, nullable=False),
    Column("published", Time, nullable=False),
    Column("operators", Integer, nullable=False),
    Column("document", Json, nullable=False),
    UniqueConstraint("flow", "digest", name="one_version_per_digest"),
    UniqueConstraint("flow", "number", name="one_version_per_number"),
)

runs = Table(
    "runs",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Name(), nullable=False),
    _flow(),
    Column("version", Name(DIGEST), nullable=False),
    Column("engine", Name(), nullable=False),
    Column("state", Name(STATE), nullable=False),
    Column("started", Time, nullable=False),
    Column("ended", Time),
    Column("seconds", Double),
    Column("parameters", Json, nullable=False),
    Column("trigger", Name(STATE), nullable=False),
    Column("scheduled_for", Time),
    Column("owner", Name()),
    Column("heartbeat", Time),
    Column("cancel_requested", Boolean, nullable=False),
    Column("reason", Words),
    Column("resumed", Time),
    UniqueConstraint("flow", "id", name="one_run_per_key"),
    ForeignKeyConstraint(
        ["flow", "version"],
        ["versions.flow", "versions.digest"],
        name="run_of_version",
        ondelete="CASCADE",
    ),
    Index("runs_by_key", "id"),
    Index("runs_by_version", "flow", "version"),
    Index("runs_newest", "started", "number"),
    Index("runs_of_flow", "flow", "started", "number"),
    Index("runs_by_state", "state", "started", "number"),
    Index("runs_of_flow_by_state", "flow", "state", "started", "number"),
)


OF_A_RESULT = (
    "run", "operator", "flow", "name", "kind", "position", "state", "attempt", "started",
    "seconds", "reason", "cached", "document",
)  # fmt: skip


def _result() -> list[Column[Any]]:
    return [
        Column("flow", Name(ID), nullable=False),
        Column("name", Name(), nullable=False),
        Column("kind", Name(STATE), nullable=False),
        Column("position", Integer, nullable=False),
        Column("state", Name(STATE), nullable=False),
        Column("started", Time, nullable=False),
        Column("seconds", Double, nullable=False),
        Column("reason", Words),
        Column("cached", Name()),
        Column("document", Document, nullable=False),
    ]


results = Table(
    "results",
    metadata,
    _run(),
    Column("operator", Name(ID), primary_key=True),
    Column("attempt", Integer, nullable=False),
    *_result(),
    Index("results_of_operator", "flow", "name", "started"),
    Index("results_by_origin", "cached"),
)

attempts = Table(
    "attempts",
    metadata,
    _run(),
    Column("operator", Name(ID), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    *_result(),
)


def _fact() -> list[Column[Any]]:
    """What every fact that comes out of a result says."""
    return [
        Column("flow", Name(ID), nullable=False),
        Column("name", Name(ARTIFACT), nullable=False),
        Column("time", Time, nullable=False),
    ]


artifacts = Table(
    "artifacts",
    metadata,
    _run(),
    Column("operator", Name(ID), primary_key=True),
    Column("output", Name(), primary_key=True),
    *_fact(),
    Column("key", Words, nullable=False),
    Column("type", Name(), nullable=False),
    Column("serializer", Name(), nullable=False),
    Column("size", Number, nullable=False),
    Column("digest", Name(DIGEST), nullable=False),
    Column("label", Words),
    Index("artifacts_by_name", "flow", "name", "time"),
    Index("artifacts_by_digest", "digest", "time"),
)

metrics = Table(
    "metrics",
    metadata,
    _run(),
    Column("operator", Name(ID), primary_key=True),
    *_fact(),
    Column("value", Double),
    Column("special", Name(STATE)),  # nan, inf and -inf, which no database takes everywhere
    Index("metrics_by_name", "flow", "name", "time"),
)

checks = Table(
    "checks",
    metadata,
    _run(),
    Column("operator", Name(ID), primary_key=True),
    *_fact(),
    Column("severity", Name(STATE), nullable=False),
    Column("passed", Boolean),
    Column("reason", Words),
    Index("checks_by_name", "flow", "name", "time"),
)

saves = Table(
    "saves",
    metadata,
    _run(),
    Column("operator", Name(ID), primary_key=True),
    *_fact(),
    Column("integration", Name(), nullable=False),
    Column("target", Name(), nullable=False),
    Column("detail", Json, nullable=False),
    Index("saves_newest", "time"),
    Index("saves_of_flow", "flow", "time"),
    Index("saves_of_integration", "integration", "time"),
    Index("saves_by_target", "integration", "target", "time"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("flow", Name(ID), ForeignKey("flows.id", ondelete="CASCADE"), primary_key=True),
    Column("spec", Json, nullable=False),
    Column("next_at", Time),
    Index("schedules_due", "next_at"),
)

# One row for each moment that a schedule came true: who inserts it may start the run.
ticks = Table(
    "ticks",
    metadata,
    Column("flow", Name(ID), ForeignKey("schedules.flow", ondelete="CASCADE"), primary_key=True),
    Column("tick", Time, primary_key=True),
    Column("owner", Name(), nullable=False),
    Column("claimed", Time, nullable=False),
    Column("run", Name()),
    Index("ticks_without_run", "run", "claimed"),
)

integrations = Table(
    "integrations",
    metadata,
    Column("name", Name(), primary_key=True),
    Column("kind", Name(), nullable=False),
    Column("config", Json, nullable=False),
    Column("secrets", Sealed, nullable=False),
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Name(ID), primary_key=True),
    Column("name", Name(), nullable=False),
    Column("role", Name(), nullable=False),
    Column("hash", Name(ID * 2), nullable=False),
    Column("created", Time, nullable=False),
    Column("last_used", Time),
    Column("revoked", Time),
)

# No foreign keys: the feed tells of what was deleted, too.
events = Table(
    "events",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("time", Time, nullable=False),
    Column("kind", Name(STATE), nullable=False),
    Column("flow", Name(ID)),
    Column("run", Name()),
    Column("operator", Name()),
    Column("state", Name(STATE)),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Name(), primary_key=True),
    Column("value", Number, nullable=False),
)
