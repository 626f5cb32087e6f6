"""Names that people give, and names that are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.dag import Graph, Version, check_name, flow_id
from aqueduct_core.dag._names import as_name
from aqueduct_core.errors import GraphError


def plain(value: Any = 1, **more: Any) -> Any:
    return value


@pytest.mark.parametrize(
    "name", ["", " ", "a\nb", "a\0", "\ud800", "a\u202eb", "\x1b[31m", 5, None]
)
def test_a_name_is_a_line_of_text(name: object) -> None:
    with pytest.raises(GraphError, match=r"it: name=.* is no name"):
        check_name("it", name, "it()")


def test_a_name_that_is_too_long_is_not_repeated() -> None:
    with pytest.raises(GraphError, match="has 10000 characters") as caught:
        check_name("it", "x" * 10_000, "it()")
    assert len(str(caught.value)) < 300


@given(st.text(st.characters(codec=None), min_size=1))
def test_names_that_are_made_can_be_shown(text: str) -> None:
    name = as_name(text)
    assert name.isprintable()
    assert len(name) <= 200


def test_functions_of_any_name_become_operators() -> None:
    plain.__name__ = "\ud800"
    try:
        made = aq.to_operator(plain)(1, **{"half \udc00": 2})
    finally:
        plain.__name__ = "plain"
    assert made.name == "\\ud800"
    assert list(Graph.behind(made).parameters()) == ["\\ud800.value", "\\ud800.half \\udc00"]


def test_text_with_half_a_character_is_kept(tmp_path: Path) -> None:
    made = aq.to_operator(plain, description="half \ud800")(1, **{"\udc00": 2})
    version = Version.of("flow", Graph.behind(made))
    store = aq.ArtifactStore(tmp_path, signing_key=b"key")
    version.save(store)
    found = Version.load(store, version.flow, version.digest)
    assert found.spec == version.spec
    assert found.spec.operators["plain"].description == "half \ud800"


def test_workflows_of_any_name_can_be_looked_for() -> None:
    assert flow_id("\ud800") != flow_id("\ud801")
