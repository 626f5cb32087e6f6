"""What states in Airflow mean here. No request, no file, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aqueduct_core.runtime import Result, ended

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.engines.airflow._rows import DagRun, TaskInstance
    from aqueduct_core.engines.base import RunState
    from aqueduct_core.runtime import OperatorState

__all__ = [
    "has_own_result",
    "is_from_airflow",
    "outcome",
    "state_of_run",
    "trigger_of",
    "with_reasons",
]

_RUNNING = ("running", "restarting", "deferred")
_DONE = ("success", "failed", "skipped", "up_for_retry")  # what a task says of itself
_GOES_ON = ("succeeded", "warning", "running", "pending")  # what needs it isn't skipped for that
_WAITS = {
    "scheduled": "it waits in Airflow for a free slot of the pool {pool!r}",
    "queued": "it waits in Airflow for a worker of the queue {queue!r}",
}
_SOURCE = "reported_by"
_AIRFLOW = "Airflow"

NO_RESULT = (
    "its process ended without a result: most often it was killed because the machine ran out of "
    "memory, or its worker was lost. Airflow's log is shown as what it printed"
)


def has_own_result(task: TaskInstance) -> bool:
    """Whether a task in this state has most likely written a result."""
    return task.state in _DONE or (task.state in _RUNNING and task.attempt > 0)


def is_from_airflow(result: Result) -> bool:
    """Whether a result was made from Airflow's word, and gives way to what the task itself wrote."""
    return result.environment.get(_SOURCE) == _AIRFLOW


def outcome(
    run: DagRun,
    task: TaskInstance,
    version: Version,
    operator: str,
    key: str,
    own: Result | None,
    *,
    is_canceled: bool = False,
) -> Result | None:
    """What became of an operator; None if there is nothing to tell yet.

    Args:
        run: The run.
        task: The operator's task.
        version: The version that the run is of.
        operator: The operator's name.
        key: The run key.
        own: What the task has written itself, at this attempt or before.
        is_canceled: Whether the run was canceled.
    """
    if own is not None and own.attempt < max(task.attempt, 1):
        own = None  # that of an attempt before

    if own is not None and (task.state in _DONE or task.state in _RUNNING or is_canceled):
        return own
    said = _said(task, run, is_canceled=is_canceled)
    if said is None or (said[0] == "pending" and own is not None):
        return None  # Airflow 2 counts an attempt when it starts, and not when it waits
    return _told(version, operator, key, task, run, *said)


def _said(
    task: TaskInstance, run: DagRun, *, is_canceled: bool
) -> tuple[OperatorState, str | None] | None:
    """What became of an operator by Airflow's word alone, and why."""
    state = task.state
    if state == "success":
        return "skipped", "marked as success in Airflow, without having run"
    if state == "upstream_failed":
        return "skipped", None  # why, the results of others tell
    if state == "removed":
        return None  # the DAG of another version has no such task
    if is_canceled:
        return "canceled", "the run was canceled"
    if state in ("failed", "up_for_retry"):
        return "failed", NO_RESULT
    if state == "skipped":
        return "skipped", "Airflow skipped it"
    if run.has_ended:
        return "skipped", f"the run had ended in Airflow as {run.state}"
    if state in _RUNNING:
        return "running", None
    if state in _WAITS:
        return "pending", _WAITS[state].format(pool=task.pool, queue=task.queue)
    return None


def state_of_run(
    run: DagRun, results: Iterable[Result], *, is_cancel_requested: bool
) -> tuple[RunState, str | None]:
    """The state of a run, and what is to be said about it."""
    if not run.has_ended:
        return ("running" if run.state == "running" else "pending"), None
    found = list(results)
    failed = [item.name for item in found if item.state == "failed"]
    if run.state == "success":
        if failed:
            return "warning", f"{failed[0]!r} failed, and was marked as success in Airflow"
        return ("warning" if any(item.state == "warning" for item in found) else "succeeded"), None
    if is_cancel_requested or any(item.state == "canceled" for item in found):
        return "canceled", None
    if failed:
        return "failed", None
    return "failed", "Airflow says that it failed: it took too long, or somebody marked it so"


def trigger_of(run: DagRun) -> str:
    """What started a run, in the words of the tracking database."""
    if run.id.startswith("after-") or run.kind.startswith("asset"):
        return "after"
    return "schedule" if run.kind in ("scheduled", "backfill") else "manual"


def with_reasons(version: Version, results: dict[str, Result]) -> dict[str, Result]:
    """Say why operators were skipped that Airflow didn't start, since another one had failed."""
    found = dict(results)
    checks = [item.name for item in version.spec.of_kind("check") if item.severity == "error"]
    for name, spec in version.spec.operators.items():
        result = found.get(name)
        if result is None or result.reason is not None or not is_from_airflow(result):
            continue
        if result.state == "skipped":
            found[name] = replace(result, reason=_why(spec.kind, spec.needs, checks, found))
    return found


def _why(kind: str, needs: Iterable[str], checks: list[str], results: dict[str, Result]) -> str:
    for name in needs:
        result = results.get(name)
        if result is not None and result.state not in _GOES_ON:
            return f"it needs {name!r}, which {_ended_as(result.state)}"
    for name in checks if kind == "save" else ():
        result = results.get(name)
        if result is None:
            return f"held back: the check {name!r} has no result"
        if result.state != "succeeded":
            said = f": {result.reason}" if result.reason else ""
            return f"held back: the check {name!r} did not pass{said}"
    return "what it waits for in Airflow did not succeed"


def _told(
    version: Version,
    operator: str,
    key: str,
    task: TaskInstance,
    run: DagRun,
    state: OperatorState,
    reason: str | None,
) -> Result:
    """A result from Airflow's word: the same whenever, and by whomever, it is made."""
    started = task.started or task.ended or run.started or run.due
    known: dict[str, Any] = {"environment": {_SOURCE: _AIRFLOW, "host": task.host}}
    if started is not None:
        known["started"] = started.isoformat()
    if state in ("failed", "canceled") and task.started is not None and task.ended is not None:
        known["seconds"] = {"run": max((task.ended - task.started).total_seconds(), 0.0)}
    attempt = max(task.attempt, 1)
    return ended(version, operator, key, state, attempt=attempt, reason=reason, **known)


def _ended_as(state: str) -> str:
    return state if state in ("succeeded", "failed") else f"was {state}"
