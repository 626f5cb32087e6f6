"""Writes the DAG file of a version.

The file holds names, the location of the version and Airflow's own settings: neither code nor values
of the user besides the defaults in the trigger form, no secret, no pickle. The same version with the
same tags is the same file, to the byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag import schedule_from
from aqueduct_core.engines.airflow._names import (
    TAG,
    dag_id,
    identifiers,
    version_tag,
)
from aqueduct_core.engines.airflow._params import form
from aqueduct_core.engines.airflow._settings import CALLBACKS, ON_DEADLINE, Layout, task_options
from aqueduct_core.engines.airflow._source import WIDTH, Call, Name, assignment, source, text
from aqueduct_core.engines.airflow._steps import Step, steps

if TYPE_CHECKING:
    from aqueduct_core.dag import OperatorSpec, Version

__all__ = ["generate"]

_SECONDS = ("retry_delay", "max_retry_delay", "execution_timeout")


def generate(version: Version, location: str, layout: Layout, tags: Sequence[str] = ()) -> str:
    """The DAG file of a version, as text.

    Args:
        version: The version, as it was saved.
        location: Where it was saved; see `Version.location`.
        layout: What the cluster's DAGs have in common.
        tags: The workflow's own tags, which are no part of the version.

    Raises:
        ParameterError: An operator has engine options that Airflow doesn't know.
    """
    tasks = steps(version.spec)
    names = identifiers([step.task for step in tasks], _TAKEN)
    calls = [(names[step.task], _task(version, step, layout)) for step in tasks]
    body = [assignment(name, call, indent=4) for name, call in calls]
    edges = list(_edges(tasks, names))
    dag = _dag(version, layout, tags)
    used = {name for call in [dag, *(call for _, call in calls)] for name in call.names()}
    return "\n".join(
        [
            *_head(version),
            *_imports(used),
            "",
            f"VERSION = {text(location)}",
            "",
            f"with {dag.render(0)} as dag:",
            "\n\n".join(body) or "    pass",
            *(["", *(f"    {edge}" for edge in edges)] if edges else []),
            "",
        ]
    )


_OURS = (
    "DAG",
    "AqueductOperator",
    "CronTriggerTimetable",
    "Param",
    "callback",
    "deadlines",
    "pod",
)
_TIMES = ("datetime", "timedelta", "timezone")
_TAKEN = ("dag", "VERSION", *_OURS, *_TIMES)


def _head(version: Version) -> list[str]:
    about = (
        f"The workflow {version.name!a}, as aqueduct_core has written it: publishing the workflow "
        "writes this file anew."
    )
    return [f"# {about}", f"# Version {version.digest}", ""]


def _imports(used: set[str]) -> list[str]:
    times = [name for name in _TIMES if name in used]
    ours = [name for name in _OURS if name in used]
    wanted = f"from aqueduct_core.engines.airflow.tasks import {', '.join(ours)}"
    if len(wanted) > WIDTH:
        listed = "".join(f"    {name},\n" for name in ours)
        wanted = f"from aqueduct_core.engines.airflow.tasks import (\n{listed})"
    return [f"from datetime import {', '.join(times)}", "", wanted]


def _dag(version: Version, layout: Layout, tags: Sequence[str]) -> Call:
    spec = version.spec
    known: dict[str, Any] = {
        "dag_id": dag_id(version.name, version.flow),
        "dag_display_name": version.name,
        "description": spec.description or None,
        "schedule": _schedule(version),
        "start_date": _moment(version.published),
        "catchup": False,
        "max_active_runs": layout.max_active_runs,
        "tags": [*dict.fromkeys([TAG, version_tag(version), *layout.tags, *tags])],
        "params": {
            name: Call("Param", [default], schema) for name, (default, schema) in form(spec).items()
        },
        "default_args": {
            "version": Name("VERSION"),
            "connections": dict(sorted(layout.connections.items())),
            "store_connection": layout.store_connection,
            "environments": layout.environments,
            "interpreter": layout.interpreter,
            "owner": layout.owner,
        },
    }
    known["default_args"] = {
        name: value for name, value in known["default_args"].items() if value not in (None, {})
    }
    alerts = _deadlines(version)
    if alerts:
        known["**"] = Call("deadlines", alerts)  # Airflow 2 and 3 have other names for them
    always = ("schedule", "catchup")
    return Call(
        "DAG",
        [],
        {
            name: value
            for name, value in known.items()
            if name in always or value not in (None, {}, "")
        },
    )


def _deadlines(version: Version) -> list[list[Any]]:
    """After how many seconds of a run who is told, of all operators."""
    options = [item.settings.engine_options for item in version.spec.operators.values()]
    alerts = {
        (item["deadline"], item[ON_DEADLINE])
        for item in options
        if {"deadline", ON_DEADLINE} <= item.keys()
    }
    return [[*alert] for alert in sorted(alerts)]


def _schedule(version: Version) -> Call | None:
    if version.spec.schedule is None:
        return None
    schedule = schedule_from(version.spec.schedule)
    return Call("CronTriggerTimetable", [schedule.cron], {"timezone": schedule.timezone})


def _moment(published: str) -> Call:
    """When the version was published: what was due before isn't run."""
    at = datetime.fromisoformat(published).astimezone(UTC)
    parts = [at.year, at.month, at.day, at.hour, at.minute, at.second]
    return Call("datetime", parts, {"tzinfo": Name("timezone.utc")})


