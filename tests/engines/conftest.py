"""An engine with everything that it needs, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from aqueduct_core.dag import Artifact, Graph, Version
from aqueduct_core.engines.base import Listener, RunState
from aqueduct_core.engines.local import LocalEngine, RunHandle
from aqueduct_core.runtime import Result, Workspace, read_result
from aqueduct_core.store import ArtifactStore
from aqueduct_core.tracking import Tracking
from tests.processes import PATIENCE


class Run:
    """A run, and what it left behind."""

    def __init__(self, workshop: Workshop, version: Version, handle: RunHandle) -> None:
        self.workshop = workshop
        self.version = version
        self.handle = handle
        self.key = handle.run

    def wait(self) -> RunState:
        return self.handle.wait(timeout=PATIENCE)

    def results(self) -> dict[str, Result]:
        """What is recorded, which is what is stored."""
        found = {item.name: item for item in self.workshop.tracking.results(self.key)}
        for name, result in found.items():
            stored = read_result(self.workshop.store, self.version.ids[name], self.key)
            assert stored == result
        return found

    def states(self) -> dict[str, str]:
        return {name: result.state for name, result in self.results().items()}

    def value(self, name: str, output: str = "output") -> Any:
        return self.workshop.store.get(self.results()[name].outputs[output])

    def log(self, name: str, stream: str = "stdout") -> str:
        key = self.results()[name].logs[stream]
        return bytes(self.workshop.store.storage.get(key)).decode()


class Workshop:
    """A home with an engine."""

    def __init__(self, home: Path, *, workers: int | None = 2) -> None:
        self.home = home
        self.store = ArtifactStore(home / "artifacts", signing_key=b"k" * 32)
        self.connections: dict[str, Mapping[str, Any]] = {}
        self.tracking = Tracking(f"sqlite:///{home / 'aqueduct.db'}", secret=b"k" * 32)
        workspace = Workspace(self.store, self.connections)
        self.engine = LocalEngine(workspace, lambda: self.tracking, home=home, workers=workers)

    def publish(self, *artifacts: Artifact, name: str | None = None, **options: Any) -> Version:
        name = name or f"flow {uuid4()}"
        version = Version.of(name, Graph.of(artifacts), **options)
        self.engine.deploy(version)
        self.tracking.publish(version)
        return version

    def start(
        self,
        *artifacts: Artifact,
        version: Version | None = None,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        listener: Listener | None = None,
    ) -> Run:
        version = version or self.publish(*artifacts)
        key = f"run-{uuid4()}"
        return Run(self, version, self.engine.trigger(version, key, parameters, listener))

    def run(self, *artifacts: Artifact, **options: Any) -> Run:
        """Start a run and wait for it."""
        run = self.start(*artifacts, **options)
        run.wait()
        return run

    def close(self) -> None:
        self.engine.close()
        self.tracking.close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """One for all tests of a module: workers stay warm."""
    found = Workshop(tmp_path_factory.mktemp("home"))
    yield found
    found.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Workshop]:
    """One for a test that breaks something."""
    found = Workshop(tmp_path / "home")
    yield found
    found.close()
