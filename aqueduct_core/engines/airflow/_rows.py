"""Runs and tasks as Airflow's API tells of them: what is missing is None, what is new is ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["ENDED", "DagRun", "TaskInstance", "moment"]

ENDED = ("success", "failed")  # the states of runs that have come to an end


@dataclass(frozen=True, slots=True)
class DagRun:
    """A run of a DAG.

    Attributes:
        dag: The DAG's id.
        id: The run's id in Airflow.
        state: `queued`, `running`, `success` or `failed`.
        kind: `manual`, `scheduled`, `backfill`, `asset_triggered`, ...
        conf: What it was started with.
        due: The moment that it stands for: when it was to start.
        started: When it left the queue.
        ended: When it ended.
    """

    dag: str
    id: str
    state: str
    kind: str
    conf: Mapping[str, Any]
    due: datetime | None
    started: datetime | None
    ended: datetime | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> DagRun:
        """Read from a row of the API."""
        due = row.get("run_after") or row.get("data_interval_end") or row.get("logical_date")
        conf = row.get("conf")
        return cls(
            dag=str(row["dag_id"]),
            id=str(row.get("dag_run_id") or row["run_id"]),
            state=str(row.get("state") or "queued"),
            kind=str(row.get("run_type") or "manual"),
            conf=conf if isinstance(conf, Mapping) else {},
            due=moment(due) or moment(row.get("queued_at")),
            started=moment(row.get("start_date")),
            ended=moment(row.get("end_date")),
        )

    @property
    def has_ended(self) -> bool:
        """Whether it has come to an end; what was cleared goes on."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """A task in a run.

    Attributes:
        dag: The DAG's id.
        run: The run's id in Airflow.
        task: The task's id.
        state: What Airflow says; None before it was looked at.
        attempt: How often it was started.
        started: When it was started last.
        ended: When it ended.
        host: Where it ran.
        pool: Whose slots it takes.
        queue: The workers that it is for.
    """

    dag: str
    run: str
    task: str
    state: str | None
    attempt: int
    started: datetime | None
    ended: datetime | None
    host: str
    pool: str
    queue: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> TaskInstance:
        """Read from a row of the API."""
        state = row.get("state")
        return cls(
            dag=str(row["dag_id"]),
            run=str(row.get("dag_run_id") or row["run_id"]),
            task=str(row["task_id"]),
            state=None if state in (None, "none", "no_status") else str(state),
            attempt=int(row.get("try_number") or 0),
            started=moment(row.get("start_date")),
            ended=moment(row.get("end_date")),
            host=str(row.get("hostname") or ""),
            pool=str(row.get("pool") or "default_pool"),
            queue=str(row.get("queue") or "default"),
        )


def moment(text: Any) -> datetime | None:
    """A moment in UTC; None if there is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
