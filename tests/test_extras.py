"""Each extra brings all that its values need: tried in an environment that has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
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

SERVED = """
import os, signal, threading
import aqueduct_core as aq
from aqueduct_core.server import Settings
from aqueduct_core.server._serve import serve

@aq.op
def one() -> int:
    return 1

here = aq.Client()
key = here._session.tracking.create_api_key("test", "admin")[1]
found = []

def use(address):
    try:
        with aq.Client(key, address) as there:
            found.append(there.publish_flow("One", one()).latest().status)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)

def ready(settings, link):
    threading.Thread(target=use, args=[settings.url]).start()

serve(here, Settings(port=0, scheduler=False), ready)
assert found == ["succeeded"], found
"""

ROUND_TRIP = """
from aqueduct_core import ArtifactStore
for policy in ("fast", "small"):
    store = ArtifactStore("memory://alone", policy=policy)
    assert same(value, store.get(store.put(value, "value"))), policy
    assert store.manifest("value").description
"""


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str], Path]:
    """Makes an environment with one extra; returns its interpreter."""

    def install(extra: str) -> Path:
        python = tmp_path / "venv" / "bin" / "python"
        run(UV, "venv", "--python", sys.executable, tmp_path / "venv")
        run(UV, "pip", "install", "--python", python, f"aqueduct-core[{extra}] @ {ROOT.as_uri()}")
        return python

    return install


def run(*command: object, **environment: str) -> None:
    done = subprocess.run(
        [*map(str, command)], env=os.environ | environment, capture_output=True, text=True
    )
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip(f"there is no package index: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.network
@pytest.mark.timeout(600)
@pytest.mark.parametrize("extra", ALONE)
def test_an_extra_is_enough_for_its_values(install: Callable[[str], Path], extra: str) -> None:
    run(install(extra), "-c", ALONE[extra] + ROUND_TRIP)


@pytest.mark.network
@pytest.mark.timeout(600)
def test_the_extra_server_is_enough_for_a_server_and_its_clients(
    install: Callable[[str], Path], tmp_path: Path
) -> None:
    run(install("server"), "-c", SERVED, AQUEDUCT_HOME=str(tmp_path / "home"))
