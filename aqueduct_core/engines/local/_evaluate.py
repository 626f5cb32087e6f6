"""Computes a single artifact here and now, for `artifact.get()`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from aqueduct_core.dag import Artifact, Graph, Operator, own_traceback
from aqueduct_core.engines.local._execute import execute
from aqueduct_core.errors import OperatorError
from aqueduct_core.runtime import Failure, Run
from aqueduct_core.store import ArtifactStore

__all__ = ["evaluate"]


def evaluate(artifact: Artifact, parameters: Mapping[str, Any]) -> Any:
    """The value of an artifact; see `Artifact.get`."""
    graph = Graph.behind(artifact)
    other = graph.override(parameters)
    # In memory, signed with a key that nobody else has: what is read is what was just written.
    store = ArtifactStore("memory://", signing_key=os.urandom(32), describe=False)
    ids = {name: name for name in graph.names.values()}
    run = Run(uuid4().hex, store, graph.names, ids, raises=True)
    affected = set(other)
    for operator in graph.operators:
        if any(item.operator in affected for item in operator.inputs):
            affected.add(operator)
        elif operator not in affected:
            run.stored.update({(operator, name): item for name, item in operator.memo.items()})
    current = artifact.operator
    try:
        for current, result in execute(graph, run, other):
            if result is not None and current not in affected:
                current.memo.update({name: run.stored[current, name] for name in current.outputs})
    except (Exception, SystemExit) as error:  # noqa: BLE001 - raised again, told in full
        own = error.with_traceback(own_traceback(error.__traceback__))
        raise _explained(graph.names[current], current, own) from own
    return run.load(artifact)


def _explained(name: str, operator: Operator, error: BaseException) -> OperatorError:
    made = f" (made at {operator.site})" if operator.site else ""
    return OperatorError(f"{operator.kind} {name!r}{made} failed: {Failure.of(error)}")
