from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.runtime import Clock, Workspace
from aqueduct_core.runtime._usage import PeakMemory, host, packages
from tests.runtime.flows import run_one

MiB = 1 << 20
resets = pytest.mark.skipif(
    sys.platform != "linux", reason="the mark can be set back on Linux only"
)


def use(size: int) -> None:
    """Fill this much memory, and give it back."""
    data = bytearray(size)
    data[::4096] = b"x" * len(data[::4096])


@resets
def test_the_peak_belongs_to_one_operator() -> None:
    first = PeakMemory()
    low = first.read()
    use(100 * MiB)
    high = first.read()
    assert 90 * MiB < high - low < 150 * MiB
    assert PeakMemory().read() < high - 80 * MiB


@resets
def test_memory_that_was_held_before_counts() -> None:
    held = bytearray(50 * MiB)
    held[::4096] = b"x" * len(held[::4096])
    assert PeakMemory().read() > 50 * MiB


HAS_CHILD = """
import subprocess, sys
from aqueduct_core.runtime._usage import PeakMemory

peak = PeakMemory()
before = peak.read()
script = "d = bytearray(200 << 20); d[::4096] = b'x' * len(d[::4096])"
subprocess.run([sys.executable, "-c", script], check=True)
print(before, peak.read())
"""


def test_child_processes_count() -> None:
    # In a process of its own: a child counts if it needed more than any before it.
    done = subprocess.run([sys.executable, "-c", HAS_CHILD], check=True, capture_output=True)
    before, after = map(int, done.stdout.split())
    assert before < 150 * MiB
    assert after > 200 * MiB


def test_an_operator_tells_its_peak_in_bytes(workspace: Workspace) -> None:
    @aq.op
    def hungry() -> int:
        data = bytearray(150 << 20)
        data[::4096] = b"x" * len(data[::4096])
        return len(data)

    peak = run_one(workspace, hungry()).peak_memory
    assert peak is not None
    assert 150 * MiB < peak < 4096 * MiB


def test_phases_add_up() -> None:
    clock = Clock()
    with clock.phase("load"):
        pass
    with pytest.raises(ValueError, match="x"), clock.phase("run"):
        raise ValueError("x")
    before = clock.seconds["load"]
    with clock.phase("load"):
        os.getpid()
    assert clock.seconds["load"] >= before
    assert clock.phase_name == "load"
    assert [*clock.seconds] == ["load", "run"]
    assert clock.started.endswith("+00:00")


def test_the_libraries_of_a_function_are_named_with_their_versions(workspace: Workspace) -> None:
    import numpy as np
    import pandas as pd
    from pandas import DataFrame

    def numbers(rows: int) -> Any:
        return np.arange(rows)

    def uses(rows: int) -> Any:
        from polars import Series

        inner = lambda: numbers(rows)  # noqa: E731 - nested code
        return DataFrame({"a": inner()}), len(Series("a")), os.sep

    import polars as pl

    expected = {"numpy": np.__version__, "pandas": pd.__version__, "polars": pl.__version__}
    assert packages(uses) == expected
    assert packages(len) == {}
    result = run_one(workspace, aq.to_operator(uses, outputs=["a", "b", "c"])(3)[0])
    assert result.environment["packages"] == expected


def test_the_host_is_described() -> None:
    found = host()
    assert found["pid"] == os.getpid()
    assert found["python"] == sys.version.split()[0]
    assert found["aqueduct_core"] == aq.__version__
    assert found["host"]
    assert found["platform"]
