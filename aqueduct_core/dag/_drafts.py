"""From a graph to the spec of a workflow."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aqueduct_core._version import __version__
from aqueduct_core.dag._artifacts import Artifact
from aqueduct_core.dag._capture import Captured, Captures
from aqueduct_core.dag._graph import Graph
from aqueduct_core.dag._operators import Operator
from aqueduct_core.dag._parameters import ParameterDrafts
from aqueduct_core.dag._pickled import PickledFunction
from aqueduct_core.dag._requirements import installed_versions, requirements_of
from aqueduct_core.dag._spec import (
    FlowSpec,
    Input,
    OperatorSpec,
    ParameterSpec,
    Settings,
    python_minor,
)
from aqueduct_core.dag._tasks import Function, Parameter
from aqueduct_core.errors import IncompatibleEnvironmentError

if TYPE_CHECKING:
    from aqueduct_core.dag._schedules import Schedule

__all__ = ["Draft"]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A spec with what has to be stored beside it.

    Attributes:
        spec: The spec.
        code: The name of the pickled function of each operator that has one.
        pickled: The functions by that name.
        parameters: The parameters' values.
        sites: Where each operator was made, `file:line`.
        metadata: What was there when it was made: versions of Python and packages.
    """

    spec: FlowSpec
    code: Mapping[str, str]
    pickled: Mapping[str, PickledFunction]
    parameters: ParameterDrafts
    sites: Mapping[str, str]
    metadata: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        name: str,
        flow: str,
        graph: Graph,
        *,
        schedule: Schedule | None,
        after: str | None,
        engine: str,
        description: str,
    ) -> Draft:
        """The draft of a workflow's version; captures all functions.

        Raises:
            AqueductError: A function can't be captured, or a value not be stored.
        """
        captures, parameters = Captures(), ParameterDrafts(flow)
        captured: dict[str, Captured] = {}
        values: dict[str, ParameterSpec] = {}
        operators: dict[str, OperatorSpec] = {}
        for operator in graph.operators:
            label = graph.names[operator]
            if isinstance(operator.task, Parameter):
                values[label] = _parameter(label, operator, operator.task, parameters)
                continue
            if isinstance(operator.task, Function) and operator.task.preset is None:
                captured[label] = captures.of(operator.task.function)
            operators[label] = _operator(graph, operator, captured.get(label))
        spec = FlowSpec(
            name=name,
            description=description,
            engine=engine,
            schedule=None if schedule is None else _schedule(schedule),
            after=after,
            python=python_minor(),
            parameters=values,
            operators=operators,
        )
        sites = {graph.names[item]: str(item.site) for item in graph.operators if item.site}
        return cls(
            spec=spec,
            code={label: item.code for label, item in captured.items()},
            pickled={item.code: item.pickled for item in captured.values()},
            parameters=parameters,
            sites={label: site for label, site in sites.items() if label in operators},
            metadata=_metadata(captured),
        )


def _schedule(schedule: Schedule) -> dict[str, Any]:
    from aqueduct_core.dag._schedules import schedule_spec

    return schedule_spec(schedule)


def _parameter(
    label: str, operator: Operator, task: Parameter, drafts: ParameterDrafts
) -> ParameterSpec:
    value, kind = drafts.value(label, task.value)
    return ParameterSpec(
        name=label,
        value=value,
        type=kind,
        implicit=task.implicit,
        description=operator.description,
    )


def _operator(graph: Graph, operator: Operator, captured: Captured | None) -> OperatorSpec:
    return OperatorSpec(
        name=graph.names[operator],
        kind=operator.kind,
        task=operator.task.spec() if captured is None else captured.task,
        args=tuple(_input(graph, item) for item in operator.args),
        kwargs={key: _input(graph, item) for key, item in operator.kwargs.items()},
        outputs=operator.outputs,
        after=tuple(sorted(graph.names[item] for item in operator.after)),
        severity=getattr(operator.task, "severity", None),
        settings=_settings(graph.names[operator], operator, captured),
        description=operator.description,
    )


def _input(graph: Graph, item: Artifact) -> Input:
    is_parameter = isinstance(item.operator.task, Parameter)
    output = None if is_parameter else item.output
    return Input(graph.names[item.operator], output, item.selected)


def _settings(label: str, operator: Operator, captured: Captured | None) -> Settings:
    settings = operator.settings
    if captured is None:
        return settings
    wanted, here = settings.python, python_minor()
    if wanted is not None and ".".join(wanted.split(".")[:2]) != here:
        raise IncompatibleEnvironmentError(
            f"{label} asks for Python {wanted}, and this is Python {here}: functions are packaged "
            "as code for the Python that publishes them",
            hint=f"publish the workflow with Python {wanted}, or leave out python=",
        )
    if operator.infer:
        return replace(settings, requirements=requirements_of(captured.modules))
    return settings


def _metadata(captured: Mapping[str, Captured]) -> dict[str, Any]:
    modules = frozenset[str]().union(*(item.modules for item in captured.values()))
    notes = dict.fromkeys(note for item in captured.values() for note in item.notes)
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "aqueduct_core": __version__,
        "packages": installed_versions(modules),
    }
    return found | {"notes": list(notes)} if notes else found
