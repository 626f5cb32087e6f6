"""Whether data systems and clusters answer: asked rarely, whoever looks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aqueduct_core.errors import AqueductError
from aqueduct_core.server._services import Services
from aqueduct_core.tracking import IntegrationRecord, Tracking

if TYPE_CHECKING:
    from aqueduct_core.engines.airflow import AirflowCluster
    from aqueduct_core.tracking import FlowRecord

__all__ = ["ClusterState", "DagState", "Reach", "cluster_state", "is_quiet", "reach"]

_KEPT = timedelta(seconds=30)  # for which an answer is good enough
_DAGS = 60  # that are compared with what is published
_READERS = 8


@dataclass(frozen=True, slots=True)
class Reach:
    """What came of connecting once.

    Attributes:
        at: When.
        seconds: How long it took.
        problem: Why it can't be reached; None if it can.
        hint: What to do about it.
    """

    at: datetime
    seconds: float
    problem: str | None = None
    hint: str | None = None

    @property
    def state(self) -> str:
        """How it is shown."""
        return "succeeded" if self.problem is None else "failed"


@dataclass(frozen=True, slots=True)
class DagState:
    """A workflow on a cluster.

    Attributes:
        flow: The workflow.
        dag: Its DAG.
        state: `current`, `out of date`, `not there`, or `paused`.
    """

    flow: FlowRecord
    dag: str
    state: str


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What a cluster says of itself.

    Attributes:
        version: Airflow's version.
        synced: Up to when what happened there is recorded here.
        lag: How long ago that is.
        dags: The workflows that it runs.
        errors: The files of ours that it can't read, with the end of the trace.
    """

    version: str
    synced: datetime | None
    lag: timedelta | None
    dags: list[DagState]
    errors: list[tuple[str, str]]


_known: WeakKeyDictionary[Tracking, dict[tuple[str, datetime], Reach]] = WeakKeyDictionary()
_lock = Lock()


def is_quiet(kind: str) -> bool:
    """Whether connecting tells nobody: a channel would get a message each time."""
    return kind not in ("email", "slack", "webhook")


def reach(services: Services, item: IntegrationRecord, *, now: bool = False) -> Reach:
    """Whether an integration can be reached.

    Args:
        services: What routes work with.
        item: The integration.
        now: Ask it, even if it was asked a moment ago.
    """
    key = (item.name, item.updated)
    with _lock:
        kept = _known.setdefault(services.tracking, {})
        last = kept.get(key)
    if last is not None and not now and datetime.now(UTC) - last.at < _KEPT:
        return last
    found = _ask(services, item, is_full=now)
    with _lock:
        kept[key] = found
    return found


def _ask(services: Services, item: IntegrationRecord, *, is_full: bool) -> Reach:
    begin = perf_counter()
    problem = hint = None
    try:
        made: Any = services.client.integration(item.name)
        if item.kind == "airflow" and not is_full:
            made.api.version()  # a full test writes a file, too
        else:
            made.test()
    except AqueductError as error:
        problem, hint = error.message, error.hint
    return Reach(datetime.now(UTC), perf_counter() - begin, problem, hint)


def cluster_state(services: Services, cluster: AirflowCluster) -> ClusterState:
    """What a cluster has of what was published, and what is known here of what it does.

    Raises:
        IntegrationError: It can't be reached.
    """
    from aqueduct_core.engines.airflow._names import dag_id

    version = cluster.api.version()
    flows = list(services.tracking.flows(engine=cluster.name, limit=_DAGS))
    with ThreadPoolExecutor(_READERS) as pool:
        dags = list(pool.map(lambda flow: _dag(services, cluster, flow), flows))
    ours = {f"{dag_id(flow.name, flow.id)}.py" for flow in flows}
    errors = []
    for error in cluster.api.import_errors():
        name = str(error.get("filename", "")).rpartition("/")[2]
        trace = str(error.get("stack_trace", "")).strip().splitlines()
        if name in ours:
            errors.append((name, trace[-1] if trace else ""))
    synced = services.session.clusters.runs(cluster.name).synced
    lag = None if synced is None else max(datetime.now(UTC) - synced, timedelta(0))
    return ClusterState(version, synced, lag, dags, errors)


def _dag(services: Services, cluster: AirflowCluster, flow: FlowRecord) -> DagState:
    from aqueduct_core.engines.airflow._names import dag_id, version_tag

    name = dag_id(flow.name, flow.id)
    found = cluster.api.dag(name)
    if found is None:
        return DagState(flow, name, "not there")
    tags = {item["name"] if isinstance(item, dict) else str(item) for item in found.get("tags", ())}
    wanted = version_tag(services.tracking.version(flow.id, flow.digest).version)
    if wanted not in tags:
        return DagState(flow, name, "out of date")
    return DagState(flow, name, "paused" if found.get("is_paused") else "current")
