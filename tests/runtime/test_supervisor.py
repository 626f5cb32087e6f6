"""Workers from the outside: how they start, what they are told, and that nothing of them stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.integrations import open_integration
from aqueduct_core.runtime import Result, Workspace
from aqueduct_core.runtime._channel import Batch
from aqueduct_core.runtime._supervisor import Broken, Left, Worker
from tests.processes import wait_until
from tests.runtime.flows import KEY, publish, setup_of


def batch_of(version: Version, *names: str, run: str = "r1", **known: Any) -> Batch:
    operators = tuple((name, 1) for name in names or version.spec.operators)
    return Batch(flow=version.flow, digest=version.digest, run=run, operators=operators, **known)


def results_of(worker: Worker) -> list[Result]:
    """What it has to tell until it is done; only results."""
    found = []
    while worker.pending:
        news = worker.receive()
        assert news is not None
        for item in news:
            assert isinstance(item, Mapping), item
            found.append(Result.from_json(item))
    return found


@pytest.fixture
def worker(workspace: Workspace) -> Iterator[Worker]:
    found = Worker(setup_of(workspace))
    yield found
    found.end(0)
    found.dispose()


def test_a_worker_runs_batch_after_batch(workspace: Workspace, worker: Worker) -> None:
    add = aq.op(name="add")(lambda x: x + 1)
    version = publish(workspace.store, add(add(1)))
    for run in ("r1", "r2"):
        worker.submit(batch_of(version, run=run))
        first, second = results_of(worker)
        assert (first.name, second.name, second.run) == ("add", "add-2", run)
        assert workspace.store.get(second.outputs["output"]) == 3
        assert first.environment["pid"] == worker.pid


def test_what_follows_a_failure_is_given_back(workspace: Workspace, worker: Worker) -> None:
    fails = aq.op(name="fails")(lambda: 1 / 0)()
    version = publish(workspace.store, aq.op(name="last")(lambda x: x)(fails), fails)
    worker.submit(batch_of(version))
    found: list[Any] = []
    while worker.pending:
        found += worker.receive() or ()
    assert found[0] == Left(("last",))
    assert found[1]["state"] == "failed"


def test_what_has_not_started_can_be_taken_back(
    workspace: Workspace, worker: Worker, tmp_path: Path
) -> None:
    def wait(path: str) -> None:
        Path(path, "started").touch()
        while not Path(path, "go").exists():
            time.sleep(0.01)

    one = aq.op(name="one")(wait)(str(tmp_path))
    two, three = (aq.op(name=name)(lambda: 1)() for name in ("two", "three"))
    worker.submit(batch_of(publish(workspace.store, one, two, three)))
    wait_until((tmp_path / "started").exists)
    worker.revoke()
    found: list[Any] = []
    while not found:
        found += worker.receive() or ()
    assert found == [Left(("two", "three"))]
    assert [name for name, _ in worker.pending] == ["one"]
    (tmp_path / "go").touch()
    [result] = results_of(worker)
    assert result.state == "succeeded"


def test_data_systems_are_known_before_what_reads_them_whatever_is_taken_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    places = {name: {"kind": "sqlite", "config": {"path": str(tmp_path / name)}} for name in "ab"}
    a, b = (open_integration(name, **places[name]) for name in "ab")
    version = publish(workspace.store, a.sql("SELECT 1", name="one"), b.sql("SELECT 2", name="two"))
    worker = Worker(setup_of(workspace))
    try:
        worker.connect(places)
        worker.submit(batch_of(version))
        worker.revoke()  # while it is starting, most often: nothing of the batch has begun
        found: list[Any] = []
        while worker.pending:
            found += worker.receive() or ()
        left = [name for item in found if isinstance(item, Left) for name in item.operators]
        worker.submit(batch_of(version, *left)) if left else None
        results = [Result.from_json(item) for item in found if isinstance(item, Mapping)]
        results += results_of(worker)
        assert {result.name: result.state for result in results} == dict.fromkeys(
            ("one", "two"), "succeeded"
        )
    finally:
        worker.end(0)
        worker.dispose()


def test_a_version_that_is_not_there_breaks_only_the_batch(
    workspace: Workspace, worker: Worker
) -> None:
    version = publish(workspace.store, aq.op(name="one")(lambda: 1)())
    missing = Batch(
        flow=version.flow, digest="blake3:" + 64 * "0", run="r", operators=(("x", 1), ("y", 1))
    )
    worker.submit(missing)
    found: list[Any] = []
    while worker.pending:
        found += worker.receive() or ()
    assert isinstance(found[-1], Broken)
    assert "no version" in found[-1].reason
    worker.submit(batch_of(version))
    assert results_of(worker)[0].state == "succeeded"


def test_secrets_are_told_and_not_inherited(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AQUEDUCT_SIGNING_KEY", "hidden-one")
    monkeypatch.setenv("AQUEDUCT_INTEGRATION_WAREHOUSE", "hidden-two")
    monkeypatch.setenv("AQUEDUCT_OTHER", "plain")
    worker = Worker(setup_of(workspace))
    try:
        version = publish(workspace.store, aq.op(name="look")(lambda: dict(os.environ))())
        worker.connect({"warehouse": {"kind": "sqlite", "config": {"password": "hidden-three"}}})
        worker.submit(batch_of(version))
        [result] = results_of(worker)
        seen = workspace.store.get(result.outputs["output"])
        assert seen["AQUEDUCT_OTHER"] == "plain"
        assert "hidden" not in repr(seen)
        for name in ("environ", "cmdline"):
            shown = Path(f"/proc/{worker.pid}/{name}").read_bytes()
            assert b"hidden" not in shown
            assert KEY.hex().encode() not in shown
        assert "hidden" not in repr(worker)
    finally:
        worker.end(0)
        worker.dispose()


def test_a_worker_takes_no_module_from_the_current_folder(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    worker = Worker(setup_of(workspace))
    try:
        worker.submit(batch_of(publish(workspace.store, aq.op(name="here")(os.getcwd)())))
        [result] = results_of(worker)
        assert workspace.store.get(result.outputs["output"]) == str(tmp_path)
    finally:
        worker.end(0)
        worker.dispose()


def test_a_python_that_is_none_is_told(workspace: Workspace) -> None:
    with pytest.raises(FileNotFoundError):
        Worker(setup_of(workspace), "/no/such/python")
    version = publish(workspace.store, aq.op(name="one")(lambda: 1)())
    worker = Worker(setup_of(workspace), "/bin/false")
    worker.submit(batch_of(version))
    assert worker.receive() is None
    assert worker.reap() == 1
    result = worker.unfinished(workspace.store, version, "r1", ("one", 1))
    worker.dispose()
    assert result.reason == "/bin/false could not start: exit code 1; its output says why"


def test_an_operator_that_forks_ends_with_its_worker(workspace: Workspace, worker: Worker) -> None:
    def fork() -> None:
        if os.fork() == 0:
            time.sleep(1_000)
        os._exit(4)

    version = publish(workspace.store, aq.op(name="fork")(fork)())
    worker.submit(batch_of(version))
    while worker.receive() is not None:
        pass
    assert worker.reap() == 4


SCRIPT = """
import sys
from pathlib import Path
import aqueduct_core as aq
from aqueduct_core.dag import Graph, Version
from aqueduct_core.store import ArtifactStore
import beside

