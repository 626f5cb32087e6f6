"""What DAG files are made of: the task that runs an operator, and Airflow's own names.

Every task process of Airflow imports its DAG file anew, so this imports nothing but Airflow until a
task is executed. The same files work with Airflow 3 and 2.11.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from inspect import signature
from typing import TYPE_CHECKING, Any

try:
    from airflow.sdk import DAG, BaseOperator, Param

    _IS_TWO = False
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator
    from airflow.models.param import Param

    _IS_TWO = True
try:
    from airflow.sdk import CronTriggerTimetable
except ImportError:  # before Airflow 3.2
    from airflow.timetables.trigger import CronTriggerTimetable

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = [
    "DAG",
    "AqueductOperator",
    "CronTriggerTimetable",
    "Param",
    "callback",
    "deadlines",
    "late",
    "pod",
]

# The process has the name `base` in pods that Airflow makes.
_CONTAINER = "base"


_BACKOFF = "retry_exponential_backoff"


def _knows_factors() -> bool:
    """Whether pauses between tries can grow by a factor that is given; before Airflow 3.2 it is 2."""
    return signature(BaseOperator.__init__).parameters[_BACKOFF].default is not False


def _place() -> str:
    """Where in its file a DAG is being made, as a traceback says it."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return f'  File "{frame.f_code.co_filename}", line {frame.f_lineno}'


class AqueductOperator(BaseOperator):  # type: ignore[misc]  # Airflow isn't there when types are checked
    """Runs one operator of a workflow, in an interpreter of its own.

    Args:
        operator: The operator's name; naming a save runs all saves into the same data system.
        uuid: How the operator's UUID begins: its results are at `operators/<uuid>/<run>` of the store.
        version: The location of the workflow's version in the store.
        connections: The Airflow connection of each data system, where they have other names.
        store_connection: The Airflow connection that holds the store's signing key and options.
        environments: The folder where environments of operators are kept.
        interpreter: The path of a Python that has aqueduct_core, instead of this one.
        deadline: How many seconds after the start of a run it should have ended. Airflow 2 has that
            for tasks; later ones have it for DAGs, see `deadlines`.
        on_deadline_callback: What is called if it hasn't, as `module:name`.
        kwargs: What every task of Airflow takes.
    """

    ui_color = "#e3edf7"

    def __init__(
        self,
        *,
        operator: str,
        uuid: str,
        version: str,
        connections: Mapping[str, str] | None = None,
        store_connection: str = "aqueduct",
        environments: str | None = None,
        interpreter: str | None = None,
        deadline: float | None = None,
        on_deadline_callback: str | None = None,
        **kwargs: Any,
    ) -> None:
        if deadline is not None and _IS_TWO:
            kwargs["sla"] = timedelta(seconds=deadline)
        if _BACKOFF in kwargs and not _knows_factors():
            kwargs[_BACKOFF] = True
        try:
            super().__init__(do_xcom_push=False, **kwargs)
        except Exception as error:
            # Airflow shows the end of a traceback alone, which is within itself.
            error.add_note(_place())
            raise
        self.operator = operator
        self.uuid = uuid
        self.version = version
        self.connections = dict(connections or {})
        self.store_connection = store_connection
        self.environments = environments
        self.interpreter = interpreter
        self.on_deadline_callback = on_deadline_callback

    def execute(self, context: Context) -> None:
        """Run it; called by Airflow."""
        from aqueduct_core.engines.airflow._execute import execute

        execute(self, context)


def callback(target: str) -> Callable[[Context], Any]:
    """What Airflow calls when something happens to a task; imported not before that.

    Args:
        target: The function, as `module:name`; it is given Airflow's context.
    """

    def call(context: Context) -> Any:
        from importlib import import_module
        from operator import attrgetter

        module, _, name = target.partition(":")
        return attrgetter(name)(import_module(module))(context)

    return call


def deadlines(*alerts: Sequence[Any]) -> dict[str, Any]:
    """What a DAG is given so that somebody is told of what takes too long.

    From Airflow 3.1 on that is of runs which haven't ended by then; the triggerer tells. In Airflow 2
    it is of tasks, in runs that were started by a schedule. Airflow 3.0 has neither.

    Args:
        alerts: Seconds after the start of a run, and the function, as `module:name`.
    """
    if _IS_TWO:
        return {"sla_miss_callback": _missed}
    try:
        from airflow.sdk.definitions.deadline import (
            AsyncCallback,
            DeadlineAlert,
            DeadlineReference,
        )
    except ImportError:  # Airflow 3.0
        return {}
    return {
        "deadline": [
            DeadlineAlert(
                reference=DeadlineReference.DAGRUN_QUEUED_AT,
                interval=timedelta(seconds=seconds),
                callback=AsyncCallback(late, {"target": target}),
            )
            for seconds, target in alerts
        ]
    }


async def late(context: Mapping[str, Any], target: str) -> None:
    """Tell a function of a run that should have ended; called by Airflow's triggerer.

    Args:
        context: Airflow's, of which there is the run and the deadline.
        target: The function, as `module:name`.
    """
    from asyncio import to_thread
    from inspect import isawaitable

    found = await to_thread(callback(target), context)
    if isawaitable(found):
        await found


def _missed(dag: Any, tasks: str, blocking: str, slas: Sequence[Any], instances: Any) -> None:
    """Tell the functions of tasks that should have ended; called by Airflow 2."""
    missed: dict[str, list[Any]] = {}
    for sla in slas:
        task = dag.get_task(sla.task_id) if dag.has_task(sla.task_id) else None
        target = getattr(task, "on_deadline_callback", None)
        if target is not None:
            missed.setdefault(target, []).append(sla)
    for target, found in missed.items():
        context = {"dag": dag, "slas": found, "task_list": tasks, "blocking_task_list": blocking}
        callback(target)({**context, "blocking_tis": instances})


def pod(
    *,
    cpu: float | None = None,
    memory: int | None = None,
    gpu: float | None = None,
    image: str | None = None,
    **others: Any,
) -> dict[str, Any]:
    """What the Kubernetes executor shall give a task; other executors don't look at it.

    Args:
        cpu: Cores.
        memory: Bytes.
        gpu: GPUs, those of NVIDIA's device plugin.
        image: The container image.
        others: Further resources, under the names that Kubernetes has for them.
    """
    try:
        from kubernetes.client import models as k8s
    except ImportError:  # no cluster of that kind, and nobody who would ask
        return {}
    wanted = {"cpu": cpu, "memory": memory, "nvidia.com/gpu": gpu, **others}
    amounts = {
        name: f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in wanted.items()
        if value is not None
    }
    resources = k8s.V1ResourceRequirements(requests=amounts, limits=amounts) if amounts else None
    container = k8s.V1Container(name=_CONTAINER, image=image, resources=resources)
    return {"pod_override": k8s.V1Pod(spec=k8s.V1PodSpec(containers=[container]))}
