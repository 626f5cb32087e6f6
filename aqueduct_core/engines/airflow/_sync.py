"""Reads from Airflow, and from the store, what became of runs; nothing there waits for it.

Any number of processes may do that at once: everything that is recorded is the same whoever does it.
Runs are those of our own DAGs alone, whatever else a cluster runs; those that go on are read each time,
those that have ended once. An idle look costs two requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aqueduct_core.digest import digest_of
from aqueduct_core.engines.airflow._names import dag_id, run_key
from aqueduct_core.engines.airflow._record import Recording, Seen
from aqueduct_core.engines.airflow._rows import ENDED, DagRun, TaskInstance
from aqueduct_core.errors import AqueductError, NotFoundError

if TYPE_CHECKING:
    from aqueduct_core.engines.airflow._cluster import AirflowCluster
    from aqueduct_core.store import ArtifactStore
    from aqueduct_core.tracking import FlowRecord, RunRecord, Tracking

__all__ = ["Finished", "Look", "Sync"]

# Airflow says that a run has ended shortly before everybody can see it, and before tasks that were
# stopped have said their last word.
_OVERLAP = timedelta(seconds=60)
_SETTLED = timedelta(seconds=30)
_NEW = timedelta(seconds=60)  # what was started so shortly ago may not be in Airflow yet
_CHUNK = 200  # runs whose tasks are read together
_PAGE = 200
_READERS = 16

Finished = Callable[[str, str, bool], None]
"""Is told of each run that has ended: workflow's id, run key, and whether that is news."""

_NEWS = timedelta(hours=1)


@dataclass(slots=True)
class Look:
    """What one look at a cluster has found.

    Attributes:
        cluster: The cluster's name.
        runs: How many runs were read.
        ended: How many of them have ended since they were read last.
        calls: How many requests it took.
        problems: What could not be read, by run.
        is_complete: Whether nothing has to be read once more.
        error: Why the cluster could not be read.
    """

    cluster: str
    runs: int = 0
    ended: int = 0
    calls: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    is_complete: bool = True
    error: str | None = None