store = ArtifactStore(sys.argv[1], signing_key=bytes.fromhex(sys.argv[2]))
version = Version.of("script", Graph.of([aq.op(beside.double)(21)]))
version.save(store)
print(version.flow, version.digest)
"""


@pytest.mark.parametrize("way", ["return", "raise", "exit"])
def test_a_copy_that_a_function_forked_ends_where_the_function_does(
    workspace: Workspace, worker: Worker, way: str
) -> None:
    @aq.op
    def fork() -> tuple[str, int]:
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            return "parent", os.waitstatus_to_exitcode(status)
        print("from the copy")
        if way == "raise":
            raise ValueError("in the copy")
        if way == "exit":
            sys.exit(3)
        return "copy", 0

    add = aq.op(name="add")(lambda x: x[1] + 1)
    version = publish(workspace.store, add(fork()))
    worker.submit(batch_of(version))
    first, second = results_of(worker)
    code = {"return": 0, "raise": 1, "exit": 3}[way]
    assert workspace.store.get(first.outputs["output"]) == ("parent", code)
    assert workspace.store.get(second.outputs["output"]) == code + 1
    assert b"from the copy" in workspace.store.storage.get(first.logs["stdout"])
    assert ("stderr" in first.logs) == (way == "raise")


def test_modules_beside_a_script_come_along(
    workspace: Workspace, worker: Worker, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("FACTOR = 2\n\ndef double(x):\n    return x * FACTOR\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", workspace.store.url, KEY.hex()],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    flow, digest = done.stdout.split()
    (tmp_path / "beside.py").unlink()
    worker.submit(batch_of(Version.load(workspace.store, flow, digest)))
    [result] = results_of(worker)
    assert workspace.store.get(result.outputs["output"]) == 42


def test_a_worker_imports_little(workspace: Workspace, worker: Worker) -> None:
    heavy = ("pandas", "numpy", "pyarrow", "sqlalchemy", "rich", "fsspec", "cloudpickle")

    def loaded(names: tuple[str, ...]) -> list[str]:
        return [name for name in names if name in sys.modules]

    worker.submit(batch_of(publish(workspace.store, aq.op(name="loaded")(loaded)(heavy))))
    [result] = results_of(worker)
    assert workspace.store.get(result.outputs["output"]) in ([], ["cloudpickle"])
