"""The graph of a workflow as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import aqueduct_core as aq
from aqueduct_core.dag import FlowSpec, OperatorSpec
from aqueduct_core.dag._spec import Input
from aqueduct_core.server.draw import Card, Row, fits, graph, key_of, places_of
from aqueduct_core.server.draw._text import fit


@pytest.fixture
def spec(tmp_path_factory: pytest.TempPathFactory) -> FlowSpec:
    """Two operators and a parameter, a metric, and seven that do the same."""
    with aq.Client(home=tmp_path_factory.mktemp("home")) as client:

        @aq.op
        def start(size: int) -> int:
            return size

        @aq.op(outputs=["low", "high"])
        def split(number: int) -> tuple[int, int]:
            return number, number

        @aq.metric
        def total(number: int) -> int:
            return number

        @aq.op
        def shard(number: int) -> int:
            return number

        low, high = split(start(client.create_param("size", 3)))
        total(high)
        made: list[Any] = [shard(low) for _ in range(7)]
        flow = client.publish_flow("Drawn", made, run_now=False, quiet=True)
        return flow.version().spec


def test_operators_that_do_the_same_share_a_box(spec: FlowSpec) -> None:
    places = places_of(spec)
    assert places is not None
    [(key, names)] = places.stacks.items()
    assert len(names) == 7
    assert set(places.layout.boxes) == {"p:size", "o:start", "o:split", "o:total", key}


def test_operators_that_do_different_things_have_boxes_of_their_own(tmp_path: Path) -> None:
    def one(table: list[int]) -> int:
        return table[0]

    def another(table: list[int]) -> int:
        return table[-1]

    with aq.Client(home=tmp_path) as client:
        table = client.create_param("table", [1, 2])
        made = [aq.op(function)(table) for function in [one, another] * 4]
        flow = client.publish_flow("Different", made, run_now=False, quiet=True)
        places = places_of(flow.version().spec)
    assert places is not None
    assert places.stacks == {}


def test_a_box_is_unfolded(spec: FlowSpec) -> None:
    folded = places_of(spec)
    assert folded is not None
    [(key, names)] = folded.stacks.items()
    assert fits(folded, names)
    places = places_of(spec, [key])
    assert places is not None
    assert places.stacks == {}
    assert {f"o:{name}" for name in names} <= set(places.layout.boxes)


def op(name: str, task: dict[str, str], *args: Input) -> OperatorSpec:
    return OperatorSpec(name=name, kind="op", task=task, args=args)


def lanes(count: int, steps: int) -> FlowSpec:
    """So many lanes side by side, of so many steps, between a first and a last operator."""
    operators = [op("load", {"source": "def load"})]
    for lane in range(count):
        source = "load"
        for step in range(steps):
            name = f"step {step} of {lane}"
            operators.append(
                op(name, {"source": f"def {step}"}, Input(source=source, output="output"))
            )
            source = name
    last = [Input(source=f"step {steps - 1} of {lane}", output="output") for lane in range(count)]
    operators.append(op("join", {"source": "def join"}, *last))
    return FlowSpec(
        name="Lanes",
        python="3.12",
        parameters={},
        operators={item.name: item for item in operators},
    )


def test_many_lanes_are_one_lane_of_boxes() -> None:
    places = places_of(lanes(300, 3))
    assert places is not None
    assert len(places.layout.boxes) == 5
    assert [len(names) for names in places.stacks.values()] == [300, 300, 300]
    assert [(line.source, line.target) for line in places.layout.lines] == [
        ("o:load", "s:step 0 of 0"),
        ("s:step 0 of 0", "s:step 1 of 0"),
        ("s:step 1 of 0", "s:step 2 of 0"),
        ("s:step 2 of 0", "o:join"),
    ]
    assert not fits(places, places.stacks["s:step 0 of 0"]), "300 more are too many"


def test_one_step_of_lanes_is_unfolded_among_the_others() -> None:
    places = places_of(lanes(100, 3), ["s:step 1 of 0"])
    assert places is not None
    assert len(places.layout.boxes) == 4 + 100
    edges = {(line.source, line.target) for line in places.layout.lines}
    assert ("s:step 0 of 0", "o:step 1 of 7") in edges
    assert ("o:step 1 of 7", "s:step 2 of 0") in edges


def test_a_few_lanes_are_drawn_apart() -> None:
    places = places_of(lanes(7, 3))
    assert places is not None
    assert places.stacks == {}


def test_a_long_chain_is_no_drawing() -> None:
    assert places_of(lanes(1, 1000)) is None


def test_edges_leave_from_the_row_of_their_output(spec: FlowSpec) -> None:
    places = places_of(spec)
    assert places is not None
    [stack] = places.stacks
    assert places.leaves["o:split", "o:total"] - places.leaves["o:split", stack] == 24


def test_data_flows_from_left_to_right(spec: FlowSpec) -> None:
    places = places_of(spec)
    assert places is not None
    for line in places.layout.lines:
        assert places.layout.boxes[line.source].x < places.layout.boxes[line.target].x


def test_a_workflow_has_the_same_places_each_time(spec: FlowSpec) -> None:
    assert places_of(spec) == places_of(FlowSpec.from_json(spec.to_json()))


def test_names_are_text_and_states_are_words(spec: FlowSpec) -> None:
    places = places_of(spec)
    assert places is not None
    evil = "<b>\"bold\" & 'brave'</b>"
    cards = {
        key: Card(evil, "op", evil, "failed", "/there?a=1&b=2", [Row("table", evil, evil, "/x")])
        for key in places.layout.boxes
    }
    cards[key_of("size", parameter=True)] = Card(evil, "parameter", evil)
    root = ET.fromstring(graph(places, cards, "/icons.svg", evil))
    heads = [item for item in root.iter("a") if item.get("class") == "head"]
    assert len(heads) == 4
    for head in heads:
        assert head.attrib["href"] == "/there?a=1&b=2"
        [title] = [item.text for item in head if item.tag == "title"]
        assert title == f"{evil}: {evil}, failed"


def test_kinds_and_types_are_text_wherever_they_come_from(spec: FlowSpec) -> None:
    places = places_of(spec)
    assert places is not None
    evil = '"><script>alert(1)</script>'
    rows = [Row(evil, "table", tone=evil)]
    cards = {
        key: Card("name", evil, "note", state, None, rows)
        for key, state in zip(places.layout.boxes, [evil, "", evil, "", evil], strict=True)
    }
    root = ET.fromstring(graph(places, cards, "/icons.svg", "a graph"))
    assert not [item for item in root.iter() if item.tag.endswith("script")]


def test_long_names_are_cut_to_their_box() -> None:
    assert fit("short", 100, 13) == "short"
    cut = fit("a_name_that_is_far_too_long_for_any_box_of_ours", 100, 13)
    assert cut.endswith("…")
    assert len(cut) < 20
