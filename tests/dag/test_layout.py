"""Graphs get places: nothing overlaps, everything leads to the right, twice the same is the same."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.dag.layout import Layout, layers, layout


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    count = draw(st.integers(0, 15))
    nodes = [f"n{index}" for index in range(count)]
    pairs = [(a, b) for index, b in enumerate(nodes) for a in nodes[:index]]
    return nodes, draw(st.lists(st.sampled_from(pairs), max_size=40)) if pairs else []


def overlapping(found: Layout) -> list[tuple[str, str]]:
    boxes = sorted(found.boxes.items(), key=lambda item: (item[1].x, item[1].y))
    return [
        (one, other)
        for (one, a), (other, b) in pairwise(boxes)
        if a.x == b.x and a.y + a.height > b.y + 1e-6
    ]


@given(graphs())
def test_nothing_overlaps_and_every_line_leads_to_the_right(
    graph: tuple[list[str], list[tuple[str, str]]],
) -> None:
    nodes, edges = graph
    found = layout(dict.fromkeys(nodes, (100.0, 30.0)), edges)
    assert list(found.boxes) == nodes
    assert overlapping(found) == []
    for box in found.boxes.values():
        assert -1e-6 <= box.y <= found.height - box.height + 1e-6
        assert 0 <= box.x <= found.width - box.width
    assert {(line.source, line.target) for line in found.lines} == set(edges)
    for line in found.lines:
        xs = [x for x, _ in line.points]
        assert xs == sorted(xs)
    assert found == layout(dict.fromkeys(nodes, (100.0, 30.0)), edges)


def test_a_node_stands_right_of_all_that_it_needs() -> None:
    assert layers("abcd", [("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")]) == {
        "a": 0,
        "b": 1,
        "c": 2,
        "d": 1,
    }


def test_what_needs_nothing_stands_near_what_needs_it() -> None:
    assert layers("adbc", [("a", "b"), ("b", "c"), ("d", "c")])["d"] == 1


def test_lines_keep_clear_of_the_boxes_that_they_pass() -> None:
    found = layout(dict.fromkeys("abcx", (100.0, 30.0)), [("a", "b"), ("b", "c"), ("a", "c")])
    [line] = [line for line in found.lines if (line.source, line.target) == ("a", "c")]
    passed = found.boxes["b"]
    [(left, one), (right, other)] = line.points[1:-1]
    assert (left, right) == (passed.x, passed.x + passed.width)
    assert one == other
    assert not passed.y < one < passed.y + passed.height


def test_a_chain_is_straight() -> None:
    found = layout(dict.fromkeys("abc", (100.0, 30.0)), [("a", "b"), ("b", "c")])
    assert {box.y for box in found.boxes.values()} == {0.0}
    assert [box.x for box in found.boxes.values()] == [0.0, 148.0, 296.0]
    assert (found.width, found.height) == (396.0, 30.0)


def test_lines_that_would_cross_are_untangled() -> None:
    edges = [("a", "d"), ("b", "c")]
    found = layout(dict.fromkeys("abcd", (100.0, 30.0)), edges)
    down = [box.y for box in found.boxes.values()]
    assert (down[0] < down[1]) == (down[3] < down[2])


def test_large_graphs_are_placed_without_waiting() -> None:
    names = [f"n{index}" for index in range(1000)]
    fan = layout(dict.fromkeys(names, (100.0, 30.0)), [("n0", name) for name in names[1:]])
    assert overlapping(fan) == []
    chain = [*pairwise(names), *(("n0", name) for name in names[2:])]
    assert len(layout(dict.fromkeys(names, (100.0, 30.0)), chain).lines) == len(chain)
