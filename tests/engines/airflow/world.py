"""A workspace whose cluster is our HTTP server: tasks are really run, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.engines.airflow import AirflowRuns, Look
from aqueduct_core.engines.airflow._names import dag_id, run_key
from aqueduct_core.engines.airflow._pinned import pin
from aqueduct_core.engines.airflow._steps import steps
from aqueduct_core.runtime import Job, Result, Workspace, run_operator
from aqueduct_core.tracking import RunRecord, Tracking
from tests.engines.airflow.api_server import AirflowServer

__all__ = ["World"]


@dataclass
class World:
    """A client, its workflow `Churn`, and the cluster `air`.

    Attributes:
        airflow: The server.
        client: The client.
        flow: The workflow.
    """

    airflow: AirflowServer
    client: aq.Client
    flow: aq.Flow

    @property
    def tracking(self) -> Tracking:
        return self.client._session.tracking

    @property
    def runs(self) -> AirflowRuns:
        return self.client._session.clusters.runs("air")

    @property
    def dag(self) -> str:
        return dag_id(self.flow.name, self.flow.id)

    @property
    def version(self) -> Version:
        return Version.load(self.client.store, self.flow.id, self.flow.version().digest)

    def look(self) -> Look:
        (found,) = self.client._session.clusters.look()
        assert found.error is None
        return found

    def record(self, run: str) -> RunRecord:
        return self.tracking.run(run_key(run), flow=self.flow.id)

    def states(self, run: str) -> dict[str, str]:
        """The states of a run's operators, as they are recorded."""
        return {name: result.state for name, result in self.results(run).items()}

    def results(self, run: str) -> dict[str, Result]:
        found = self.tracking.results(run_key(run), flow=self.flow.id)
        return {result.name: result for result in found}

    def start(self, run: str, conf: Mapping[str, Any] | None = None, **known: Any) -> None:
        """Have a run that has just been started in Airflow, with tasks that nobody looked at."""
        self.airflow.put_run(self.dag, run, "running", conf=dict(conf or {}), **known)
        for step in steps(self.version.spec):
            self.airflow.put_task(self.dag, run, step.task, None, 0)

    def work(self, run: str, *tasks: str, attempt: int = 1, version: Version | None = None) -> None:
        """Run tasks, as Airflow's workers do."""
        version = version or self.version
        key = run_key(run)
        pin(self.client.store, self.flow.id, key, version.digest)
        workspace = Workspace(self.client.store, {})
        for step in steps(version.spec):
            if step.task not in tasks:
                continue
            (name,) = step.operators
            result = run_operator(workspace, Job(version, name, key, attempt))
            failed = result.state == "failed"
            self.airflow.put_task(
                self.dag, run, step.task, "failed" if failed else "success", attempt
            )

    def end(self, run: str, state: str) -> None:
        self.airflow.put_run(self.dag, run, state)
