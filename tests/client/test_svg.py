"""Graphs as SVG: well-formed whatever things are called, and bounded."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.client._svg import draw
from aqueduct_core.dag._spec import FlowSpec, Input, OperatorSpec, ParameterSpec

SVG = "{http://www.w3.org/2000/svg}"


def flow(edges: dict[str, Iterable[str]], *parameters: ParameterSpec, name: str = "f") -> FlowSpec:
    named = {item.name: item for item in parameters}
    operators = {
        target: OperatorSpec(
            name=target,
            kind="op",
            task={},
            args=tuple(Input(item, None if item in named else "output") for item in needs),
        )
        for target, needs in edges.items()
    }
    return FlowSpec(name=name, parameters=named, operators=operators, python="3.12")


def parameter(name: str, *, implicit: bool = False) -> ParameterSpec:
    return ParameterSpec(name=name, value={"value": 1}, type="numeric", implicit=implicit)


def texts(drawing: str) -> list[str]:
    return [item.text or "" for item in ET.fromstring(drawing).iter(f"{SVG}text")]


def test_operators_and_named_parameters_are_drawn() -> None:
    spec = flow(
        {"a": ["month", "a.x"], "b": ["a"]}, parameter("month"), parameter("a.x", implicit=True)
    )
    drawing = draw(spec, {"a": "failed"}, {"b": "12 ms"})
    assert texts(drawing) == ["month", "parameter", "a", "op", "b", "12 ms"]
    assert drawing.count("<path") == 2
    assert "#fee2e2" in drawing
    assert draw(spec, {"a": "failed"}, {"b": "12 ms"}) == drawing


@given(st.text(min_size=1))
def test_any_name_is_drawn_as_it_is(name: str) -> None:
    texts(draw(flow({name: []}, name=name), {name: "succeeded"}, {name: name}))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><b>', "a\x00b", "&amp;", "\ud800"]
)
def test_hostile_names_stay_text(name: str) -> None:
    root = ET.fromstring(draw(flow({name: []}, name=name)))
    assert {item.tag.removeprefix(SVG) for item in root.iter()} <= {
        "svg",
        "title",
        "g",
        "path",
        "rect",
        "text",
    }


def test_of_very_many_operators_those_that_matter_are_drawn() -> None:
    names = [f"n{index}" for index in range(1000)]
    spec = flow({"source": [], **{name: ["source"] for name in names}, "sink": names})
    drawing = draw(spec, dict.fromkeys(names, "succeeded") | {"n777": "failed"})
    shown = texts(drawing)
    assert "n777" in shown
    assert "… and 961 more" in shown
    assert len(drawing) < 60_000
    huge = draw(flow({f"n{index}": [] for index in range(2001)}))
    assert "2,001 operators" in texts(huge)[0]


def test_an_empty_flow_is_a_drawing() -> None:
    assert texts(draw(flow({}))) == []
