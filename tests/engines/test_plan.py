"""The order of operators, whatever the graph and however they end."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.dag import FlowSpec, Input, OperatorSpec, Settings
from aqueduct_core.engines.local._plan import Lane, Plan, lane_of

PLAIN = Lane(None, None, 1)


def operator(name: str, *needs: str, after: tuple[str, ...] = (), **settings: Any) -> OperatorSpec:
    args = tuple(Input(need, "output") for need in needs)
    return OperatorSpec(
        name=name, kind="op", task={}, args=args, after=after, settings=Settings(**settings)
    )


def spec(*operators: OperatorSpec) -> FlowSpec:
    named = {item.name: item for item in operators}
    return FlowSpec(name="flow", parameters={}, operators=named, python="3.11")


@st.composite
def graphs(draw: st.DrawFn) -> FlowSpec:
    found: list[OperatorSpec] = []
    for number in range(draw(st.integers(1, 12))):
        needs = (
            draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        )
        cpu = draw(st.sampled_from([1, 1, 1, 2]))
        found.append(operator(str(number), *map(str, needs), resources={"cpu": cpu}))
    return spec(*found)


@given(graphs(), st.data())
def test_every_operator_ends_once_and_after_what_it_needs(
    graph: FlowSpec, data: st.DataObject
) -> None:
    plan = Plan(graph, {}, 2)
    states: dict[str, str] = {}
    taken: list[str] = []
    while not plan.is_done:
        lanes = plan.lanes()
        if lanes and (not taken or data.draw(st.booleans())):
            limit, chain = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 5))
            batch = plan.take(lanes[0], limit, chain=chain)
            assert batch
            assert not set(batch) & {*taken, *states}
            for name in batch:
                others = batch[: batch.index(name)]
                ready = {need for need in states if states[need] == "succeeded"}
                assert graph.operators[name].needs <= {*others, *ready, *taken}
            taken += batch
        else:
            name = taken.pop(0)
            if data.draw(st.integers(0, 5)) == 5:
                plan.give_back([name])
                continue
            if any(states.get(need) != "succeeded" for need in graph.operators[name].needs):
                if name not in states:
                    plan.give_back([name])  # a worker gives back what follows a failure
                continue
            state = data.draw(st.sampled_from(["succeeded", "succeeded", "failed"]))
            assert name not in states
            states[name] = state
            for other in plan.end(name, state):  # type: ignore[arg-type]  # one of the two
                assert other not in states
                states[other] = "skipped"
    assert states.keys() == graph.operators.keys()
    for name, state in states.items():
        needs = {states[need] for need in graph.operators[name].needs}
        assert (state == "skipped") == bool(needs - {"succeeded"})


def test_a_chain_is_taken_at_once() -> None:
    graph = spec(operator("a"), operator("b", "a"), operator("c", "b"), operator("d", "c"))
    plan = Plan(graph, {}, 2)
    assert plan.take(PLAIN, 1, chain=3) == ["a", "b", "c"]
    assert plan.lanes() == []
    assert plan.end("a", "succeeded") == {}
    assert plan.lanes() == []  # b is taken
    plan.give_back(["b", "c"])
    assert plan.take(PLAIN, 5) == ["b"]


def test_operators_that_want_something_else_have_lanes_of_their_own() -> None:
    wide = operator("wide", resources={"cpu": 64})
    half = operator("half", resources={"cpu": 0.5})
    other = operator("other", requirements=("pandas",), python="3.12")
    assert lane_of(wide, 4) == Lane(None, None, 4)
    assert lane_of(half, 4) == PLAIN
    assert lane_of(other, 4) == Lane(("pandas",), "3.12", 1)
    plan = Plan(spec(wide, half, other), {}, 4)
    assert plan.lanes() == [Lane(None, None, 4), PLAIN, Lane(("pandas",), "3.12", 1)]


def test_a_run_that_goes_on_begins_where_it_ended() -> None:
    graph = spec(
        operator("a"),
        operator("b", "a"),
        operator("c", "b"),
        operator("d", "a"),
        operator("e", "d"),
        operator("f", after=("b",)),
    )
    plan = Plan(graph, {"a": "succeeded", "b": "failed"}, 2)
    assert plan.skipped == {
        "c": "it needs 'b', which failed",
        "f": "it needs 'b', which failed",
    }
    assert plan.take(PLAIN, 9) == ["d"]
    plan.end("d", "warning")
    assert plan.take(PLAIN, 9) == ["e"]
