"""The graph of a workflow, as it was in a run: looked at, not computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aqueduct_core.client._svg import draw

if TYPE_CHECKING:
    from aqueduct_core.dag import FlowSpec, OperatorSpec

__all__ = ["Edge", "GraphView"]

_LISTED = 200  # operators in a terminal


@dataclass(frozen=True, slots=True)
class Edge:
    """One operator needs another.

    Attributes:
        source: The operator that is needed.
        target: The operator that needs it.
        output: Which of its outputs is taken; None if it is only waited for.
    """

    source: str
    target: str
    output: str | None


@dataclass(frozen=True, slots=True, eq=False)
class GraphView:
    """Operators and what leads from one to another; a drawing in a notebook.

    Attributes:
        spec: The workflow.
        states: What became of each operator, by name; None for a workflow on its own.
    """

    spec: FlowSpec
    states: Mapping[str, str] | None = None
    _notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def operators(self) -> list[OperatorSpec]:
        """The operators, each after those that it needs."""
        return list(self.spec.operators.values())

    @property
    def edges(self) -> list[Edge]:
        """What leads from operator to operator."""
        found: list[Edge] = []
        for operator in self.operators:
            taken = [
                Edge(item.source, operator.name, item.output)
                for item in operator.inputs
                if not item.is_parameter
            ]
            found += dict.fromkeys(taken)
            found += [Edge(name, operator.name, None) for name in operator.after]
        return found

    def svg(self) -> str:
        """The drawing."""
        return draw(self.spec, self.states, self._notes)

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        lines = [f"<Graph of {self.spec.name!r}: {len(self.operators):,} operators>"]
        width = max((len(item.name) for item in self.operators[:_LISTED]), default=0)
        for operator in self.operators[:_LISTED]:
            needs = ", ".join(dict.fromkeys(_sources(operator)))
            state = "" if self.states is None else self.states.get(operator.name, "pending")
            line = f"  {operator.name:<{width}}  {operator.kind:<6} {state:<9}"
            lines.append(f"{line} <- {needs}" if needs else line.rstrip())
        if len(self.operators) > _LISTED:
            lines.append(f"  … and {len(self.operators) - _LISTED:,} more")
        return "\n".join(lines)


def _sources(operator: OperatorSpec) -> list[str]:
    return [*(item.source for item in operator.inputs if not item.is_parameter), *operator.after]
