"""Each extra brings all that its values need: tried in an environment that has nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import ROOT

UV = Path(sys.executable).with_name("uv")

ALONE = {
    "polars": """
import polars as pl
value = {"frame": pl.DataFrame({"a": [1, 2], "b": ["x", None]}), "lazy": pl.LazyFrame({"a": [1.5]})}
same = lambda one, other: one["frame"].equals(other["frame"]) and other["lazy"].collect().equals(
    one["lazy"].collect()
)
""",
    "image": """
from PIL import Image
value = Image.new("P", (30, 20), 7)
same = lambda one, other: one.mode == other.mode and one.tobytes() == other.tobytes()
""",
}

ROUND_TRIP = """
from aqueduct_core import ArtifactStore
for policy in ("fast", "small"):
    store = ArtifactStore("memory://alone", policy=policy)
    assert same(value, store.get(store.put(value, "value"))), policy
    assert store.manifest("value").description
"""


@pytest.mark.network
@pytest.mark.timeout(600)
@pytest.mark.parametrize("extra", ALONE)
def test_an_extra_is_enough_for_its_values(extra: str, tmp_path: Path) -> None:
    def run(*command: object) -> None:
        done = subprocess.run([*map(str, command)], cwd=tmp_path, capture_output=True, text=True)
        if done.returncode and "Failed to fetch" in done.stderr:
            pytest.skip(f"there is no package index: {done.stderr}")
        assert done.returncode == 0, done.stdout + done.stderr

    run(UV, "venv", "--python", sys.executable, "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "pip", "install", "--python", python, f"aqueduct-core[{extra}] @ {ROOT.as_uri()}")
    run(python, "-c", ALONE[extra] + ROUND_TRIP)
