"""Savers and loaders in a real Hamilton."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import Tool

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def hamilton(tool: Callable[[str], Tool]) -> Tool:
    return tool("hamilton")


@pytest.fixture(scope="module")
def seen(hamilton: Tool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return hamilton.found("hamilton_cases", tmp_path_factory.mktemp("store"))


def test_the_example_leaves_a_typed_artifact(hamilton: Tool, tmp_path: Path) -> None:
    out = hamilton.example("hamilton_functions", tmp_path)
    assert out.splitlines() == ["rows 3", "{'Bern': 1, 'Oslo': 2}"]
    assert str(ArtifactStore(tmp_path).get("customers")["id"].dtype) == "Int64"


def test_values_are_loaded_as_annotated_and_otherwise_as_they_were(seen: dict[str, Any]) -> None:
    assert seen["in_polars"] == "polars ['tag']"
    assert seen["in_pandas"] == "['Int64', 'category']", "not numpy_nullable, not object"
    assert seen["of_nest"] == repr({1: (1, {2})})


def test_metadata_is_what_the_manifest_says(seen: dict[str, Any]) -> None:
    found = seen["metadata"]
    assert (found["key"], found["type"], found["rows"]) == ("table", "table", 2)
    assert [column["name"] for column in found["schema"]] == ["id", "tag"]


def test_materializers_reach_any_node(seen: dict[str, Any]) -> None:
    assert seen["doubled"] == 42


def test_what_is_missing_is_an_error(seen: dict[str, Any]) -> None:
    assert seen["never"] == "ArtifactNotFoundError"
