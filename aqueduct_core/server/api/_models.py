"""What the API answers, and takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from aqueduct_core.server._auth import Role

T = TypeVar("T")
State = Literal["pending", "running", "succeeded", "warning", "failed", "canceled", "skipped"]


class Model(BaseModel):
    """A record, read off the attributes of ours."""

    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    error: str | None = Field(None, description="The name of the exception.")
    request_id: str = ""


class Page(Model, Generic[T]):
    """Some items of a list."""

    items: list[T]
    cursor: str | None = Field(None, description="Give it back for the items that follow.")


class Me(Model):
    """Whose key it is."""

    id: str
    name: str
    role: Role


class Flow(Model):
    """A workflow."""

    id: str
    name: str
    description: str
    engine: str
    digest: str = Field(description="The version that was published last.")
    after: str | None = Field(description="The workflow whose success starts it.")
    paused: bool
    notify: dict[str, Any] | None
    keep_runs: int | None
    created: datetime
    published: datetime
    last_run: str | None
    last_state: State | None
    last_started: datetime | None
    tags: list[str] = Field(description="What people find it by.")
    schedule: dict[str, Any] | None
    next_at: datetime | None


class Version(Model):
    """A version of a workflow."""

    flow: str
    digest: str
    number: int
    published: datetime
    operators: int = Field(description="How many operators it has.")


class VersionDetail(Version):
    """A version with its content."""

    document: dict[str, Any] = Field(description="As docs/spec.md says.")


class Run(Model):
    """A run of a workflow."""

    id: str
    flow: str
    version: str
    engine: str
    state: State
    started: datetime = Field(description="When it started for the first time.")
    ended: datetime | None
    seconds: float | None
    parameters: dict[str, Any] = Field(description="The parameters that had other values.")
    trigger: str
    scheduled_for: datetime | None
    owner: str | None
    heartbeat: datetime | None
    cancel_requested: bool
    reason: str | None
    resumed: datetime | None = Field(
        description="When it went on last, after a retry: `seconds` count from here."
    )


class Ref(Model):
    """Names a stored artifact."""

    key: str
    type: str
    serializer: str
    size: int
    digest: str
    name: str | None


class Result(Model):
    """How an operator went in a run."""

    format: int
    operator: str = Field(description="The operator's UUID.")
    name: str
    kind: str
    run: str
    state: State
    attempt: int
    started: str
    seconds: dict[str, float] = Field(description="How long each phase took.")
    outputs: dict[str, Ref]
    inputs: dict[str, str]
    reason: str | None
    error: dict[str, Any] | None = Field(description="What it raised, with the stack.")
    severity: str | None
    passed: bool | None
    value: float | str | None = Field(description="A metric's number; `nan`, `inf` as text.")
    detail: dict[str, Any]
    environment: dict[str, Any]
    peak_memory: int | None
    logs: dict[str, str]
    cached: str | None


class HistoryItem(Model):
    """How an operator went in one of the runs."""

    run: str
    operator: str
    name: str
    kind: str
    state: State
    attempt: int
    started: datetime
    seconds: float
    reason: str | None
    cached: str | None


class Artifact(Model):
    """An artifact of a run."""

    run: str
    flow: str
    name: str
    operator: str
    output: str
    time: datetime
    ref: Ref


class ArtifactDetail(Artifact):
    """An artifact with what was written down about it when it was stored; nothing is loaded."""

    created: str
    safe: bool = Field(description="Whether loading it runs no code.")
    description: dict[str, Any] = Field(description="Schema, statistics and preview.")
    lineage: dict[str, Any]
    parts: dict[str, int] = Field(description="The bytes of each part that can be downloaded.")


class Metric(Model):
    """The value of a metric in one run."""

    run: str
    name: str
    time: datetime
    value: float | str = Field(description="A number; `nan`, `inf` and `-inf` as text.")


class Check(Model):
    """What a check found in one run."""

    run: str
    name: str
    time: datetime
    severity: str
    passed: bool | None
    reason: str | None


class Save(Model):
    """What a run wrote into a data system."""

    run: str
    flow: str
    name: str
    time: datetime
    integration: str
    target: str
    detail: dict[str, Any]


class Integration(Model):
    """A data system, without its secrets."""

    name: str
    kind: str
    config: dict[str, Any]
    created: datetime
    updated: datetime
    used_by: list[str] = Field([], description="The workflows that use it.")
    holds: Literal["tables", "files"] | None = Field(None, description="What can be read of it.")


class Column(Model):
    """A column of a table."""

    name: str
    type: str
    nullable: bool


class Table(Model):
    """What a table is."""

    name: str
    columns: list[Column]
    rows: int | None = Field(description="As the database estimates, without counting.")


class Key(Model):
    """An API key, without the key."""

    id: str
    name: str
    role: str
    created: datetime
    last_used: datetime | None
    revoked: datetime | None


class NewKey(Key):
    """An API key that was just made."""

    key: str = Field(description="The key itself, which is shown only now.")


class SavedObject(Model):
    """A table or object that a workflow has written to."""

    integration: str
    target: str


class Left(Model):
    """What could not be deleted."""

    what: str
    why: str


class Deletion(Model):
    """What became of deleting a workflow."""

    flow: str
    runs: int
    dropped: list[SavedObject]
    left: list[Left]
    followers: list[str] = Field(description="What ran after it, and won't start by itself.")


class Object(Model):
    """Stored bytes."""

    key: str
    size: int
    modified: float = Field(description="Seconds since 1970.")


class Publication(BaseModel):
    """A version that shall be published; its functions are stored by now."""

    model_config = ConfigDict(extra="forbid")

    document: dict[str, Any] = Field(description="As docs/spec.md says.")
    notify: dict[str, Literal["success", "warning", "error", "never"]] | None = None
    keep_runs: int | None = Field(None, ge=1, le=1_000_000_000)
    tags: list[str] = Field([], description="What people find it by; no part of the version.")


class Published(Model):
    """A workflow that was published."""

    flow: Flow
    is_new: bool = Field(description="Whether the version is new.")
    notes: list[str] = Field(description="What is to be said about it.")


class Trigger(BaseModel):
    """How to run a workflow."""

    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, Any] = Field({}, description="Other values for some parameters.")
    values: dict[str, dict[str, Any]] | None = Field(
        None, description="The same in the form of docs/spec.md, for what JSON can't say."
    )
    run: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{7,99}$",
        description="The run key: asking again with the same one starts no second run.",
    )


class Query(BaseModel):
    """What to ask a database."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(
        min_length=1, max_length=200_000, description="SQL, with `:name` for values."
    )
    parameters: dict[str, Any] = Field(
        {}, description="A value for each name; what JSON lacks in the form of docs/format.md."
    )


class Reading(BaseModel):
    """What to read of files."""

    model_config = ConfigDict(extra="forbid")

    request: dict[str, Any] = Field(description="As the workflow's spec says it.")
    parameters: dict[str, Any] = Field({}, description="Values, in the form of docs/format.md.")


class TablePreview(BaseModel):
    """Which rows to show."""

    model_config = ConfigDict(extra="forbid")

    table: str = Field(min_length=1, max_length=1000)
    limit: int = Field(10, ge=0, le=100_000)


class KeyRequest(BaseModel):
    """An API key that shall be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255)
    role: Role = "viewer"


class Connection(BaseModel):
    """How to connect to a data system."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    config: dict[str, Any] = Field({}, description="Secrets in it are never shown again.")
