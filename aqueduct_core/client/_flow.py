"""Workflows that were published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aqueduct_core.client._run import Run
from aqueduct_core.errors import NotFoundError
from aqueduct_core.store import ArtifactStore
from aqueduct_core.tracking import Records

__all__ = ["Flow"]


class Flow:
    """A published workflow.

    Attributes:
        id: Its id, made from its name.
        name: Its name.
    """

    def __init__(self, data: Mapping[str, Any], store: ArtifactStore, records: Records) -> None:
        self.id: str = data["id"]
        self.name: str = data["name"]
        self._store = store
        self._records = records

    def __repr__(self) -> str:
        return f"<Flow {self.name!r}>"

    @property
    def version(self) -> Mapping[str, Any]:
        """The current version: `digest`, `published` and `spec`."""
        flow = self._records.flow(self.id)
        version = flow and self._records.version(self.id, flow["version"])
        if not version:
            raise NotFoundError(
                f"the workflow {self.name!r} is gone", hint="client.flows() lists what there is"
            )
        return version

    def runs(self) -> list[Run]:
        """All runs, the newest first."""
        return [self.run(key) for key in reversed(self._records.runs(self.id))]

    def latest(self) -> Run:
        """The newest run.

        Raises:
            NotFoundError: There is none yet.
        """
        keys = self._records.runs(self.id)
        if not keys:
            raise NotFoundError(
                f"{self.name!r} has not run yet", hint="publish_flow(..., run_now=True) runs it"
            )
        return self.run(keys[-1])

    def run(self, run_id: str) -> Run:
        """One run.

        Raises:
            NotFoundError: There is none of this id.
        """
        data = self._records.run(self.id, run_id)
        if data is None:
            raise NotFoundError(
                f"{self.name!r} has no run {run_id!r}", hint="flow.runs() lists what there is"
            )
        return Run(data, self._store, self._records)
