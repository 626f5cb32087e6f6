"""Tasks of Dask and Ray that take and return references."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aqueduct_core.store import ArtifactStore
from tests.adapters.conftest import Tool

pytestmark = [pytest.mark.integration, pytest.mark.network, pytest.mark.timeout(1200)]


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """Where both keep what they need while they run; sockets take no long paths."""
    folder = tempfile.mkdtemp(prefix="aq")
    yield {"RAY_TMPDIR": folder, "DASK_TEMPORARY_DIRECTORY": folder}
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_the_example_leaves_typed_artifacts(
    name: str, tool: Callable[[str], Tool], tmp_path: Path, environ: dict[str, str]
) -> None:
    out = tool(name).example(f"{name}_tasks", tmp_path, **environ)
    assert "the driver has ArtifactRef(" in out
    assert out.splitlines()[-1] == str({"days": 2, "total": 9999900000})
    assert sorted(ref.type for ref in ArtifactStore(tmp_path).list()) == [
        *("json", "numeric", "table", "table")
    ]


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_tasks_hand_on_references(
    name: str, tool: Callable[[str], Tool], tmp_path: Path, environ: dict[str, str]
) -> None:
    seen = tool(name).found("cluster_cases", tmp_path, name, **environ)
    assert seen["kind"] == "polars 200000"
    assert seen["gathered"] == 200_006
    assert seen["bytes"] < 10_000, "of a table of 3.4 MB"
    assert seen["lost"] == "ArtifactNotFoundError"
