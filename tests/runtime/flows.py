"""What tests of the runtime share: publishing a graph, and running its operators in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import aqueduct_core as aq
from aqueduct_core.dag import Artifact, Graph, Version
from aqueduct_core.runtime import Capture, Job, Result, Workspace, run_operator
from aqueduct_core.serializers import tagged
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import FaultyStorage

KEY = b"0123456789abcdef0123456789abcdef"
Faulty = Callable[..., tuple[Workspace, FaultyStorage]]


@aq.op
def number() -> int:
    return 7


@aq.op
def add(x: int, y: int = 1) -> int:
    return x + y


def publish(store: ArtifactStore, *artifacts: Artifact) -> Version:
    """A version as a worker has it: saved, and loaded again."""
    version = Version.of("flow", Graph.of(artifacts))
    version.save(store)
    return Version.load(store, version.flow, version.digest)


def run_all(
    workspace: Workspace,
    version: Version,
    run: str = "r1",
    *,
    attempt: int = 1,
    capture: Capture | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Result]:
    """Run everything but the saves, one operator after the other."""
    values = {name: {"value": tagged.to_json(value)} for name, value in (parameters or {}).items()}
    return {
        name: run_operator(workspace, Job(version, name, run, attempt, values), capture=capture)
        for name, spec in version.spec.operators.items()
        if spec.kind != "save"
    }


def run_one(workspace: Workspace, artifact: Artifact, **options: Any) -> Result:
    """Publish what an artifact is made of, run it, and return the result of its operator."""
    version = publish(workspace.store, artifact)
    return run_all(workspace, version, **options)[artifact.operator.name]


def output(workspace: Workspace, result: Result, name: str = "output") -> Any:
    """The value of an output."""
    return workspace.store.get(result.outputs[name])


def setup_of(workspace: Workspace) -> dict[str, Any]:
    return {"store": workspace.store.url, "signing_key": KEY.hex()}
