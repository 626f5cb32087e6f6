"""The IO manager in a real Dagster."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import Tool

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def dagster(tool: Callable[[str], Tool]) -> Tool:
    return tool("dagster")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def seen(dagster: Tool, url: Path) -> dict[str, Any]:
    return dagster.found("dagster_cases", url)


def test_the_example_leaves_typed_artifacts(dagster: Tool, tmp_path: Path) -> None:
    out = dagster.example("dagster_assets", tmp_path)
    assert out.splitlines()[-1] == "revenue 92.25"
    store = ArtifactStore(tmp_path)
    keys = [ref.key for ref in store.list()]
    assert keys == [
        *(f"dagster/assets/{name}" for name in ("cities", "customers", "revenue")),
        *(f"dagster/partitions/orders/2026-01-0{day}" for day in (1, 2)),
    ]
    customers = store.get("dagster/assets/customers")
    assert [*map(str, customers.dtypes)] == ["Int64", "category", "datetime64[us]"]
    assert type(store.get("dagster/assets/cities")) is pl.DataFrame
    assert store.manifest("dagster/assets/cities").lineage["step"] == "cities"


def test_tables_come_as_annotated_with_the_columns_that_are_asked_for(seen: dict[str, Any]) -> None:
    assert (seen["class"], seen["columns"]) == ("polars.DataFrame", ["tag"])


def test_none_is_a_value_and_what_is_declared_to_return_none_has_no_value(
    seen: dict[str, Any], url: Path
) -> None:
    assert seen["nothing"] is None
    store = ArtifactStore(url)
    assert store.get("dagster/assets/nothing") is None
    assert not store.exists("dagster/assets/declared")


def test_values_that_json_changes_come_back_as_they_were(seen: dict[str, Any]) -> None:
    assert seen["nest"] == seen["loaded"] == repr({1: (1, 2), "one": {3}})
    assert seen["dynamic"] == repr([(1, 1), (2, 2)])


def test_materializations_show_schema_rows_and_preview(seen: dict[str, Any]) -> None:
    assert seen["schema"] == [["id", "Int64"], ["tag", "category[2]"]]
    assert seen["rows"] == 2
    assert seen["preview"] == [{"id": 1, "tag": "x"}, {"id": "", "tag": "y"}]


def test_a_picture_is_shown_as_one(seen: dict[str, Any]) -> None:
    text, kind = seen["picture"]
    assert kind == "image"
    data = text.removeprefix("![preview](data:image/png;base64,").removesuffix(")")
    assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")


def test_partitions_are_values_alone_and_dicts_together(seen: dict[str, Any]) -> None:
    assert seen["same partition"] == {"of": "b/c"}
    assert seen["by partition"] == {"b/c": {"of": "b/c"}}
    assert seen["every partition"] == {key: {"of": key} for key in ("a", "b/c", "50%")}


def test_a_missing_partition_fails_unless_it_may_be_missing(seen: dict[str, Any]) -> None:
    assert seen["missing partition"].startswith("ArtifactNotFoundError")
    assert seen["lenient"] == {key: {"of": key} for key in ("a", "b/c")}


def test_a_run_over_several_partitions_stores_each(seen: dict[str, Any], url: Path) -> None:
    store = ArtifactStore(url)
    found = {ref.key: store.get(ref) for ref in store.list("dagster/partitions/together/")}
    assert sorted(found.values()) == ["50%50%", "aa", "b/cb/c"]
    assert "a run over 3 partitions" in seen["confused"]
    assert not [*store.list("dagster/partitions/confused/")]


def test_what_is_gone_is_an_error(seen: dict[str, Any]) -> None:
    assert seen["gone"].startswith("ArtifactNotFoundError")
    assert "dagster/assets/table" in seen["gone"]
