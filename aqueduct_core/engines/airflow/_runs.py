"""What can be done with runs on a cluster: start, stop, repeat and follow them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aqueduct_core.engines._watch import FINISHED, watch
from aqueduct_core.engines.airflow._names import dag_id, run_key
from aqueduct_core.engines.airflow._params import conf_of
from aqueduct_core.engines.airflow._steps import steps
from aqueduct_core.engines.airflow._sync import Finished, Look, Sync
from aqueduct_core.engines.base import Silent
from aqueduct_core.errors import IntegrationError, NotFoundError, ParameterError

if TYPE_CHECKING:
    from datetime import datetime

    from aqueduct_core.dag import Version
    from aqueduct_core.engines.airflow._cluster import AirflowCluster
    from aqueduct_core.engines.base import Listener, RunState
    from aqueduct_core.store import ArtifactStore
    from aqueduct_core.tracking import FlowRecord, RunRecord, Tracking

__all__ = ["AirflowHandle", "AirflowRuns"]

_LOOKS = (0.5, 3.0)  # the shortest and the longest pause between two looks, in seconds
_KEPT = ("succeeded", "warning")


class AirflowRuns:
    """Runs on one cluster.

    Args:
        cluster: The cluster.
        store: Where tasks put results.
        tracking: The tracking database.
        finished: Is told of runs that have ended.

    Attributes:
        cluster: The cluster.
    """

    def __init__(
        self,
        cluster: AirflowCluster,
        store: ArtifactStore,
        tracking: Tracking,
        finished: Finished = lambda flow, run, is_news: None,
    ) -> None:
        self.cluster = cluster
        self._tracking = tracking
        self._sync = Sync(cluster, store, tracking, finished)

    @property
    def synced(self) -> datetime | None:
        """Up to when everything that has ended there is recorded here; None if nobody has looked."""
        return self._sync.synced

    def look(self) -> Look:
        """Record what has happened on the cluster since the last look of anybody.

        Raises:
            IntegrationError: Airflow can't be reached, or refuses.
        """
        return self._sync.look()

    def look_at(self, record: RunRecord) -> RunRecord:
        """Record how one run stands; returns its record by then.

        Raises:
            IntegrationError: Airflow can't be reached, or refuses.
        """
        return self._sync.look_at(record)

    def trigger(
        self,
        version: Version,
        run: str,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        listener: Listener | None = None,
        **known: Any,
    ) -> AirflowHandle:
        """Start a run; see `Engine.trigger`.

        Args:
            version: The version that the cluster has.
            run: The run key.
            parameters: Other values for some parameters, in the form of `ParameterSpec.value`.
            listener: Who wants to know how it goes; called by `wait`.
            known: What else the tracking database shall know: `trigger`, `scheduled_for`.

        Raises:
            IntegrationError: Airflow can't be reached, or doesn't take the run.
        """
        values = dict(parameters or {})
        name = unquote(run)
        if run_key(name) != run:
            raise ParameterError(f"{run!r} can't be the key of a run in Airflow")
        self._tracking.start_run(
            run,
            version.flow,
            version.digest,
            engine=self.cluster.name,
            parameters=values,
            state="pending",
            **known,
        )
        try:
            dag = dag_id(version.name, version.flow)
            self.cluster.api.trigger(dag, name, conf_of(version.spec, values))
        except BaseException:
            self._tracking.delete_runs(version.flow, [run])
            raise
        return AirflowHandle(self, self._tracking, version.flow, run, listener)

    def cancel(self, record: RunRecord) -> None:
        """Stop a run.

        Raises:
            NotFoundError: Airflow doesn't have it any more.
        """
        dag, run = self._in_airflow(record)
        if self._tracking.request_cancel(record.id, flow=record.flow):
            self.cluster.api.set_run_state(dag, run, "failed")

    def retry(self, record: RunRecord, listener: Listener | None = None) -> AirflowHandle:
        """Let run again what failed, was skipped or canceled; what succeeded is kept.

        Raises:
            NotFoundError: Airflow doesn't have the run any more.
            ParameterError: It hasn't ended, or there is nothing to be run again.
        """
        if record.ended is None:
            raise ParameterError(
                f"the run {record.id!r} is {record.state}", hint="wait for its end, or cancel it"
            )
        if record.state in _KEPT:
            raise ParameterError(
                f"nothing failed in the run {record.id!r}", hint="trigger a new run"
            )
        dag, run = self._in_airflow(record)
        spec = self._tracking.version(record.flow, record.version).spec
        results = self._tracking.results(record.id, flow=record.flow)
        kept = {result.name for result in results if result.state in _KEPT}
        todo = [step.task for step in steps(spec) if not kept.issuperset(step.operators)]
        self.cluster.api.clear(dag, run, todo)
        self._tracking.start_run(
            record.id, record.flow, record.version, engine=record.engine, state="pending"
        )
        return AirflowHandle(self, self._tracking, record.flow, record.id, listener)

    def pause(self, flow: FlowRecord) -> None:
        """Let no run start by itself. In Airflow, runs that are triggered wait meanwhile, too."""
        self.cluster.api.pause(dag_id(flow.name, flow.id))

    def resume(self, flow: FlowRecord) -> None:
        """Let runs start again."""
        self.cluster.api.unpause(dag_id(flow.name, flow.id))

    def _in_airflow(self, record: RunRecord) -> tuple[str, str]:
        """The DAG and the id that a run has in Airflow."""
        flow = self._tracking.flow(record.flow)
        dag = dag_id(flow.name, flow.id)
        found = self._sync.run_of(dag, record.id)
        if found is None:
            raise NotFoundError(
                f"Airflow doesn't have the run {record.id!r} any more",
                hint="it was deleted there; what it has left here stays",
            )
        return dag, found.id


class AirflowHandle:
    """A run that was started on a cluster. It goes on whatever becomes of this process.

    Args:
        runs: The runs of the cluster.
        tracking: The tracking database.
        flow: The workflow's id.
        run: The run key.
        listener: Who wants to know how it goes.

    Attributes:
        run: The run key.
    """

    def __init__(
        self,
        runs: AirflowRuns,
        tracking: Tracking,
        flow: str,
        run: str,
        listener: Listener | None = None,
    ) -> None:
        self.run = run
        self._runs = runs
        self._tracking = tracking
        self._flow = flow
        self._listener: Listener = listener or Silent()
        self._told: dict[str, tuple[str, int]] = {}

    def __repr__(self) -> str:
        return f"<AirflowHandle {self.run} {self.state}>"

    @property
    def state(self) -> RunState:
        """Where it stands, by what is recorded."""
        state: RunState = self._tracking.run(self.run, flow=self._flow).state  # type: ignore[assignment]  # the database knows text alone
        return state

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait for its end. What interrupts that doesn't stop the run; `cancel` does.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            The state that it has by then.
        """
        self._listener.run_started(self.run)
        state = watch(self._look, timeout, _LOOKS)
        if state in FINISHED:
            self._listener.run_finished(state)
        return state

    def cancel(self) -> None:
        """Stop it."""
        self._runs.cancel(self._tracking.run(self.run, flow=self._flow))

    def _look(self) -> RunState:
        try:
            self._runs.look_at(self._tracking.run(self.run, flow=self._flow))
        except IntegrationError as error:
            self._listener.environment(str(error))  # the run goes on, whether it is seen or not
        for result in self._tracking.results(self.run, flow=self._flow):
            if self._told.get(result.name) == (result.state, result.attempt):
                continue
            self._told[result.name] = (result.state, result.attempt)
            if result.state in FINISHED:
                self._listener.operator_finished(result)
            else:
                self._listener.operator_started(result.name, result.attempt)
        return self.state
