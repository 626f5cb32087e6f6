"""What pages about one metric or check over time have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.dag import FlowSpec
from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._services import Services
from aqueduct_core.server.pages._reading import flow_path, run_path, version_of
from aqueduct_core.tracking import FlowRecord, RunRecord

__all__ = ["SHOWN", "Timeline", "bounds_of"]

SHOWN = 100
"""Runs that such a page tells of."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The last runs of a workflow, and which version each was of.

    Attributes:
        flow: The workflow.
        runs: Its last runs by key.
        numbers: The numbers of its versions by digest.
        spec: What the workflow consists of now.
    """

    flow: FlowRecord
    runs: Mapping[str, RunRecord]
    numbers: Mapping[str, int]
    spec: FlowSpec

    @classmethod
    def of(cls, services: Services, flow: str) -> Timeline:
        """The last runs of a workflow."""
        tracking = services.tracking
        record = tracking.flow(flow)
        return cls(
            record,
            {run.id: run for run in tracking.runs(flow, limit=2 * SHOWN)},
            {item.digest: item.number for item in tracking.versions(flow)},
            version_of(services, flow, record.digest).spec,
        )

    def check(self, name: str, kind: str, found: Sequence[Any]) -> None:
        """Raise `NotFoundError` if the workflow never had such an operator."""
        spec = self.spec.operators.get(name)
        if not found and (spec is None or spec.kind != kind):
            raise NotFoundError(f"the workflow {self.flow.name!r} has no {kind} {name!r}")

    def version(self, run: str) -> int | None:
        """The number of the version that ran."""
        known = self.runs.get(run)
        return None if known is None else self.numbers.get(known.version)

    def marks(self, runs: Sequence[str]) -> list[int | None]:
        """For each of some runs, the oldest first, the number of its version if it is another one."""
        versions = [self.version(run) for run in runs]
        return [
            None if version is None or (place and version == versions[place - 1]) else version
            for place, version in enumerate(versions)
        ]

    def context(self, name: str) -> dict[str, Any]:
        """What templates know."""
        last = self.flow.last_run
        return {
            "flow": self.flow,
            "flow_path": flow_path(self.flow.id),
            "name": name,
            "spec": self.spec.operators.get(name),
            "operator": run_path(self.flow.id, last, "operators", name)
            if last and name in self.spec.operators
            else None,
        }


def bounds_of(spec: FlowSpec, metric: str) -> dict[str, dict[str, float]]:
    """The bounds that checks set to a metric, by the name of the check."""
    return {
        item.name: {
            name: float(value)
            for name, value in item.task["preset"].items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        for item in spec.of_kind("check")
        if isinstance(item.task.get("preset"), Mapping)
        and item.task["preset"].get("name") == "bound"
        and any(source.source == metric for source in item.inputs)
    }
