"""Runs saves: together, in one transaction, and only if every check has passed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import AqueductError
from aqueduct_core.runtime._failure import Failure
from aqueduct_core.runtime._inputs import (
    Arguments,
    Unavailable,
    artifact_name,
    input_digests,
    load_arguments,
)
from aqueduct_core.runtime._job import Job, Workspace
from aqueduct_core.runtime._operator import written
from aqueduct_core.runtime._reasons import reason_of
from aqueduct_core.runtime._result import OperatorState, Result, ended, read_result
from aqueduct_core.runtime._usage import Clock, PeakMemory

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.integrations import Transaction

__all__ = ["run_saves"]


def run_saves(
    workspace: Workspace,
    version: Version,
    operators: Sequence[str],
    run: str,
    attempt: int = 1,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Result]:
    """Run saves into one data system.

    All of them are one transaction: what fails takes the others back. None is made before every
    check of severity `error` has passed in this run, and none twice, unless what
    it takes has been computed anew and is something else by now. What a result doesn't say, since
    its process was killed right after the commit, the data system itself remembers.

    Args:
        workspace: Where everything is.
        version: The version that is run.
        operators: The names of the saves.
        run: The run key.
        attempt: Counts from 1.
        parameters: Values that the run overrides; see `Job`.

    Returns:
        Their results, in the order of `operators`; written by then.
    """
    jobs = [Job(version, name, run, attempt, parameters or {}) for name in operators]
    before = {job.operator: read_result(workspace.store, job.id, run) for job in jobs}
    done = {
        job.operator: result
        for job in jobs
        if (result := before[job.operator]) is not None and _is_made(workspace, job, result)
    }
    todo = [job for job in jobs if job.operator not in done]
    held_back = _held_back(workspace, version, run)
    if held_back is not None:
        results = {job.operator: _skipped(job, held_back) for job in todo}
    else:
        results = _saved(workspace, todo)
    done |= {name: written(workspace, result) for name, result in results.items()}
    return [done[name] for name in operators]


def _is_made(workspace: Workspace, job: Job, result: Result) -> bool:
    """Whether a save has been made, of what it would save now."""
    if result.state != "succeeded":
        return False
    try:
        now = input_digests(workspace, job)
    except (Unavailable, AqueductError):
        return True  # there is nothing else to save
    return all(result.inputs.get(artifact_name(job, item)) == now[item] for item in now)


def _held_back(workspace: Workspace, version: Version, run: str) -> str | None:
    """Why nothing may be saved; None if every check that decides on it has passed."""
    for check in version.spec.of_kind("check"):
        if check.severity != "error":
            continue
        result = read_result(workspace.store, version.ids[check.name], run)
        if result is None:
            return f"held back: the check {check.name!r} has no result"
        if result.passed is not True or result.state != "succeeded":
            said = f": {result.reason}" if result.reason else ""
            return f"held back: the check {check.name!r} did not pass{said}"
    return None


def _saved(workspace: Workspace, jobs: Sequence[Job]) -> dict[str, Result]:
    results: dict[str, Result] = {}
    ready: list[Job] = []
    for job in jobs:
        try:
            input_digests(workspace, job)
        except Unavailable as missing:
            results[job.operator] = _skipped(job, str(missing))
        except AqueductError as error:
            results[job.operator] = _failed(workspace, job, "load", error, Clock())
        else:
            ready.append(job)
    broken = next((name for name, result in results.items() if result.state == "failed"), None)
    if broken is not None:
        reason = f"not made, because {broken!r} failed"
        return results | {job.operator: _skipped(job, reason) for job in ready}
    return results | (_transacted(workspace, ready) if ready else {})


def _transacted(workspace: Workspace, jobs: Sequence[Job]) -> dict[str, Result]:
    """Make all saves, or none."""
    results: dict[str, Result] = {}
    clock, current = Clock(), jobs[:1]
    try:
        target: Any = workspace.integration(jobs[0].spec.task["integration"])
        with target.transaction() as transaction:
            for job in jobs:
                clock, current = Clock(), [job]
                results[job.operator] = _save(workspace, job, transaction, clock)
            current = jobs  # what fails now is the commit
    except BaseException as error:  # noqa: BLE001 - whatever it is becomes the result
        undone = f"taken back, because {current[0].operator!r} failed"
        results = {job.operator: _skipped(job, undone) for job in jobs}
        for job in current:
            results[job.operator] = _failed(workspace, job, clock.phase_name, error, clock)
    return results


def _save(workspace: Workspace, job: Job, transaction: Transaction, clock: Clock) -> Result:
    peak = PeakMemory()
    with clock.phase("load"):
        given = load_arguments(workspace, job)
    with clock.phase("run"):
        detail = _written(transaction, job, given)
    return _ended(
        job,
        "succeeded",
        inputs=given.digests,
        detail=detail,
        started=clock.started,
        seconds=clock.seconds,
        peak_memory=peak.read(),
    )


def _written(transaction: Any, job: Job, given: Arguments) -> Mapping[str, Any]:
    task, value, once = job.spec.task, given.args[0], _identity(job, given.digests)
    detail: Mapping[str, Any]
    if "table" in task:
        table, mode, keys = task["table"], task["mode"], task.get("keys", ())
        detail = transaction.save(value, table, mode, keys=keys, once=once)
    else:
        detail = transaction.write(value, task, given.kwargs, once=once)
    return detail


def _identity(job: Job, digests: Mapping[str, str]) -> str:
    """What tells a save of some data in a run from all others."""
    told = json.dumps([job.run, job.id, sorted(digests.items())])
    return hashlib.sha256(told.encode()).hexdigest()


def _failed(
    workspace: Workspace, job: Job, phase: str, error: BaseException, clock: Clock
) -> Result:
    failure = Failure.of(error, workspace.secrets())
    state: OperatorState = "canceled" if isinstance(error, KeyboardInterrupt) else "failed"
    reason = reason_of(phase, error, failure)
    return _ended(
        job, state, reason=reason, error=failure, started=clock.started, seconds=clock.seconds
    )


def _skipped(job: Job, reason: str) -> Result:
    return _ended(job, "skipped", reason=reason)


def _ended(job: Job, state: OperatorState, **known: Any) -> Result:
    return ended(job.version, job.operator, job.run, state, attempt=job.attempt, **known)
