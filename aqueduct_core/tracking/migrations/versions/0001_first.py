"""The first tables.

A migration is never changed once it was released: what it says of the tables may differ from what
`_tables.py` says today.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from aqueduct_core.tracking._types import Document, Json, Number, Sealed, Time, Words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPTIONS: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
}


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(255), nullable=False),
        sa.Column("hash", sa.String(72), nullable=False),
        sa.Column("created", Time(), nullable=False),
        sa.Column("last_used", Time(), nullable=True),
        sa.Column("revoked", Time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="api_keys_pk"),
        **OPTIONS,
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("value", Number, nullable=False),
        sa.PrimaryKeyConstraint("name", name="counters_pk"),
        **OPTIONS,
    )
    op.create_table(
        "events",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("time", Time(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("flow", sa.String(36), nullable=True),
        sa.Column("run", sa.String(255), nullable=True),
        sa.Column("operator", sa.String(255), nullable=True),
        sa.Column("state", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("id", name="events_pk"),
        **OPTIONS,
    )
    op.create_table(
        "flows",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("description", Words(), nullable=False),
        sa.Column("engine", sa.String(255), nullable=False),
        sa.Column("digest", sa.String(100), nullable=False),
        sa.Column("after", sa.String(255), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("notify", Json(), nullable=True),
        sa.Column("keep_runs", sa.Integer(), nullable=True),
        sa.Column("created", Time(), nullable=False),
        sa.Column("published", Time(), nullable=False),
        sa.Column("last_run", sa.String(255), nullable=True),
        sa.Column("last_state", sa.String(16), nullable=True),
        sa.Column("last_started", Time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="flows_pk"),
        **OPTIONS,
    )
    op.create_index("flows_after", "flows", ["after"], unique=False)
    op.create_index("flows_by_last_run", "flows", ["last_started", "id"], unique=False)
    op.create_index("flows_by_name", "flows", ["name", "id"], unique=False)
    op.create_index("flows_by_state", "flows", ["last_state", "name", "id"], unique=False)
    op.create_table(
        "integrations",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(255), nullable=False),
        sa.Column("config", Json(), nullable=False),
        sa.Column("secrets", Sealed(), nullable=False),
        sa.Column("created", Time(), nullable=False),
        sa.Column("updated", Time(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="integrations_pk"),
        **OPTIONS,
    )
    op.create_table(
        "schedules",
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("spec", Json(), nullable=False),
        sa.Column("next_at", Time(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow"], ["flows.id"], name="schedules_flow_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("flow", name="schedules_pk"),
        **OPTIONS,
    )
    op.create_index("schedules_due", "schedules", ["next_at"], unique=False)
    op.create_table(
        "versions",
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("digest", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("published", Time(), nullable=False),
        sa.Column("operators", sa.Integer(), nullable=False),
        sa.Column("document", Json(), nullable=False),
        sa.ForeignKeyConstraint(
            ["flow"], ["flows.id"], name="versions_flow_fk", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("flow", "digest", name="one_version_per_digest"),
        sa.UniqueConstraint("flow", "number", name="one_version_per_number"),
        **OPTIONS,
    )
    op.create_table(
        "runs",
        sa.Column("number", Number, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("engine", sa.String(255), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started", Time(), nullable=False),
        sa.Column("ended", Time(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("parameters", Json(), nullable=False),
        sa.Column("trigger", sa.String(16), nullable=False),
        sa.Column("scheduled_for", Time(), nullable=True),
        sa.Column("owner", sa.String(255), nullable=True),
        sa.Column("heartbeat", Time(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("reason", Words(), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow", "version"],
            ["versions.flow", "versions.digest"],
            name="run_of_version",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["flow"], ["flows.id"], name="runs_flow_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name="runs_pk"),
        sa.UniqueConstraint("flow", "id", name="one_run_per_key"),
        **OPTIONS,
    )
    op.create_index("runs_by_key", "runs", ["id"], unique=False)
    op.create_index("runs_by_state", "runs", ["state", "started", "number"], unique=False)
    op.create_index("runs_by_version", "runs", ["flow", "version"], unique=False)
    op.create_index("runs_newest", "runs", ["started", "number"], unique=False)
    op.create_index("runs_of_flow", "runs", ["flow", "started", "number"], unique=False)
    op.create_index(
        "runs_of_flow_by_state", "runs", ["flow", "state", "started", "number"], unique=False
    )
    op.create_table(
        "ticks",
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("tick", Time(), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("claimed", Time(), nullable=False),
        sa.Column("run", sa.String(255), nullable=True),
        sa.ForeignKeyConstraint(
            ["flow"], ["schedules.flow"], name="ticks_flow_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("flow", "tick", name="ticks_pk"),
        **OPTIONS,
    )
    op.create_index("ticks_without_run", "ticks", ["run", "claimed"], unique=False)
    op.create_table(
        "artifacts",
        sa.Column("run", Number, nullable=False),
        sa.Column("operator", sa.String(36), nullable=False),
        sa.Column("output", sa.String(255), nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("name", sa.String(520), nullable=False),
        sa.Column("time", Time(), nullable=False),
        sa.Column("key", Words(), nullable=False),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("serializer", sa.String(255), nullable=False),
        sa.Column("size", Number, nullable=False),
        sa.Column("digest", sa.String(100), nullable=False),
        sa.Column("label", Words(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.number"], name="artifacts_run_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "operator", "output", name="artifacts_pk"),
        **OPTIONS,
    )
    op.create_index("artifacts_by_digest", "artifacts", ["digest", "time"], unique=False)
    op.create_index("artifacts_by_name", "artifacts", ["flow", "name", "time"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("run", Number, nullable=False),
        sa.Column("operator", sa.String(36), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started", Time(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("reason", Words(), nullable=True),
        sa.Column("cached", sa.String(255), nullable=True),
        sa.Column("document", Document(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.number"], name="attempts_run_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "operator", "attempt", name="attempts_pk"),
        **OPTIONS,
    )
    op.create_table(
        "checks",
        sa.Column("run", Number, nullable=False),
        sa.Column("operator", sa.String(36), nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("name", sa.String(520), nullable=False),
        sa.Column("time", Time(), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("reason", Words(), nullable=True),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="checks_run_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "operator", name="checks_pk"),
        **OPTIONS,
    )
    op.create_index("checks_by_name", "checks", ["flow", "name", "time"], unique=False)
    op.create_table(
        "metrics",
        sa.Column("run", Number, nullable=False),
        sa.Column("operator", sa.String(36), nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("name", sa.String(520), nullable=False),
        sa.Column("time", Time(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("special", sa.String(16), nullable=True),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.number"], name="metrics_run_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "operator", name="metrics_pk"),
        **OPTIONS,
    )
    op.create_index("metrics_by_name", "metrics", ["flow", "name", "time"], unique=False)
    op.create_table(
        "results",
        sa.Column("run", Number, nullable=False),
        sa.Column("operator", sa.String(36), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started", Time(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("reason", Words(), nullable=True),
        sa.Column("cached", sa.String(255), nullable=True),
        sa.Column("document", Document(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run"], ["runs.number"], name="results_run_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "operator", name="results_pk"),
        **OPTIONS,
    )
    op.create_index("results_by_origin", "results", ["cached"], unique=False)
    op.create_index("results_of_operator", "results", ["flow", "name", "started"], unique=False)
    op.create_table(
        "saves",
        sa.Column("run", Number, nullable=False),
        sa.Column("operator", sa.String(36), nullable=False),
        sa.Column("flow", sa.String(36), nullable=False),
        sa.Column("name", sa.String(520), nullable=False),
        sa.Column("time", Time(), nullable=False),
        sa.Column("integration", sa.String(255), nullable=False),
        sa.Column("target", sa.String(255), nullable=False),
        sa.Column("detail", Json(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.number"], name="saves_run_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "operator", name="saves_pk"),
        **OPTIONS,
    )
    op.create_index("saves_by_target", "saves", ["integration", "target", "time"], unique=False)
    op.create_index("saves_newest", "saves", ["time"], unique=False)
    op.create_index("saves_of_flow", "saves", ["flow", "time"], unique=False)
    op.create_index("saves_of_integration", "saves", ["integration", "time"], unique=False)

    op.bulk_insert(counters, [{"name": "events", "value": 0}])
