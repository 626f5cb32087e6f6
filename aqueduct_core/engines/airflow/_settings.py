"""What `engine_options` of an operator means in Airflow, and how a cluster is configured."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aqueduct_core.errors import ParameterError

__all__ = ["CALLBACKS", "ON_DEADLINE", "Layout", "task_options"]

# A task file names functions of the user; it doesn't import them.
CALLBACKS = (
    "on_execute_callback",
    "on_failure_callback",
    "on_retry_callback",
    "on_skipped_callback",
    "on_success_callback",
)
# This one is told of by other ways than those, see `tasks.deadlines`.
ON_DEADLINE = "on_deadline_callback"
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the DAGs of one cluster have in common.

    Attributes:
        connections: The Airflow connection of each data system; those that aren't named have the
            connection of their own name.
        store_connection: The Airflow connection that holds the store's signing key and options.
        environments: The folder on workers where environments of operators are kept; None for the
            one in the home folder of whom they run as.
        interpreter: The Python on workers that runs operators without an environment of their own;
            None for that of Airflow.
        owner: Who is shown as the owner of DAGs.
        tags: Tags besides those that tell workflow and version.
        max_active_runs: How many runs of one DAG go on at a time.
    """

    connections: Mapping[str, str] = field(default_factory=dict)
    store_connection: str = "aqueduct"
    environments: str | None = None
    interpreter: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    max_active_runs: int = 1


def task_options(operator: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of Airflow's task that an operator's `engine_options` stand for.

    Raises:
        ParameterError: An option isn't known, or has a value that it can't have.
    """
    found = {}
    for name, value in options.items():
        if name not in _OPTIONS:
            raise ParameterError(
                f"{operator}: Airflow has no engine option {name!r}",
                hint=f"there is: {', '.join(_OPTIONS)}",
            )
        is_fine, wanted = _OPTIONS[name]
        if not is_fine(value):
            raise ParameterError(
                f"{operator}: engine_options[{name!r}] is {value!r}", hint=f"{wanted} is needed"
            )
        found[name] = value
    if len({"deadline", ON_DEADLINE} & found.keys()) == 1:
        raise ParameterError(
            f"{operator}: of engine_options, 'deadline' and {ON_DEADLINE!r} go together",
            hint='{"deadline": 3600, "on_deadline_callback": "acme.alerts:late"}: seconds after the '
            "start of a run, and who is told",
        )
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0


def _is_bool(value: Any) -> bool:
    return type(value) is bool


def _is_function(value: Any) -> bool:
    return isinstance(value, str) and _FUNCTION.fullmatch(value) is not None


_TEXT = (_is_text, "a text")
_COUNT = (_is_count, "a whole number from 1")
_SECONDS = (_is_number, "a number of seconds above 0")
_OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "pool": _TEXT,
    "pool_slots": _COUNT,
    "queue": _TEXT,
    "executor": _TEXT,
    "priority_weight": (_is_whole, "a whole number"),
    "weight_rule": _TEXT,
    "owner": _TEXT,
    "max_active_tis_per_dag": _COUNT,
    "max_active_tis_per_dagrun": _COUNT,
    "retry_exponential_backoff": (_is_number, "a number above 0"),
    "max_retry_delay": _SECONDS,
    "execution_timeout": _SECONDS,
    "deadline": _SECONDS,
    "depends_on_past": (_is_bool, "True or False"),
    "interpreter": (_is_text, "the path of a Python that has aqueduct_core"),
    **dict.fromkeys(
        (*CALLBACKS, ON_DEADLINE),
        (_is_function, 'a function that workers can import, "module:name",'),
    ),
}
