"""The graph: everything that is reachable from some artifacts, in an order that can be run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core._offers import offer_parameters
from aqueduct_core.dag._artifacts import Artifact
from aqueduct_core.dag._operators import Operator, common_owner
from aqueduct_core.dag._tasks import Parameter
from aqueduct_core.errors import GraphError, ParameterError

__all__ = ["Graph"]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The operators of a workflow.

    Attributes:
        operators: All operators; each comes after those whose outputs it takes.
        names: The name of each operator, unique within the graph.
        owner: The client that they belong to; None for any.
    """

    operators: tuple[Operator, ...]
    names: Mapping[Operator, str]
    owner: str | None = None

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
                # A copy: another thread may be attaching something to a shared operator.
                for other in reversed(list(operator.attached.values())):
                    only = chosen.get(other.kind)
                    if only is None or other in only:
                        waiting.append(other)
        return cls(tuple(found), _names(found), common_owner("the workflow", None, found))

    @classmethod
    def behind(cls, artifact: Artifact) -> Graph:
        """Only what an artifact is computed from."""
        operators = tuple(_in_order(artifact.operator, set()))
        return cls(operators, _names(operators), artifact.operator.owner)

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
        if not isinstance(values, Mapping):
            raise ParameterError(
                f"parameters={values!r}", hint='values by their names: parameters={"country": "US"}'
            )
        parameters = self.parameters()
        unknown = [name for name in values if name not in parameters]
        if unknown:
            raise ParameterError(
                f"no parameter is called {', '.join(map(repr, unknown))}",
                hint=offer_parameters(unknown[0], parameters),
            )
        return {parameters[name]: value for name, value in values.items()}


def _operators(artifacts: Sequence[Any] | None, kind: str) -> list[Operator] | None:
    if artifacts is None:
        return None
    if isinstance(artifacts, Artifact) or not isinstance(artifacts, Iterable):
        raise GraphError(
            f"{kind}s= takes a list of the results of @{kind} functions, not {artifacts!r}",
            hint=f"{kind}s=[...], or leave it out to take all that were called on the graph",
        )
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
    stack = [(root, iter(root.needs))] if root not in done else []
    done.add(root)
    while stack:
        operator, needs = stack[-1]
        for other in needs:
            if other not in done:
                done.add(other)
                stack.append((other, iter(other.needs)))
                break
        else:
            stack.pop()
            yield operator


def _names(operators: Iterable[Operator]) -> dict[Operator, str]:
    """A name for each operator; those of one function are numbered in their order."""
    operators = list(operators)
    explicit = [item for item in operators if not _is_implicit(item)]
    _refuse_claims(explicit)
    names: dict[Operator, str] = {}
    free = _FreeNames({operator.name for operator in explicit})
    for operator in explicit:
        names[operator] = free.first(operator.name)
    for operator in explicit:
        if len(operator.outputs) > 1:
            free.reserve(f"{names[operator]}.{output}" for output in operator.outputs)
    for operator in explicit:
        for item in operator.inputs:
            if _is_implicit(item.operator):
                # Every plain argument has its own operator, with one consumer.
                names[item.operator] = free.take(f"{names[operator]}.{item.operator.name}")
    return {operator: names[operator] for operator in operators}


def _is_implicit(operator: Operator) -> bool:
    return isinstance(operator.task, Parameter) and operator.task.implicit


def _refuse_claims(operators: Iterable[Operator]) -> None:
    """Refuse names that somebody asked for and that something else has, too."""
    first: dict[str, Operator] = {}
    for operator in operators:
        other = first.setdefault(operator.name, operator)
        if other is operator:
            continue
        if "parameter" in (operator.kind, other.kind):
            raise GraphError(
                f"{_told(other)} and {_told(operator)} are both called {operator.name!r}",
                hint="create a parameter once and pass it to all operators that need it, or give "
                "one of them another name",
            )
        if (operator.named or other.named) and operator.origin != other.origin:
            raise GraphError(
                f"{_told(other)} and {_told(operator)} are both called {operator.name!r}",
                hint="give one of them another name=; only calls of the same function are numbered",
            )


def _told(operator: Operator) -> str:
    article = "an" if operator.kind == "op" else "a"
    return f"{article} {operator.kind}" + (f" (made at {operator.site})" if operator.site else "")


class _FreeNames:
    """Numbers names that are used again: `predict`, `predict-2`.

    Args:
        asked: Names that are kept for the first who takes each.
    """

    def __init__(self, asked: set[str]) -> None:
        self._taken = set(asked)
        self._asked = asked
        self._numbers: dict[str, int] = {}

    def first(self, name: str) -> str:
        """A name that was asked for, to the first; a number is added for the others."""
        if name in self._asked:
            self._asked.discard(name)
            return name
        return self.take(name)

    def take(self, name: str) -> str:
        """A name, or a numbered one if it is taken."""
        free = name
        while free in self._taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            free = f"{name}-{self._numbers[name]}"
        self._taken.add(free)
        return free

    def reserve(self, names: Iterable[str]) -> None:
        """Take names of outputs, which have no choice."""
        for name in names:
            if name in self._taken:
                raise GraphError(
                    f"an operator and the output of another are both called {name!r}",
                    hint="give the operator another name=",
                )
            self._taken.add(name)
