"""Reads DAG files without Airflow: what they say, not what Airflow makes of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from unittest.mock import patch

__all__ = ["ReadDag", "ReadTask", "read"]

_MODULE = "aqueduct_core.engines.airflow.tasks"


@dataclass
class ReadTask:
    """A task, as it stands in a file."""

    known: Mapping[str, Any]
    needs: list[str] = field(default_factory=list)

    def __rshift__(self, other: Any) -> Any:
        for task in other if isinstance(other, list) else [other]:
            task.needs.append(self.known["task_id"])
        return other

    def __rrshift__(self, others: list[ReadTask]) -> ReadTask:
        self.needs += [task.known["task_id"] for task in others]
        return self


@dataclass
class ReadDag:
    """A DAG, as it stands in a file."""

    known: Mapping[str, Any]
    tasks: dict[str, ReadTask] = field(default_factory=dict)

    def __enter__(self) -> ReadDag:
        return self

    def __exit__(self, *_: object) -> None: ...


def read(source: str) -> ReadDag:
    """Run a DAG file, with names in place of Airflow's that note what they are given."""
    dags: list[ReadDag] = []

    def dag(**known: Any) -> ReadDag:
        dags.append(ReadDag(known))
        return dags[-1]

    def operator(**known: Any) -> ReadTask:
        task = ReadTask(known)
        assert known["task_id"] not in dags[-1].tasks
        dags[-1].tasks[known["task_id"]] = task
        return task

    def noted(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return (*args, kwargs)

    module = ModuleType(_MODULE)
    vars(module).update(DAG=dag, AqueductOperator=operator)
    vars(module).update(deadlines=lambda *alerts: {"deadlines": [*alerts]})
    vars(module).update(dict.fromkeys(["CronTriggerTimetable", "Param", "callback", "pod"], noted))
    with patch.dict(sys.modules, {_MODULE: module}):
        exec(compile(source.encode(), "dag.py", "exec"), {"__name__": "dag"})
    [found] = dags
    return found