class Sync:
    """Keeps the tracking database up to date with one cluster.

    Args:
        cluster: The cluster.
        store: Where tasks put results.
        tracking: The tracking database.
        finished: Is told of runs that have ended.
    """

    def __init__(
        self,
        cluster: AirflowCluster,
        store: ArtifactStore,
        tracking: Tracking,
        finished: Finished = lambda flow, run, is_news: None,
    ) -> None:
        self._cluster = cluster
        self._tracking = tracking
        self._finished = finished
        self._recording = Recording(cluster, store, tracking)

    def look(self) -> Look:
        """Read what has happened since the last look of anybody.

        Raises:
            IntegrationError: Airflow can't be reached, or refuses.
        """
        api, found = self._cluster.api, Look(self._cluster.name)
        before = api.calls
        going = self._going()  # before Airflow is asked: what is new there is there
        flows = self._flows({record.flow for record in going.values()})
        since = self._since()
        if flows:
            dags = sorted(flows)
            runs = {
                (run.dag, run.id): run for run in api.dag_runs(dags, states=("queued", "running"))
            }
            clock = api.clock
            ended = api.dag_runs(dags, states=ENDED, ended_since=since)
            runs |= {(run.dag, run.id): run for run in ended}
            with ThreadPoolExecutor(_READERS) as pool:
                seen = list(self._seen(runs.values(), flows, going))
                self._read(pool, seen, clock, found)
                lost = [item for key, item in going.items() if key not in {i.place for i in seen}]
                self._read(pool, list(self._looked_up(lost, flows, clock, found)), clock, found)
            if found.is_complete:
                self._tracking.set_mark(self._mark, int((clock - _OVERLAP).timestamp()))
        found.calls = api.calls - before
        return found

    def look_at(self, record: RunRecord) -> RunRecord:
        """Read how one run stands; returns its record by then.

        Raises:
            IntegrationError: Airflow can't be reached, or refuses.
        """
        flow, found = self._tracking.flow(record.flow), Look(self._cluster.name)
        flows = {dag_id(flow.name, flow.id): flow}
        now = datetime.now(UTC)
        with ThreadPoolExecutor(_READERS) as pool:
            seen = list(self._looked_up([record], flows, now, found))
            self._read(pool, seen, self._cluster.api.clock, found)
        return self._tracking.run(record.id, flow=record.flow)

    @property
    def synced(self) -> datetime | None:
        """Up to when everything that has ended is recorded, whoever has looked; None if nobody has."""
        since = self._since()
        return None if since is None else since + _OVERLAP

    @property
    def _mark(self) -> str:
        where = digest_of(self._cluster.url.encode()).partition(":")[2][:12]
        return f"{self._cluster.name[:100]} {where}"

    def _since(self) -> datetime | None:
        mark = self._tracking.mark(self._mark)
        return None if mark is None else datetime.fromtimestamp(mark, UTC)

    def _going(self) -> dict[tuple[str, str], RunRecord]:
        """The runs that have not ended by what is recorded."""
        found: dict[tuple[str, str], RunRecord] = {}
        cursor: str | None = None
        while True:
            page = self._tracking.runs(states=("pending", "running"), cursor=cursor, limit=_PAGE)
            mine = [record for record in page if record.engine == self._cluster.name]
            found |= {(record.flow, record.id): record for record in mine}
            cursor = page.cursor
            if cursor is None:
                return found

    def _flows(self, others: Iterable[str]) -> dict[str, FlowRecord]:
        """The workflows of the cluster, and those that something of still runs there, by DAG."""
        found: dict[str, FlowRecord] = {}
        cursor: str | None = None
        while True:
            page = self._tracking.flows(engine=self._cluster.name, cursor=cursor, limit=_PAGE)
            found |= {flow.id: flow for flow in page}
            cursor = page.cursor
            if cursor is None:
                break
        found |= {flow: self._tracking.flow(flow) for flow in set(others) - set(found)}
        return {dag_id(flow.name, flow.id): flow for flow in found.values()}

    def _seen(
        self,
        runs: Iterable[DagRun],
        flows: Mapping[str, FlowRecord],
        going: Mapping[tuple[str, str], RunRecord],
    ) -> Iterator[Seen]:
        """Runs with what is recorded of them; those that ended first come first."""
        last = datetime.max.replace(tzinfo=UTC)
        for run in sorted(runs, key=lambda item: item.ended or last):
            flow, key = flows[run.dag], run_key(run.id)
            record = going.get((flow.id, key)) or self._record(flow.id, key)
            yield Seen(run, key, flow, record)

    def _looked_up(
        self,
        records: Iterable[RunRecord],
        flows: Mapping[str, FlowRecord],
        now: datetime,
        found: Look,
    ) -> Iterator[Seen]:
        """The same for runs that Airflow is asked for one by one; some may not be there any more."""
        by_id = {flow.id: (dag, flow) for dag, flow in flows.items()}
        for record in records:
            dag, flow = by_id[record.flow]
            run = self.run_of(dag, record.id)
            if run is not None:
                yield Seen(run, record.id, flow, record)
            elif now - record.started > _NEW:
                reason = "it was deleted in Airflow before it had ended"
                if self._tracking.finish_run(record.id, "canceled", reason=reason, flow=flow.id):
                    found.ended += 1
                    self._finished(flow.id, record.id, True)

    def run_of(self, dag: str, key: str) -> DagRun | None:
        """The run in Airflow that a key stands for; None if there is none."""
        run = unquote(key)
        if run_key(run) == key:
            return self._cluster.api.dag_run(dag, run)
        runs = self._cluster.api.dag_runs([dag])  # the key is a shortened one
        return next((run for run in runs if run_key(run.id) == key), None)

    def _record(self, flow: str, key: str) -> RunRecord | None:
        try:
            return self._tracking.run(key, flow=flow)
        except NotFoundError:
            return None

    def _read(
        self, pool: ThreadPoolExecutor, seen: Sequence[Seen], clock: datetime, found: Look
    ) -> None:
        todo = [item for item in seen if not _is_settled(item, clock)]
        for first in range(0, len(todo), _CHUNK):
            some = todo[first : first + _CHUNK]
            tasks: dict[tuple[str, str], list[TaskInstance]] = {}
            for task in self._cluster.api.task_instances([item.run for item in some]):
                tasks.setdefault((task.dag, task.run), []).append(task)
            for item in self._recording.known(pool, some):
                found.runs += 1
                try:
                    has_ended = self._recording.record(pool, item, tasks.get(item.airflow, ()))
                except AqueductError as error:
                    found.problems[f"{item.flow.name}: {item.key}"] = str(error)
                    found.is_complete &= isinstance(error, NotFoundError)
                    continue
                if has_ended:
                    found.ended += 1
                    ended = item.run.ended or clock
                    self._finished(item.flow.id, item.key, clock - ended < _NEWS)


def _is_settled(item: Seen, clock: datetime) -> bool:
    """Whether a run has been read after everything about it was said."""
    run, record = item.run, item.record
    if record is None or not run.has_ended or record.ended is None or run.ended is None:
        return False
    return record.ended == run.ended and clock - run.ended > _SETTLED
