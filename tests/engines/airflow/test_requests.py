"""What a task asks of a store in a bucket, besides its data."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Graph, Version
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.engines.airflow._pinned import pinned, version_of_run
from aqueduct_core.runtime import Result, Workspace
from aqueduct_core.runtime._supervised import Call, supervise, together
from tests.runtime.flows import KEY
from tests.servers import FaultProxy, S3Server

RUN = run_key("manual__2026-01-01T00:00:00+00:00")


@aq.op
def make() -> int:
    return 1


@aq.op
def use(value: int) -> int:
    return value + 1


SALT = random.Random(1).randbytes(5_000)  # no secret


@aq.op
def large() -> int:
    return len(SALT)


@dataclass
class Worker:
    """A machine whose tasks go to a bucket, through a proxy that counts."""

    proxy: FaultProxy
    setup: dict[str, Any]
    folder: Path

    def published(self, *artifacts: Any) -> Version:
        store = Workspace.from_json(self.setup).store
        version = Version.of("Two", Graph.of(artifacts))
        version.save(store)
        return Version.load(store, version.flow, version.digest)

    def run(
        self,
        version: Version,
        operator: str,
        attempt: int = 1,
        run: str = RUN,
        printed: dict[str, bytes] | None = None,
    ) -> Result:
        """What Airflow's task does, past Airflow."""
        workspace = Workspace.from_json(self.setup)
        del self.proxy.requests[:]
        found = version_of_run(
            workspace, version.flow, run, version.digest, operator=operator, attempt=attempt
        )
        call = Call(
            setup=self.setup,
            version=found,
            operators=together(found, operator),
            run=run,
            attempt=attempt,
            environments=self.folder / "environments",
            report=print,
        )
        [result], _ = supervise(call, printed)
        assert result.state == "succeeded", result.reason
        return result

    @property
    def asked(self) -> list[str]:
        """The requests of the last task: what for, and what that was about."""
        return [f"{verb} {_kind(path)}" for verb, path in self.proxy.requests]


def _kind(path: str) -> str:
    for piece, kind in {
        "/runs/": "run",
        "/versions/": "version",
        "/code/": "function",
        "/parts/": "function",
        "manifests/operators/": "data",
        "result.json": "result",
        ".log": "log",
    }.items():
        if piece in path:
            return kind
    return path


@aq.op
def loud() -> int:
    print("é" * 1_000)
    return 1


@pytest.fixture
def worker(s3_server: S3Server, s3_proxy: FaultProxy, tmp_path: Path) -> Worker:
    setup = {
        "store": f"s3://{s3_server.bucket()}/store",
        "storage_options": s3_server.storage_options(s3_proxy.endpoint),
        "signing_key": KEY.hex(),
        "kept": str(tmp_path / "kept"),
    }
    return Worker(s3_proxy, setup, tmp_path)


def test_a_task_asks_twice_besides_its_data(worker: Worker) -> None:
    version = worker.published(use(make()))
    worker.run(version, "make")
    worker.run(version, "use")  # by now the machine has the version and both functions
    other = run_key("scheduled__2026-01-02T00:00:00+00:00")
    worker.run(version, "make", run=other)
    assert worker.asked == ["PUT run", "PUT data", "PUT result"]
    worker.run(version, "use", run=other)
    assert worker.asked == ["GET run", "GET data", "PUT data", "PUT result"]


def test_what_a_task_prints_is_stored_and_not_asked_for(worker: Worker) -> None:
    version = worker.published(loud())
    printed: dict[str, bytes] = {}
    worker.run(version, "loud", printed=printed)
    assert printed == {"stdout": ("é" * 1_000 + "\n").encode()}
    asked = worker.asked  # what takes long is stored once before its end, too
    assert {"PUT data", "PUT log"} < {*asked}
    assert asked[-1] == "PUT result"
    assert "GET log" not in asked


def test_a_machine_that_has_nothing_yet_asks_for_version_and_function_too(worker: Worker) -> None:
    version = worker.published(use(make()))
    worker.run(version, "make")
    assert [item for item in worker.asked if not item.startswith("PUT")] == [
        "GET version",
        "GET function",
    ]
    assert pinned(Workspace.from_json(worker.setup).store, version.flow, RUN) == version.digest


def test_an_attempt_that_was_thought_dead_replaces_neither_result_nor_outputs(
    worker: Worker,
) -> None:
    version = worker.published(make())
    later = worker.run(version, "make", attempt=2)
    with pytest.raises(AssertionError, match="a later attempt came to its end before"):
        worker.run(version, "make", attempt=1)
    assert [item for item in worker.asked if item == "PUT data"] == ["PUT data"]  # refused
    store = Workspace.from_json(worker.setup).store
    assert store.manifest(later.outputs["output"]).digest == later.outputs["output"].digest


def test_a_copy_of_a_function_that_was_changed_is_not_believed(worker: Worker) -> None:
    version = worker.published(large())
    worker.run(version, "large")
    [function] = worker.folder.glob("kept/*/parts/*/*")
    function.write_bytes(function.read_bytes()[::-1])
    worker.run(version, "large", attempt=2)
    assert worker.asked.count("GET function") == 2  # from the store, where it is as it was


def test_a_copy_of_a_version_that_was_changed_is_not_believed(worker: Worker) -> None:
    version = worker.published(make())
    worker.run(version, "make")
    [document] = worker.folder.glob("kept/*/flows/*/versions/*")
    document.write_text(document.read_text().replace('"name": "make"', '"name": "fake"'))
    worker.run(version, "make", attempt=2)
    assert worker.asked[0] == "GET version"


def test_copies_are_no_way_around_the_signature(worker: Worker) -> None:
    version = worker.published(make())
    worker.run(version, "make")
    worker.setup["signing_key"] = bytes(32).hex()
    with pytest.raises(AssertionError, match="doesn't match the store's signing key"):
        worker.run(version, "make", attempt=2)


def test_copies_are_not_kept_where_others_can_write(worker: Worker) -> None:
    version = worker.published(make())
    worker.run(version, "make")
    [folder] = worker.folder.glob("kept/*")
    folder.chmod(0o777)
    worker.run(version, "make", attempt=2)
    assert "GET version" in worker.asked
