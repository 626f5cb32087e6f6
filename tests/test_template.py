"""The template of a plugin: built, installed into a fresh environment, and tested there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import ROOT

TEMPLATE = ROOT / "examples" / "plugin"
UV = Path(sys.executable).with_name("uv")


@pytest.mark.network
@pytest.mark.timeout(600)
def test_the_template_is_built_installed_and_passes_its_tests(tmp_path: Path) -> None:
    def run(*command: object) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        if done.returncode and "Failed to fetch" in done.stderr:
            pytest.skip(f"there is no package index: {done.stderr}")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    source = tmp_path / "source"
    shutil.copytree(TEMPLATE, source, ignore=shutil.ignore_patterns("__pycache__"))
    run(UV, "build", "--wheel", "--out-dir", tmp_path / "built", source)
    [wheel] = (tmp_path / "built").glob("*.whl")
    run(UV, "venv", "--python", sys.executable, tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(
        UV,
        "pip",
        "install",
        "--python",
        python,
        f"{wheel}[test]",
        f"aqueduct-core @ {ROOT.as_uri()}",
    )
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", source / "tests")
    assert "passed" in said
    assert "failed" not in said
    listed = run(
        python,
        "-c",
        "import aqueduct_core as aq\n"
        "print([i.package for i in aq.serializers() if i.name == 'acme.temperature'])",
    )
    assert listed.strip() == "['acme-temperature 1.0']"
