"""What a task does in Airflow's worker: everything it needs from Airflow, then the runtime."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow._credentials import connection_of, store_setup
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.engines.airflow._params import overrides
from aqueduct_core.engines.airflow._pinned import version_of_run
from aqueduct_core.runtime import Result, Workspace
from aqueduct_core.runtime._supervised import Call, supervise, together

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from aqueduct_core.engines.airflow.tasks import AqueductOperator

__all__ = ["execute"]


def execute(task: AqueductOperator, context: Any) -> None:
    """Run the operator of a task.

    Raises:
        AirflowException: It failed, and is tried again if the task has tries left.
        AirflowFailException: It failed for good.
        AirflowSkipException: It didn't have to run, or couldn't.
    """
    url, flow, digest = Version.locate(task.version)
    kept = {"kept": str(_home() / "kept")}
    setup = store_setup(url, task.store_connection) | kept
    workspace = Workspace.from_json(setup)
    instance = context["ti"]
    run, attempt = run_key(instance.run_id), max(instance.try_number, 1)
    version = version_of_run(workspace, flow, run, digest, operator=task.operator, attempt=attempt)
    if task.operator not in version.spec.operators:
        # Not skipped, which would keep what comes after it from running.
        task.log.info(
            "nothing to do: the run is one of an older version of %r, which has no %r",
            version.name,
            task.operator,
        )
        return
    operators = together(version, task.operator)
    names = {str(item.task["integration"]) for item in operators if "integration" in item.task}
    connections = {name: connection_of(name, task.connections) for name in sorted(names)}
    call = Call(
        setup=setup | {"connections": connections},
        version=version,
        operators=operators,
        run=run,
        attempt=attempt,
        parameters=overrides(version.spec, _given(context)),
        environments=Path(task.environments or _home() / "environments"),
        python=task.interpreter,
        report=task.log.info,
        may_fork=True,
    )
    printed: dict[str, bytes] = {}
    results, number = supervise(call, printed)
    for stream, data in printed.items():
        getattr(sys, stream).write(data.decode(errors="replace"))
    for result in results:
        _show(result)
    if number:
        raise AirflowFailException("it was canceled")
    _judge(results, tries_left=instance.try_number <= instance.max_tries)


def _given(context: Any) -> dict[str, Any]:
    """The parameters of the run: those of the DAG, with what the run was started with."""
    run = context.get("dag_run")
    return {**context["params"], **(getattr(run, "conf", None) or {})}


def _home() -> Path:
    return Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser()


def _show(result: Result) -> None:
    """Show in the task's log what became of an operator, and what it raised."""
    trace = result.error.traceback if result.error is not None else ""
    told = f"{result.name} {result.state}" + (f": {result.reason}" if result.reason else "")
    sys.stdout.write(f"{trace}{told}\n")
    sys.stdout.flush()


def _judge(results: list[Result], *, tries_left: bool) -> None:
    """Tell Airflow what became of the operators, in its own terms."""
    failed = [item for item in results if item.state in ("failed", "canceled")]
    skipped = [item for item in results if item.state == "skipped"]
    again = [item for item in results if _may_try_again(item)]
    if again and tries_left:
        raise AirflowException(_told(again))
    if failed:
        raise AirflowFailException(_told(failed))
    if not skipped:
        return
    if len(results) > 1 or any(item.kind == "save" for item in skipped):
        # What holds a save back has failed: the run has, too, whatever Airflow makes of its leaves.
        raise AirflowFailException(_told(skipped))
    raise AirflowSkipException(_told(skipped))


def _may_try_again(result: Result) -> bool:
    """Whether trying again can help: what a check has found stays as it is."""
    return result.state in ("failed", "warning") and result.passed is None and bool(result.reason)


def _told(results: list[Result]) -> str:
    return "; ".join(f"{item.name}: {item.reason or item.state}" for item in results)