def _task(version: Version, step: Step, layout: Layout) -> Call:
    operators = [version.spec.operators[name] for name in step.operators]
    first = operators[0]
    settings = first.settings
    shown = first.name if len(operators) == 1 else ", ".join(item.name for item in operators)
    options: dict[str, Any] = {}
    if settings.retries:
        options["retries"] = settings.retries
        options["retry_delay"] = settings.retry_delay
    for operator in operators:
        options |= task_options(operator.name, operator.settings.engine_options)
    for name in _SECONDS:
        if name in options:
            options[name] = Call("timedelta", [], {"seconds": options[name]})
    for name in CALLBACKS:
        if name in options:
            options[name] = Call("callback", [options[name]])
    has_own = settings.requirements is not None or settings.python is not None
    if has_own and layout.interpreter is not None:
        options.setdefault("interpreter", Name("None"))  # not the one of the others
    known: dict[str, Any] = {
        "task_id": step.task,
        "task_display_name": None if shown == step.task else shown,
        "operator": first.name,
        "uuid": version.ids[first.name][:8],
        "trigger_rule": "all_done" if step.tolerant else None,
        **options,
        "executor_config": _pod(first),
        "doc_md": _doc(operators),
    }
    return Call(
        "AqueductOperator", [], {name: value for name, value in known.items() if value is not None}
    )


def _pod(operator: OperatorSpec) -> Call | None:
    """What the executor on Kubernetes makes of the operator's needs."""
    wanted = {**operator.settings.resources}
    if operator.settings.image is not None:
        wanted["image"] = operator.settings.image
    return Call("pod", [], wanted) if wanted else None


def _doc(operators: Sequence[OperatorSpec]) -> str | None:
    told = "\n\n".join(item.description for item in operators if item.description)
    # A text that ends in .md would be read as the name of a file.
    return f"{told}\n" if told.endswith(".md") else told or None


def _edges(tasks: Sequence[Step], names: Mapping[str, str]) -> Iterator[str]:
    """Who waits for whom: `a >> [b, c]` for those that wait for a alone, `[a, b] >> c` for others."""
    alone: dict[str, list[str]] = {}
    for step in tasks:
        if len(step.needs) == 1:
            alone.setdefault(step.needs[0], []).append(names[step.task])
    for task, followers in alone.items():
        yield f"{names[task]} >> {_listed(followers)}"
    for step in tasks:
        if len(step.needs) > 1:
            yield f"{_listed([names[task] for task in step.needs])} >> {names[step.task]}"


def _listed(names: Sequence[str]) -> str:
    return source([Name(name) for name in names], 4) if len(names) > 1 else names[0]
