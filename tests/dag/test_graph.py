"""What belongs to a graph, in which order, under which names."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.dag import GenericArtifact, Graph, Operator, OperatorFunction, Parameter
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


def called(name: str, function: object = step.local) -> OperatorFunction:
    return aq.op(name=name)(function)


def parameter(name: str) -> aq.Artifact:
    return GenericArtifact(Operator(name=name, task=Parameter(1)), "output")


def test_inputs_come_first() -> None:
    base = step()
    left, right = step(base), step(base)
    graph = Graph.of([step(left, right)])
    assert names(graph) == ["step", "step-2", "step-3", "step-4"]


@given(st.data())
def test_whatever_is_connected_each_comes_after_what_it_needs(data) -> None:
    made = [step()]
    for _ in range(data.draw(st.integers(1, 12))):
        inputs = data.draw(st.lists(st.sampled_from(made), max_size=3))
        made.append(step(*inputs))
        for other in data.draw(st.lists(st.sampled_from(made), max_size=2)):
            with contextlib.suppress(GraphError):  # it would have been a cycle
                data.draw(st.sampled_from(made)).after(other)
        size(data.draw(st.sampled_from(made)))
    graph = Graph.of([made[-1]])
    seen: set[Operator] = set()
    for operator in graph.operators:
        assert set(operator.needs) <= seen
        seen.add(operator)
    assert len(set(graph.names.values())) == len(graph.operators) == len(seen)


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
    for what in (one, 3):
        with pytest.raises(GraphError, match="metrics= takes a list of the results of @metric"):
            Graph.of([base], metrics=what)  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="takes the results of @check functions"):
        Graph.of([base], checks=[one])


def test_two_parameters_of_one_name_are_refused() -> None:
    one, two = parameter("limit"), parameter("limit")
    with pytest.raises(GraphError, match="a parameter and a parameter are both called 'limit'"):
        Graph.of([step(one, two)])
    assert names(Graph.of([step(one, step(one))])) == ["limit", "step", "step-2"]


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_parameter_shares_its_name_with_no_operator(first: bool) -> None:
    one, two = called("limit")(), parameter("limit")
    with pytest.raises(GraphError, match=r"are both called 'limit'[\s\S]*another name"):
        Graph.of([step(one, two) if first else step(two, one)])


class TestNames:
    def test_calls_of_one_function_are_numbered_also_if_it_was_given_a_name(self) -> None:
        predict = called("predict")
        assert names(Graph.of([predict(predict(predict()))])) == [
            "predict",
            "predict-2",
            "predict-3",
        ]

    def test_a_function_that_was_defined_again_is_the_same(self) -> None:
        assert names(Graph.of([called("predict")(called("predict")())]))[-1] == "predict-2"

    def test_functions_that_happen_to_have_one_name_are_numbered(self) -> None:
        def other() -> object:
            @aq.op
            def step(value: object) -> object:
                return value

            return step

        assert names(Graph.of([other()(step())])) == ["step", "step-2"]

    @pytest.mark.parametrize(
        "make",
        [
            lambda: called("x")(called("x", size.local)(1)),
            lambda: called("step", size.local)(step()),
            lambda: step(called("step", size.local)(1)),
            lambda: called("x", lambda a: 1)(called("x", lambda a: 2)(1)),
        ],
        ids=["both asked", "the later asked", "the first asked", "lambdas"],
    )
    def test_a_name_that_somebody_asked_for_is_for_one_function(self, make) -> None:
        with pytest.raises(GraphError) as caught:
            Graph.of([make()])
        assert "are both called" in str(caught.value)
        assert str(caught.value).count("dag/test_graph.py:") == 2
        assert "only calls of the same function are numbered" in str(caught.value)

    def test_a_number_never_takes_a_name_that_somebody_asked_for(self) -> None:
        graph = Graph.of([called("step-2")(step(step()))])
        assert names(graph) == ["step", "step-3", "step-2"]

    def test_outputs_and_plain_arguments_don_t_get_the_same_name(self) -> None:
        @aq.op(outputs=["train", "test"])
        def split(train: object) -> tuple[object, object]:
            return train, train

        train, _ = split(1)
        graph = Graph.of([train])
        assert graph.artifact_name(train) == "split.train"
        assert list(graph.parameters()) == ["split.train-2"]
        with pytest.raises(GraphError, match=r"both called 'split\.test'"):
            Graph.of([called("split.test")(train)])


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
    fan = [aq.metric(name=f"m{i}")(size.local)(chain) for i in range(1_000)]
    assert len(Graph.of([chain]).operators) == 5_001 + len(fan)
    first = Graph.of([chain]).operators[0]
    with pytest.raises(GraphError, match="can't wait for"):
        GenericArtifact(first, "output").after(chain)


def test_a_fan_out_of_a_thousand_and_its_way_back() -> None:
    base = step()
    graph = Graph.of([step(*(step(base, index) for index in range(1_000)))])
    assert len(graph.operators) == 1 + 2_000 + 1
    assert graph.names[graph.operators[-1]] == "step-1002"


def test_a_long_order_without_data() -> None:
    steps = [step() for _ in range(2_000)]
    for before, later in itertools.pairwise(steps):
        later.after(before)
    assert Graph.behind(steps[-1]).operators == tuple(item.operator for item in steps)
    with pytest.raises(GraphError, match="can't wait for"):
        steps[0].after(steps[-1])
