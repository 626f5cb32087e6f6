"""The suites of `benchmarks` work, and leave no serializer out."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from aqueduct_core.serializers import BUILTIN
from benchmarks.test_formats import VALUES
from tests.environments import ROOT


def test_each_serializer_has_a_value_to_be_measured_with() -> None:
    assert {item.name for item in BUILTIN} == set(VALUES)


@pytest.mark.slow
def test_each_benchmark_runs() -> None:
    options = ["-q", "-p", "no:cacheprovider", "--benchmark-disable", "-o", "addopts="]
    command = [sys.executable, "-m", "pytest", *options, "--import-mode=importlib", "benchmarks"]
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 50
