"""What one Python stores, and another one reads: values, and no functions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aqueduct_core.errors import EnvironmentBuildError
from aqueduct_core.runtime.environments import ensure, environments
from aqueduct_core.runtime.environments._interpreters import find_interpreter, is_current

pytestmark = pytest.mark.network

_OTHERS = [
    pytest.param(version, marks=pytest.mark.xdist_group(f"python-{version}"))
    for version in ("3.11", "3.12", "3.13", "3.14")
    if not is_current(version)
]
_PROGRAM = """
import argparse, datetime, decimal, functools, operator, sys
from pathlib import Path
import numpy as np
from aqueduct_core import ArtifactStore
from aqueduct_core.errors import IncompatibleEnvironmentError
from aqueduct_core.dag import Version
from aqueduct_core.dag._graph import Graph
from aqueduct_core.runtime._kept import keeping
import aqueduct_core as aq

what, folder = sys.argv[1:]
store = ArtifactStore(folder, policy="small", signing_key=b"key")
values = {
    "nest": {"a": (1, 2.5), 3: {b"x"}, "at": datetime.date(2026, 1, 2), "d": decimal.Decimal("1.50")},
    "text": "Zürich\\n" * 50_000,
    "bytes": bytes(range(256)) * 1_000,
    "array": np.arange(100_000, dtype="int32").reshape(100, -1),
    "object": argparse.Namespace(x=[1], y=functools.partial(operator.mul, 3), z=Path),
    "error": ValueError("wrong", 3),
}

@aq.op
def step(x=1):
    return x + 1

def shown(value):
    return repr(value.tolist()) if isinstance(value, np.ndarray) else f"{type(value)} {value!r}"

if what == "write":
    for name, value in values.items():
        store.put(value, name)
    store.put(lambda: 1, "function", serializer="pickle")
    version = Version.of("flow", Graph.of([step()]))
    version.save(store)
    print(version.flow, version.digest)
else:
    # As on a machine of a cluster, which keeps a copy of what it reads.
    store = ArtifactStore(keeping(store.storage, Path(folder) / "kept"), signing_key=b"key")
    for name, value in values.items():
        assert shown(store.get(name)) == shown(value), name
    assert not store.verify()
    print("all values are the same")
    flow, digest = what.split()
    for load in (lambda: store.get("function"), lambda: Version.load(store, flow, digest).function(store, "step")):
        try:
            load()
        except IncompatibleEnvironmentError as error:
            print(error)
"""


@pytest.fixture(scope="module", params=_OTHERS)
def other(
    request: pytest.FixtureRequest, index: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A version of Python, and the interpreter of an environment that has it."""
    version = request.param
    try:
        find_interpreter(version)
    except EnvironmentBuildError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("home")
    python = ensure(["numpy"], python=version, folder=folder)
    assert environments(folder)[0].python.startswith(version)
    return version, python


def run(python: Path | str, what: str, folder: Path) -> str:
    command = [python, "-W", "error", "-c", _PROGRAM, what, folder]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_another_python(other: tuple[str, Path], tmp_path: Path) -> None:
    version, python = other
    command = [python, "-c", "import sys, numpy, aqueduct_core; print(sys.version)"]
    assert subprocess.check_output(command, text=True, cwd=tmp_path).startswith(version)


@pytest.mark.parametrize("is_ours", [True, False], ids=["from here", "from there"])
def test_values_move_between_pythons_and_functions_do_not(
    other: tuple[str, Path], tmp_path: Path, is_ours: bool
) -> None:
    version, python = other
    here = "{}.{}".format(*sys.version_info)
    (writer, written), (reader, read) = (sys.executable, here), (python, version)
    if not is_ours:
        (writer, written), (reader, read) = (reader, read), (writer, written)
    stored = run(writer, "write", tmp_path)
    told = run(reader, stored, tmp_path)
    assert told.startswith("all values are the same\n")
    assert f"functions as code for Python {written}." in told
    assert f"step was published with Python {written}, and this is Python {read}:" in told
    assert f"publish the workflow with Python {read}" in told
