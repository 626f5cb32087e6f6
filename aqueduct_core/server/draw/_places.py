"""Where the nodes of a workflow's graph stand: of one version always in the same places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

from aqueduct_core.dag import FlowSpec, OperatorSpec
from aqueduct_core.dag.layout import Layout, layout

__all__ = ["HEAD", "ROW", "WIDTH", "Places", "fits", "key_of", "places_of", "row_middle"]

WIDTH = 226.0
HEAD = 44.0
ROW = 24.0
MOST_ROWS = 4
_SIBLINGS = 6  # so many that do the same share one box
_MANY = 60  # boxes from which on whole lanes are put into one another
_ROUNDS = 60  # steps of a lane
_LARGEST = 300  # nodes that are drawn at all
_PARAMETER = 32.0


def fits(places: Places, names: Sequence[str]) -> bool:
    """Whether the operators of a box could stand apart in the same drawing."""
    return len(places.layout.boxes) + len(names) - 1 <= _LARGEST


@dataclass(frozen=True, slots=True)
class Places:
    """A graph with places.

    Attributes:
        layout: The places of nodes and edges.
        leaves: How far below the top of its source each edge leaves.
        stacks: Operators that share a box, by its key.
    """

    layout: Layout
    leaves: Mapping[tuple[str, str], float]
    stacks: Mapping[str, Sequence[str]] = field(default_factory=dict)


def key_of(name: str, *, parameter: bool = False) -> str:
    """The key of an operator or parameter; they may have the same name."""
    return f"p:{name}" if parameter else f"o:{name}"


def row_middle(index: int) -> float:
    """Where a row of a card has its middle, below the card's top."""
    return HEAD + 3 + ROW * index + ROW / 2


def places_of(spec: FlowSpec, opened: Collection[str] = ()) -> Places | None:
    """Where everything stands; None if there is too much for a drawing.

    Args:
        spec: The workflow.
        opened: The keys of boxes whose operators stand apart all the same.
    """
    stacks = _stacks(spec)
    if len(spec.operators) - sum(len(names) - 1 for names in stacks.values()) > _MANY:
        stacks = _stacks_of_lanes(spec) or stacks
    stacks = {key: names for key, names in stacks.items() if key not in opened}
    into = {name: stack for stack, names in stacks.items() for name in names}
    sizes: dict[str, tuple[float, float]] = {
        key_of(name, parameter=True): (WIDTH, _PARAMETER)
        for name, item in spec.parameters.items()
        if not item.implicit
    }
    leaves: dict[tuple[str, str], float] = {}
    for name, operator in spec.operators.items():
        key = into.get(name, key_of(name))
        if key not in sizes:
            rows = 1 if key in stacks else rows_of(operator)
            sizes[key] = (WIDTH, HEAD + ROW * rows + (6 if rows else 0))
        for source, way in _sources(spec, operator, into):
            leaves.setdefault((source, key), way)
    if len(sizes) > _LARGEST:
        return None
    edges = [edge for edge in leaves if edge[0] in sizes and edge[0] != edge[1]]
    placed = layout(_in_order(sizes, edges), edges, across=60.0, between=20.0)
    return Places(placed, leaves, stacks)


def _in_order(
    sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]
) -> dict[str, tuple[float, float]]:
    """Each box after those that it needs: a box of many stands where its first operator stood."""
    at = {key: place for place, key in enumerate(sizes)}
    if all(at[source] < at[target] for source, target in edges):
        return dict(sizes)
    needs: dict[str, list[str]] = {key: [] for key in sizes}
    for source, target in edges:
        needs[target].append(source)
    order = TopologicalSorter(needs).static_order()
    depths: dict[str, int] = {}
    for key in order:
        depths[key] = 1 + max((depths[item] for item in needs[key]), default=0)
    return dict(sorted(sizes.items(), key=lambda item: depths[item[0]]))


def rows_of(operator: OperatorSpec) -> int:
    """How many rows the card of an operator has."""
    return min(len(operator.outputs), MOST_ROWS) if operator.kind in ("op", "query") else 1


def _sources(
    spec: FlowSpec, operator: OperatorSpec, into: Mapping[str, str]
) -> list[tuple[str, float]]:
    found = []
    for item in operator.inputs:
        if item.output is None:
            if not spec.parameters[item.source].implicit:
                found.append((key_of(item.source, parameter=True), _PARAMETER / 2))
        elif item.source in into:
            found.append((into[item.source], row_middle(0)))
        else:
            source = spec.operators[item.source]
            row = min(source.outputs.index(item.output), rows_of(source) - 1)
            found.append((key_of(item.source), row_middle(row)))
    return [*found, *((into.get(name, key_of(name)), HEAD / 2) for name in operator.after)]


def _stacks(spec: FlowSpec) -> dict[str, list[str]]:
    """Operators that do the same to the same, and are needed by the same."""
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for name, operator in spec.operators.items():
        parameters = frozenset(
            item.source
            for item in operator.inputs
            if item.is_parameter and not spec.parameters[item.source].implicit
        )
        key = (operator.kind, operator.needs, parameters, frozenset(spec.consumers[name]))
        alike[*key, _deed(operator)].append(name)
    return {f"s:{names[0]}": names for names in alike.values() if len(names) >= _SIBLINGS}


def _stacks_of_lanes(spec: FlowSpec) -> dict[str, list[str]]:
    """Operators that do the same between others of which the same is true.

    Of many lanes side by side, `clean` to `train` to `score`, each step is one box. What ends up in
    one box is as far from the start, so no box leads back to itself.
    """
    consumers = spec.consumers
    classes = _numbered(
        {
            name: (operator.kind, _deed(operator), not operator.needs, not consumers[name])
            for name, operator in spec.operators.items()
        }
    )
    for _ in range(_ROUNDS):
        finer = _numbered(
            {
                name: (
                    classes[name],
                    frozenset(classes[item] for item in operator.needs),
                    frozenset(classes[item] for item in consumers[name]),
                )
                for name, operator in spec.operators.items()
            }
        )
        if len({*finer.values()}) == len({*classes.values()}):
            break
        classes = finer
    else:
        return {}  # a long chain, which no box makes shorter
    alike: dict[int, list[str]] = defaultdict(list)
    for name, number in classes.items():
        alike[number].append(name)
    return {f"s:{names[0]}": names for names in alike.values() if len(names) >= _SIBLINGS}


def _numbered(found: Mapping[str, Hashable]) -> dict[str, int]:
    """Numbers in place of values, the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return {name: numbers.setdefault(value, len(numbers)) for name, value in found.items()}


def _deed(operator: OperatorSpec) -> Hashable:
    """What it does: its function, its preset's name, or the data system it reads or saves into."""
    task = operator.task
    preset = task.get("preset")
    named = preset.get("name") if isinstance(preset, Mapping) else task.get("integration")
    found: Hashable = task.get("source") or named or task.get("digest")
    return found
