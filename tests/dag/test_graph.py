"""What belongs to a graph, in which order, under which names."""

from __future__ import annotations

import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Graph, Version
from aqueduct_core.errors import GraphError, ParameterError


@aq.op
def step(*inputs: object) -> object:
    return inputs


@aq.metric
def size(value: object) -> int:
    return 1


@aq.check(severity="error")
def fine(value: object) -> bool:
    return True


def names(graph: Graph) -> list[str]:
    return [graph.names[operator] for operator in graph.operators]


def test_inputs_come_first() -> None:
    base = step()
    left, right = step(base), step(base)
    graph = Graph.of([step(left, right)])
    assert names(graph) == ["step", "step-2", "step-3", "step-4"]
    seen = set()
    for operator in graph.operators:
        assert {item.operator for item in operator.inputs} <= seen
        seen.add(operator)


def test_metrics_and_checks_come_along_also_those_on_inputs_and_on_each_other() -> None:
    base = step()
    fine(size(base))
    top = step(base)
    size(top)
    assert sorted(names(Graph.of([top]))) == ["fine", "size", "size-2", "step", "step-2"]
    assert names(Graph.behind(top)) == ["step", "step-2"]


def test_what_does_not_look_at_the_graph_stays_out() -> None:
    base = step()
    step(base)
    assert names(Graph.of([base])) == ["step"]


def test_metrics_and_checks_can_be_chosen() -> None:
    base = step()
    one = size(base)
    aq.metric(name="other")(size.local)(base)
    fine(base)
    assert names(Graph.of([base], metrics=[one], checks=[])) == ["step", "size"]
    with pytest.raises(GraphError, match="takes the results of @check functions"):
        Graph.of([base], checks=[one])


def test_the_same_call_made_again_replaces_the_first_as_in_a_notebook() -> None:
    base = step()
    size(base)
    again = size(base)
    graph = Graph.of([base])
    assert graph.operators[1] is again.operator
    assert len(graph.operators) == 2


def test_two_parameters_of_one_name_are_refused(tmp_path) -> None:
    client = aq.Client(home=tmp_path)
    one, two = client.create_param("limit", 1), client.create_param("limit", 2)
    with pytest.raises(GraphError, match="called 'limit'"):
        Graph.of([step(one, two)])
    assert names(Graph.of([step(one, step(one))])) == ["limit", "step", "step-2"]


def test_unknown_parameters_are_named_together_with_those_there_are() -> None:
    graph = Graph.of([step(1)])
    with pytest.raises(ParameterError, match=r"'nope'[\s\S]*step\.inputs\[0\]"):
        graph.override({"nope": 1})
    assert list(graph.override({"step.inputs[0]": 5}).values()) == [5]


def test_long_chains_are_not_recursed_into() -> None:
    chain = step()
    for _ in range(5_000):
        chain = step(chain)
    assert len(Graph.of([chain]).operators) == 5_001
    fan = [size.__class__(size._task, name=f"m{i}")(chain) for i in range(1_000)]
    assert len(Graph.of([chain]).operators) == 5_001 + len(fan)


def spec_of(limit: int, **options: object) -> Version:
    return Version.of("flow", Graph.of([step(limit)]), **options)


def test_the_same_content_is_the_same_version_with_the_same_ids() -> None:
    one, two = spec_of(1), spec_of(1)
    assert one.digest == two.digest
    assert one.ids == two.ids
    assert len(set(one.ids.values())) == 2


@pytest.mark.parametrize(
    "other",
    [
        lambda: spec_of(2),
        lambda: spec_of(True),
        lambda: spec_of(1.0),
        lambda: spec_of(1, schedule=aq.daily(hour=8)),
        lambda: spec_of(1, description="x"),
        lambda: Version.of("flow", Graph.of([aq.op(name="step")(lambda *inputs: 2)(1)])),
    ],
)
def test_whatever_changes_makes_another_version(other) -> None:
    assert other().digest != spec_of(1).digest
