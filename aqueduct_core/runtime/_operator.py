"""Runs one operator: loads its inputs, calls its function, stores its outputs."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from aqueduct_core.errors import AqueductError
from aqueduct_core.runtime._cache import cache_key, look_up, remember
from aqueduct_core.runtime._capture import Capture, Logs
from aqueduct_core.runtime._failure import Failure
from aqueduct_core.runtime._forks import forks_end_here
from aqueduct_core.runtime._inputs import Unavailable, load_arguments
from aqueduct_core.runtime._job import Job, Workspace
from aqueduct_core.runtime._outputs import Superseded, store_outputs
from aqueduct_core.runtime._reasons import reason_of
from aqueduct_core.runtime._result import (
    Result,
    attempt_folder,
    ended,
    state_of_failure,
    write_result,
)
from aqueduct_core.runtime._task import Task, judge, load_task
from aqueduct_core.runtime._usage import Clock, PeakMemory, host

__all__ = ["run_operator"]


def run_operator(workspace: Workspace, job: Job, *, capture: Capture | None = None) -> Result:
    """Run an operator in this process.

    Its inputs are found in the store by their keys, its outputs are put there, and its result is
    written last. Whatever the user's code does becomes the result.

    Args:
        workspace: Where everything is.
        job: What to run.
        capture: Takes what is printed; by default it goes where this process prints.

    Returns:
        The result. It is `failed` if it could not be written.
    """
    attempt = _Attempt(workspace, job)
    storage = workspace.store.storage
    folder = attempt_folder(job.id, job.run, job.attempt)
    with nullcontext(Logs()) if capture is None else capture.into(storage, folder) as logs:
        known = attempt.known()
    if logs.error is not None:
        known["detail"] = {**known.get("detail", {}), "logs": logs.error}
    result = ended(
        job.version,
        job.operator,
        job.run,
        known.pop("state"),
        attempt=job.attempt,
        started=attempt.clock.started,
        seconds=attempt.clock.seconds,
        peak_memory=attempt.peak.read(),
        environment={**host(), "packages": dict(attempt.task.packages)},
        logs=logs.keys,
        **known,
    )
    return written(workspace, result)


def written(workspace: Workspace, result: Result) -> Result:
    """Write a result; returns it, or what became of it: it could not be written, or came too late."""
    try:
        if not write_result(workspace.store, result) and result.outputs:
            too_late = str(Superseded())
            return replace(result, state="canceled", reason=too_late, outputs={}, passed=None)
    except AqueductError as error:
        reason = f"its result could not be written: {error.message}"
        return replace(
            result, state="failed", reason=reason, error=Failure.of(error), outputs={}, passed=None
        )
    return result


@dataclass(slots=True)
class _Attempt:
    """One attempt to run an operator."""

    workspace: Workspace
    job: Job
    clock: Clock = field(default_factory=Clock)
    peak: PeakMemory = field(default_factory=PeakMemory)
    task: Task = field(default_factory=lambda: Task(lambda: None))

    def known(self) -> dict[str, Any]:
        """Run it; returns what is known then, as fields of its result."""
        try:
            return self._run()
        except Unavailable as reason:
            return {"state": "skipped", "reason": str(reason)}
        except Superseded as reason:
            return {"state": "canceled", "reason": str(reason)}
        except BaseException as error:  # noqa: BLE001 - also SystemExit, and what pytest raises
            failure = Failure.of(error, self.workspace.secrets())
            if isinstance(error, KeyboardInterrupt):
                return {"state": "canceled", "reason": "it was interrupted", "error": failure}
            return {
                "state": state_of_failure(self.job.spec.severity),
                "reason": reason_of(self.clock.phase_name, error, failure),
                "error": failure,
            }

    def _run(self) -> dict[str, Any]:
        workspace, job, clock = self.workspace, self.job, self.clock
        with clock.phase("load"):
            key = cache_key(workspace, job)
            hit = None if key is None else look_up(workspace, job, key)
        if key is not None and hit is not None:
            return {
                "state": "succeeded",
                "outputs": hit.outputs,
                "inputs": key.inputs,
                "cached": hit.run,
            }
        with clock.phase("environment"):
            self.task = load_task(workspace, job)
        with clock.phase("load"):
            given = load_arguments(workspace, job) if self.task.takes_inputs else None
        with clock.phase("run"), forks_end_here():
            value = (
                self.task.function(*given.args, **given.kwargs) if given else self.task.function()
            )
            finding = judge(job.spec, value)
        inputs = given.digests if given else {}
        with clock.phase("store"):
            outputs = store_outputs(workspace.store, job, finding.outputs, inputs)
            if key is not None:
                remember(workspace, job, key, outputs)
        return {
            "state": finding.state,
            "reason": finding.reason,
            "passed": finding.passed,
            "value": finding.value,
            "outputs": outputs,
            "inputs": inputs,
        }
