"""What differs from Python to Python is tried with each that is installed, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aqueduct_core.errors import EnvironmentBuildError
from aqueduct_core.runtime.environments._interpreters import find_interpreter, is_current
from tests.environments import ROOT, has_package_index, make_environment

OTHERS = [version for version in ("3.11", "3.12", "3.13", "3.14") if not is_current(version)]
# Little of everything, and all of what was broken by a newer Python before.
CHOSEN = (
    "test_imports.py",
    "test_docs.py::test_python_blocks_run[docs/quickstart.md]",
    "pythons/test_script.py",
    "cli/test_demo.py::test_the_flights_are_read_without_what_python_and_setuptools_dropped",
    "client/test_start.py::test_ctrl_c_just_before_the_wait_cancels_the_run",
    "dag/test_type_hints.py",
    "engines/test_handle.py",
    "engines/test_runs.py::test_branches_run_at_the_same_time",
    "runtime/test_kept.py",
    "storage/test_conformance.py::TestLocal",
    "storage/test_conformance.py::TestFolderThroughFsspec",
    "store/test_store.py",
)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("version", OTHERS)
def test_another_python(version: str, tmp_path: Path) -> None:
    try:
        python = find_interpreter(version)
    except EnvironmentBuildError as error:
        pytest.skip(str(error))
    if not has_package_index():
        pytest.skip("there is no package index")
    programs = make_environment(
        Path(__file__).with_name("others.in"), python=python, compiled=False
    )
    command = [programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tests = [f"tests/{chosen}" for chosen in CHOSEN]
    # What is imported is compiled then, and only once.
    variables = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [*command, "--basetemp", tmp_path / "work", *tests],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
