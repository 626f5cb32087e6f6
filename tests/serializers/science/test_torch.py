"""The tests of PyTorch's tensors, in an environment of their own."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core import ArtifactStore
from aqueduct_core.errors import MissingExtraError
from aqueduct_core.testing import forge
from tests.environments import ROOT, make_environment

HERE = Path(__file__).parent


@pytest.mark.skipif(
    not os.environ.get("CI"), reason="PyTorch can be gigabytes: CI=true installs it"
)
@pytest.mark.integration
@pytest.mark.network
@pytest.mark.timeout(900)
def test_tensors_and_state_dicts(tmp_path: Path) -> None:
    try:
        programs = make_environment(HERE / "torch.in", installer="pip")
    except RuntimeError as error:
        pytest.skip(f"PyTorch can't be installed: {error}")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    options = ["-q", "-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib"]
    command = [programs / "python", "-m", "pytest", "-c", tmp_path / "pytest.ini", *options]
    done = subprocess.run(
        [*command, "--rootdir", tmp_path, HERE / "inside" / "tensors.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_the_error_names_the_extra(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.put(b"x", "k")
    forge(store, "k", lambda content: content.update(serializer="torch.tensor"))
    [state] = [item.state for item in aq.serializers() if item.name == "torch.tensor"]
    assert state == 'not installed: pip install "aqueduct-core[torch]"'
    with pytest.raises(MissingExtraError, match=r"torch[\s\S]*aqueduct-core\[torch\]"):
        store.get("k")
