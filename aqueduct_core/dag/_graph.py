"""The graph: everything that is reachable from some artifacts, in an order that can be run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.dag._artifacts import Artifact
from aqueduct_core.dag._operators import Operator
from aqueduct_core.dag._tasks import Parameter
from aqueduct_core.errors import GraphError, ParameterError

__all__ = ["Graph"]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The operators of a workflow.

    Attributes:
        operators: All operators; each comes after those whose outputs it takes.
        names: The name of each operator, unique within the graph.
    """

    operators: tuple[Operator, ...]
    names: Mapping[Operator, str]

    @classmethod
    def of(
        cls,
        artifacts: Iterable[Artifact],
        *,
        metrics: Sequence[Artifact] | None = None,
        checks: Sequence[Artifact] | None = None,
    ) -> Graph:
        """The graph behind artifacts, with the metrics, checks and saves that look at it.

        Args:
            artifacts: What the workflow is for.
            metrics: The metrics to take along; None for all.
            checks: The checks to take along; None for all.
        """
        chosen = {"metric": _operators(metrics, "metric"), "check": _operators(checks, "check")}
        roots = [artifact.operator for artifact in artifacts]
        roots += [operator for kind in chosen.values() for operator in kind or ()]
        found: list[Operator] = []
        done: set[Operator] = set()
        waiting = roots[::-1]
        while waiting:
            for operator in _in_order(waiting.pop(), done):
                found.append(operator)
                for other in reversed(operator.attached.values()):
                    only = chosen.get(other.kind)
                    if only is None or other in only:
                        waiting.append(other)
        return cls(tuple(found), _names(found))

    @classmethod
    def behind(cls, artifact: Artifact) -> Graph:
        """Only what an artifact is computed from."""
        operators = tuple(_in_order(artifact.operator, set()))
        return cls(operators, _names(operators))

    def artifact_name(self, artifact: Artifact) -> str:
        """The name of an artifact, unique within the graph."""
        return self.output_name(artifact.operator, artifact.output)

    def output_name(self, operator: Operator, output: str) -> str:
        """The name of an operator's output, unique within the graph."""
        name = self.names[operator]
        return name if len(operator.outputs) == 1 else f"{name}.{output}"

    def parameters(self) -> dict[str, Operator]:
        """The parameters by name."""
        return {self.names[item]: item for item in self.operators if item.kind == "parameter"}

    def override(self, values: Mapping[str, Any]) -> dict[Operator, Any]:
        """Which parameters get which other values.

        Raises:
            ParameterError: A name is not that of a parameter.
        """
        parameters = self.parameters()
        unknown = [name for name in values if name not in parameters]
        if unknown:
            listed = ", ".join(parameters) or "none"
            raise ParameterError(
                f"no parameter is called {', '.join(map(repr, unknown))}",
                hint=f"the parameters are: {listed}",
            )
        return {parameters[name]: value for name, value in values.items()}


def _operators(artifacts: Sequence[Any] | None, kind: str) -> list[Operator] | None:
    if artifacts is None:
        return None
    for artifact in artifacts:
        if not isinstance(artifact, Artifact) or artifact.operator.kind != kind:
            raise GraphError(
                f"{kind}s=[...] takes the results of @{kind} functions, not {artifact!r}",
                hint=f"call a function that is decorated with @{kind}",
            )
    return [artifact.operator for artifact in artifacts]


def _in_order(root: Operator, done: set[Operator]) -> Iterator[Operator]:
    """`root` and what it needs that isn't done, inputs first; all of it is done afterwards.

    Not recursive: a chain of thousands of operators is no deeper than one.
    """
    stack = [(root, iter(root.inputs))] if root not in done else []
    done.add(root)
    while stack:
        operator, inputs = stack[-1]
        for artifact in inputs:
            if artifact.operator not in done:
                done.add(artifact.operator)
                stack.append((artifact.operator, iter(artifact.operator.inputs)))
                break
        else:
            stack.pop()
            yield operator


def _names(operators: Iterable[Operator]) -> dict[Operator, str]:
    names: dict[Operator, str] = {}
    free = _FreeNames()
    implicit = set()
    for operator in operators:
        if isinstance(operator.task, Parameter):
            if operator.task.implicit:
                implicit.add(operator)
                continue
            if operator.name in free.taken:
                raise GraphError(
                    f"two parameters, or a parameter and an operator, are called {operator.name!r}",
                    hint="create the parameter once and pass it to all operators that need it, or "
                    "give it another name",
                )
        names[operator] = free.take(operator.name)
        for item in operator.inputs:
            if item.operator in implicit:
                # Every plain argument has its own operator, with one consumer.
                names[item.operator] = free.take(f"{names[operator]}.{item.operator.name}")
    return names


class _FreeNames:
    """Numbers names that are used again: `predict`, `predict-2`."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def take(self, name: str) -> str:
        free = name
        while free in self.taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name}-{self._numbers[name]}"
        self.taken.add(free)
        return free
