"""The engine that the client has built in."""

from __future__ import annotations

from aqueduct_core.dag import Operator, Version
from aqueduct_core.engines.base import RunState, Trigger
from aqueduct_core.engines.local._execute import execute, outcome
from aqueduct_core.runtime import Result, Run
from aqueduct_core.store import ArtifactStore
from aqueduct_core.tracking import Records

__all__ = ["LocalEngine"]


class LocalEngine:
    """Runs workflows in this process, and is done when `trigger` returns.

    Args:
        store: Where outputs go.
        records: Where results go.
    """

    kind = "local"

    def __init__(self, store: ArtifactStore, records: Records) -> None:
        self._store = store
        self._records = records

    def deploy(self, version: Version) -> None:
        """Nothing to do: the version is in this process."""

    def trigger(self, version: Version, request: Trigger) -> RunState:
        graph = version.graph
        run = Run(request.run, self._store, graph.names, version.ids)
        results: dict[Operator, Result] = {}
        for operator, result in execute(graph, run, graph.override(request.parameters)):
            if result is not None:
                self._records.put_result(result)
                results[operator] = result
            if request.progress is not None:
                request.progress(graph.names[operator], result)
        return outcome(results)
