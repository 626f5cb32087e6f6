"""The dataset in a real Kedro's catalog."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import Tool

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def kedro(tool: Callable[[str], Tool]) -> Tool:
    return tool("kedro")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def seen(kedro: Tool, url: Path) -> dict[str, Any]:
    return kedro.found("kedro_cases", url)


@pytest.fixture(scope="module")
def shown(kedro: Tool, url: Path) -> dict[str, Any]:
    return kedro.found("kedro_viz_cases", url)


def test_the_example_leaves_typed_artifacts(kedro: Tool, tmp_path: Path) -> None:
    kedro.example("kedro_catalog", tmp_path)
    store = ArtifactStore(tmp_path)
    assert store.get("summary") == {"Bern": 1, "Oslo": 2}
    (ref,) = store.list("customers/")
    assert ref.key.endswith("Z/customers")
    assert [*map(str, store.get(ref).dtypes)] == ["Int64", "category", "float64"]


def test_the_latest_version_is_loaded_unless_another_is_asked_for(seen: dict[str, Any]) -> None:
    assert seen["latest"] == ["3", "Int64", "category"]
    assert seen["old"] == "1"
    assert seen["versions"] == [f"2026-01-0{day}T00.00.00.000Z" for day in (3, 2, 1)]


def test_a_version_is_not_overwritten(seen: dict[str, Any]) -> None:
    assert "must not exist if versioning is enabled" in seen["again"]


def test_columns_and_the_class_of_tables_stand_in_the_catalog(seen: dict[str, Any]) -> None:
    assert seen["polars"] == ["polars", "tag"]


def test_previews_are_those_made_at_save(seen: dict[str, Any]) -> None:
    assert seen["preview"] == {
        "index": [0, 1],
        "columns": ["id", "tag"],
        "data": [[3, "x"], [None, "y"]],
    }
    assert "[3]" in seen["nest preview"]
    assert "no artifact 'never'" in seen["no preview"]


def test_kedro_viz_shows_them_each_in_its_way(shown: dict[str, Any]) -> None:
    table = {"index": [0, 1], "columns": ["id", "x"], "data": [[1, "NaN"], [None, 1.5]]}
    assert shown["customers"]["preview"] == table, "preview_args says two rows"
    assert shown["customers"]["preview_type"] == "TablePreview"
    assert json.loads(shown["summary"]["preview"]) == {"rows": 3, "1": [2]}
    assert shown["summary"]["preview_type"] == "JSONPreview"
    assert base64.b64decode(shown["picture"]["preview"]).startswith(b"\x89PNG")
    assert shown["picture"]["preview_type"] == "ImagePreview"
    assert shown["never"].get("preview") is None


def test_kedro_viz_finds_the_metadata_of_the_catalog(shown: dict[str, Any]) -> None:
    assert shown["layers"] == ["raw", "model"]
    assert shown["customers"]["type"] == "adapters.kedro.AqueductDataset"


def test_values_that_json_changes_come_back_as_they_were(seen: dict[str, Any]) -> None:
    assert seen["nest"] == repr({1: (1, {2}), "t": (3,)})


def test_what_is_missing_is_an_error_and_does_not_exist(seen: dict[str, Any]) -> None:
    assert seen["exists"] == [True, True, False, False]
    assert "no artifact 'never'" in seen["never"]


def test_what_can_not_be_kept_is_refused(seen: dict[str, Any]) -> None:
    assert "Saving 'None' to a" in seen["none"]
    assert "object" in seen["object"]
    assert seen["object"].startswith("DatasetError")


def test_the_serializer_can_be_chosen(seen: dict[str, Any], url: Path) -> None:
    assert seen
    assert ArtifactStore(url).manifest("p").content.serializer == "parquet"
