"""`import aqueduct_core` is cheap: it takes little time and brings nothing heavy along."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

HEAVY = (
    "PIL",
    "adbc_driver_manager",
    "cloudpickle",
    "fsspec",
    "geopandas",
    "great_tables",
    "lightgbm",
    "matplotlib",
    "numpy",
    "orjson",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "s3fs",
    "scipy",
    "skops",
    "sklearn",
    "sqlalchemy",
    "torch",
    "xarray",
    "xgboost",
)

BUDGET = 0.2


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def seconds(code: str) -> float:
    """The processor time that a new interpreter takes for it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def loaded_after(code: str) -> set[str]:
    out = run(f"{code}\nimport json, sys; print(json.dumps(list(sys.modules)))")
    return {name.partition(".")[0] for name in json.loads(out.splitlines()[-1])}


def test_import_leaves_heavy_libraries_alone() -> None:
    assert loaded_after("import aqueduct_core") & set(HEAVY) == set()


@pytest.mark.parametrize(
    "code",
    [
        "from aqueduct_core import ArtifactStore, ArtifactRef",
        "import aqueduct_core.errors, aqueduct_core.abc",
    ],
)
def test_names_of_the_core_leave_heavy_libraries_alone(code: str) -> None:
    assert loaded_after(code) & set(HEAVY) == set()


def test_small_values_need_no_heavy_library() -> None:
    code = """
from aqueduct_core import ArtifactStore
store = ArtifactStore("memory://budget")
assert store.get(store.put({"a": [1, 2.5, "x", None]}, "small")) == {"a": [1, 2.5, "x", None]}
"""
    heavy = set(HEAVY) - {"orjson"}  # the quicker JSON library is used where it is installed
    assert loaded_after(code) & heavy == set()


def test_import_stays_within_its_budget() -> None:
    """Best of several against the best of the bare interpreter, in processor time: a busy machine
    matters little, and then the bare interpreter is slowed down as well, which is what the factor
    is for.
    """
    run("import aqueduct_core")  # compiled once, like everywhere else
    bare, ours = [], []
    for _ in range(7):
        bare.append(seconds("pass"))
        ours.append(seconds("import aqueduct_core"))
        if min(ours) - min(bare) < BUDGET:
            return
    slowness = max(1.0, min(bare) / 0.03)  # a bare start takes some 15 to 30 ms
    assert min(ours) - min(bare) < BUDGET * slowness
