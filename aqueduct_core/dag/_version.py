"""Versions: a graph that was published, under ids that stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from aqueduct_core.dag._graph import Graph
from aqueduct_core.dag._operators import Operator
from aqueduct_core.dag._schedules import Schedule, schedule_spec
from aqueduct_core.manifest import digest_of

__all__ = ["Version", "flow_id"]

_FORMAT = 1
_FLOWS = UUID("6d6a9d2e-0c44-4f0c-9a53-1f6c2f2f3b0e")  # the name space of workflow names


def flow_id(name: str) -> str:
    """The id of the workflow of this name: everybody who knows the name can find it."""
    return str(uuid5(_FLOWS, name))


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One version of a workflow.

    Attributes:
        flow: The workflow's id.
        name: The workflow's name.
        digest: Digest of the canonical spec: publishing the same twice makes one version.
        spec: What the version consists of, as plain JSON.
        ids: The UUID of each operator, by its name; fixed for this version.
        graph: The operators themselves.
    """

    flow: str
    name: str
    digest: str
    spec: Mapping[str, Any]
    ids: Mapping[str, str]
    graph: Graph

    @classmethod
    def of(
        cls,
        name: str,
        graph: Graph,
        *,
        schedule: Schedule | None = None,
        engine: str = "local",
        description: str = "",
    ) -> Version:
        """The version that a graph makes of the workflow `name`."""
        spec = {
            "format": _FORMAT,
            "name": name,
            "description": description,
            "engine": engine,
            "schedule": None if schedule is None else schedule_spec(schedule),
            "operators": [_operator_spec(graph, operator) for operator in graph.operators],
        }
        flow = flow_id(name)
        canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
        digest = digest_of(canonical.encode())
        ids = {
            graph.names[operator]: str(uuid5(UUID(flow), f"{digest}/{graph.names[operator]}"))
            for operator in graph.operators
        }
        return cls(flow, name, digest, spec, ids, graph)


def _operator_spec(graph: Graph, operator: Operator) -> dict[str, Any]:
    return {
        "name": graph.names[operator],
        "kind": operator.kind,
        "description": operator.description,
        "args": [graph.artifact_name(item) for item in operator.args],
        "kwargs": {key: graph.artifact_name(item) for key, item in operator.kwargs.items()},
        "outputs": list(operator.outputs),
        "task": dict(operator.task.spec()),
    }
