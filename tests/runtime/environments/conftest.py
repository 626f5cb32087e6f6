"""Environments are made by the real uv, from a package index; without one these tests are skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aqueduct_core.errors import EnvironmentBuildError
from aqueduct_core.runtime.environments import ensure
from aqueduct_core.runtime.environments._uv import find_uv, uv_environ


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """There is a package index."""
    asked = subprocess.run(
        [find_uv(), "pip", "compile", "--quiet", "--python", sys.executable, "-"],
        input="iniconfig",
        text=True,
        env=uv_environ(),
        cwd=tmp_path_factory.mktemp("index"),
        capture_output=True,
    )
    if asked.returncode:
        pytest.skip("there is no package index")


@pytest.fixture(scope="session")
def shared(index: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder, and the interpreter of an environment in it, with `iniconfig` and `six`."""
    folder = tmp_path_factory.mktemp("home") / "environments"
    return folder, ensure(["iniconfig", "six"], folder=folder)


@pytest.fixture
def failure(tmp_path: Path, index: None, monkeypatch: pytest.MonkeyPatch):
    """Why an environment can't be made."""

    def of(*requirements: str, python: str | None = None, **environ: str) -> EnvironmentBuildError:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(EnvironmentBuildError) as caught:
            ensure(requirements, python=python, folder=tmp_path / "failing")
        assert not [path for path in tmp_path.glob("failing/*") if path.is_dir()]
        return caught.value

    return of
