"""What the tracking database answers: plain values, as they were when they were read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

from aqueduct_core.dag import FlowSpec, Version
from aqueduct_core.reference import ArtifactRef

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
    "RunRecord",
    "SaveRecord",
    "ScheduleRecord",
    "VersionRecord",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Sequence[T], Generic[T]):
    """Some items of a list.

    Attributes:
        items: The items.
        cursor: Give it back for the items that follow; None when there are none.
    """

    items: tuple[T, ...]
    cursor: str | None = None

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRecord:
    """A workflow.

    Attributes:
        id: Its id, made of its name.
        name: Its name.
        description: A sentence for people.
        engine: `local`, or the integration that runs it.
        digest: The version that was published last.
        after: The name of the workflow whose success starts it.
        paused: Whether schedules leave it alone.
        notify: Who is told what, as it was given.
        keep_runs: How many finished runs are kept; None for all.
        created: When it was published first.
        published: When it was published last.
        last_run: The key of the newest run.
        last_state: The state of that run.
        last_started: When that run started.
        tags: What people find it by.
        schedule: When it runs by itself.
        next_at: When that is next, if a scheduler has planned it.
    """

    id: str
    name: str
    description: str
    engine: str
    digest: str
    after: str | None
    paused: bool
    notify: Mapping[str, Any] | None
    keep_runs: int | None
    created: datetime
    published: datetime
    last_run: str | None
    last_state: str | None
    last_started: datetime | None
    tags: Sequence[str]
    schedule: Mapping[str, Any] | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """A version of a workflow.

    Attributes:
        flow: The workflow's id.
        digest: The version's digest.
        number: Counts the workflow's versions from 1.
        published: When it was published first.
        operators: How many operators it has.
    """

    flow: str
    digest: str
    number: int
    published: datetime
    operators: int

    def __str__(self) -> str:
        digest = self.digest.partition(":")[2][:12]
        return f"version {self.number} ({digest}), {self.published:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetail(VersionRecord):
    """A version with its content.

    Attributes:
        version: The version itself, without anything of the user's in memory.
    """

    version: Version = field(repr=False)

    @property
    def spec(self) -> FlowSpec:
        """What it consists of."""
        return self.version.spec

    @property
    def ids(self) -> Mapping[str, str]:
        """The UUID of each operator, by name."""
        return self.version.ids


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run of a workflow.

    Attributes:
        id: The run key.
        flow: The workflow's id.
        version: Digest of the version that ran.
        engine: What runs it.
        state: `pending`, `running`, `succeeded`, `warning`, `failed`, `canceled` or `skipped`.
        started: When it started for the first time, or was put into a queue.
        ended: When it ended.
        seconds: How long it took; of a run that was retried, how long that took.
        parameters: The parameters that were given other values.
        trigger: `manual`, `schedule`, `after` or `retry`.
        scheduled_for: The moment of the schedule that it stands for.
        owner: The process that runs it, `host:pid`.
        heartbeat: When that process was last known to be alive.
        cancel_requested: Whether somebody wants it to end.
        reason: Why it ended as it did, in a sentence.
        resumed: When it went on last: it was retried, or its process had been killed.
    """

    id: str
    flow: str
    version: str
    engine: str
    state: str
    started: datetime
    ended: datetime | None
    seconds: float | None
    parameters: Mapping[str, Any]
    trigger: str
    scheduled_for: datetime | None
    owner: str | None
    heartbeat: datetime | None
    cancel_requested: bool
    reason: str | None
    resumed: datetime | None

    @property
    def since(self) -> datetime:
        """When it started, or went on last: `seconds` count from here."""
        return self.resumed or self.started

    @property
    def in_all(self) -> float | None:
        """Seconds from the first start to the end, of a run that went on and has ended."""
        if self.resumed is None or self.ended is None:
            return None
        return max((self.ended - self.started).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRecord:
    """How an operator went in one run: a line of its history.

    Attributes:
        run: The run key.
        operator: The operator's UUID.
        name: Its name.
        kind: `op`, `metric`, `check`, `query` or `save`.
        state: As in `Result`.
        attempt: Counts from 1.
        started: When it started.
        seconds: How long it took.
        reason: Why it was skipped or failed.
        cached: The key of the run that the outputs were taken from.
    """

    run: str
    operator: str
    name: str
    kind: str
    state: str
    attempt: int
    started: datetime
    seconds: float
    reason: str | None
    cached: str | None


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """An artifact of a run.

    Attributes:
        run: The run key.
        flow: The workflow's id.
        name: Its name in the workflow.
        operator: The UUID of the operator that made it.
        output: Which of its outputs.
        time: When the operator started.
        ref: The reference to what is stored.
    """

    run: str
    flow: str
    name: str
    operator: str
    output: str
    time: datetime
    ref: ArtifactRef


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """The value of a metric in one run."""

    run: str
    name: str
    time: datetime
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPoint:
    """What a check found in one run; `passed` is None if it came to no verdict."""

    run: str
    name: str
    time: datetime
    severity: str
    passed: bool | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveRecord:
    """What a run wrote into a data system.

    Attributes:
        run: The run key.
        flow: The workflow's id.
        name: The operator's name.
        time: When the operator started.
        integration: The data system.
        target: The table or object.
        detail: What the integration says about it.
    """

    run: str
    flow: str
    name: str
    time: datetime
    integration: str
    target: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationRecord:
    """A data system or engine.

    Attributes:
        name: What the user calls it.
        kind: What it is.
        config: What may be shown.
        secrets: What may not; empty in lists.
        created: When it was connected.
        updated: When it was changed last.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key, without the key."""

    id: str
    name: str
    role: str
    created: datetime
    last_used: datetime | None
    revoked: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRecord:
    """When a workflow runs by itself.

    Attributes:
        flow: The workflow's id.
        name: The workflow's name.
        spec: The schedule's fields and its `kind`.
        next_at: The next moment; None as long as no scheduler has planned it.
    """

    flow: str
    name: str
    spec: Mapping[str, Any]
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        id: Grows from event to event, in the order in which they can be seen.
        time: When it was recorded.
        kind: `flow`, `run` or `result`.
        flow: The workflow's id.
        run: The run key.
        operator: The operator's name.
        state: What it is from now on: a run's or operator's state; `published`, `paused`,
            `resumed` or `deleted` for a workflow.
    """

    id: int
    time: datetime
    kind: str
    flow: str | None
    run: str | None
    operator: str | None
    state: str | None
