"""Results of a real Prefect, with a server of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import EXAMPLES, Tool

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(1200)]


def test_results_and_the_cache_go_through_the_store(
    tool: Callable[[str], Tool], tmp_path: Path
) -> None:
    """One test, since each process that runs a part of it would start a server of its own."""
    prefect, url = tool("prefect"), tmp_path / "store"
    results = prefect.folder / "results"
    example = EXAMPLES / "prefect_flow.py"
    seen = prefect.found("prefect_cases", url, example, PREFECT_LOCAL_STORAGE_PATH=str(results))

    assert seen["nests"] == ["{1: (1, {1}), 'nan': nan}"] * 2, "what JSON changes is kept"
    assert seen["made"] == 1, "the second time it comes from the cache"
    assert seen["without format"] == "object", "what can't be kept is handed on"
    assert seen["after it is gone"] == seen["nests"][0]
    assert seen["made again"] == 2

    store = ArtifactStore(url)
    (table,) = [store.get(ref) for ref in store.list() if ref.type == "table"]
    assert type(table) is pd.DataFrame
    assert [*map(str, table.dtypes)] == ["Int64", "category"]
    assert max(path.stat().st_size for path in results.iterdir()) < 2_000, "references only"

    found = prefect.found("prefect_reading", results)["found"]
    assert repr({"gold": 3}) in found, "another process reads it"
    for ref in [*store.list()]:
        store.delete(ref.key)
    lost = prefect.found("prefect_reading", results)["found"]
    # Prefect leaves a record of the result that has no format, too, which nobody can read.
    pairs = [pair for pair in zip(found, lost, strict=True) if "ValidationError" not in pair[0]]
    assert len(pairs) > 3
    assert all("ArtifactNotFoundError" in after for _, after in pairs), pairs
