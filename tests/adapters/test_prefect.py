"""Results of a real Prefect, with a server of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import EXAMPLES, Tool

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def prefect(tool: Callable[[str], Tool]) -> Tool:
    return tool("prefect")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def seen(prefect: Tool, url: Path) -> dict[str, Any]:
    storage = prefect.folder / "results"
    example = EXAMPLES / "prefect_flow.py"
    return prefect.found("prefect_cases", url, example, PREFECT_LOCAL_STORAGE_PATH=str(storage))


def test_results_and_the_cache_keep_values_that_json_changes(seen: dict[str, Any]) -> None:
    assert seen["nests"] == ["{1: (1, {1}), 'nan': nan}"] * 2
    assert seen["made"] == 1


def test_what_has_no_format_is_not_kept_but_handed_on(seen: dict[str, Any]) -> None:
    assert seen["without format"] == "object"


def test_a_cached_result_that_is_gone_is_made_again(seen: dict[str, Any]) -> None:
    assert seen["after it is gone"] == seen["nests"][0]
    assert seen["made again"] == 2


def test_prefect_keeps_references_and_the_store_typed_artifacts(
    prefect: Tool, url: Path, seen: dict[str, Any]
) -> None:
    store = ArtifactStore(url)
    (table,) = [store.get(ref) for ref in store.list() if ref.type == "table"]
    assert [*map(str, table.dtypes)] == ["Int64", "category"]
    assert type(table) is pd.DataFrame
    sizes = [path.stat().st_size for path in (prefect.folder / "results").iterdir()]
    assert max(sizes) < 2_000


def test_another_process_reads_results_and_a_lost_one_is_an_error(
    prefect: Tool, url: Path, seen: dict[str, Any]
) -> None:
    results = prefect.folder / "results"
    found = prefect.found("prefect_reading", results)["found"]
    assert repr({"gold": 3}) in found
    store = ArtifactStore(url)
    for ref in [*store.list()]:
        store.delete(ref.key)
    lost = prefect.found("prefect_reading", results)["found"]
    # Prefect leaves a record of the result that has no format, too, which nobody can read.
    pairs = [pair for pair in zip(found, lost, strict=True) if "ValidationError" not in pair[0]]
    assert len(pairs) == 8
    assert all("ArtifactNotFoundError" in after for _, after in pairs), pairs
