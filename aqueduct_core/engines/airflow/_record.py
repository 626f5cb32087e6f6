"""Records what became of one run: of which version it is, its operators, and its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aqueduct_core.engines.airflow._params import overrides
from aqueduct_core.engines.airflow._pinned import Pin, read_pin
from aqueduct_core.engines.airflow._states import (
    has_own_result,
    is_from_airflow,
    outcome,
    state_of_run,
    trigger_of,
    with_reasons,
)
from aqueduct_core.engines.airflow._steps import steps
from aqueduct_core.errors import CorruptArtifactError, ParameterError, TrackingError
from aqueduct_core.runtime import Result, read_result
from aqueduct_core.runtime._result import attempt_folder

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.engines.airflow._cluster import AirflowCluster
    from aqueduct_core.engines.airflow._rows import DagRun, TaskInstance
    from aqueduct_core.store import ArtifactStore
    from aqueduct_core.tracking import FlowRecord, RunRecord, Tracking

__all__ = ["Recording", "Seen"]

_VERSIONS = 64  # that are remembered
_PINS = 10_000
_LONGEST = 500
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Timeout|Interrupt|NotFound): .*\S")


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as Airflow has it, and what is recorded of it.

    Attributes:
        run: The run in Airflow.
        key: Its run key.
        flow: Its workflow.
        record: Its record, if there is one.
        digest: The version that it is of.
        was: Its record while its version wasn't known.
    """

    run: DagRun
    key: str
    flow: FlowRecord
    record: RunRecord | None
    digest: str = ""
    was: RunRecord | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What it is by here."""
        return self.flow.id, self.key

    @property
    def airflow(self) -> tuple[str, str]:
        """What it is by in Airflow."""
        return self.run.dag, self.run.id


class Recording:
    """Records runs of one cluster.

    Args:
        cluster: The cluster.
        store: Where tasks put results.
        tracking: The tracking database.
    """

    def __init__(self, cluster: AirflowCluster, store: ArtifactStore, tracking: Tracking) -> None:
        self._cluster = cluster
        self._store = store
        self._tracking = tracking
        self._versions: dict[tuple[str, str], Version] = {}
        self._pins: dict[tuple[str, str], Pin] = {}

    def known(self, pool: ThreadPoolExecutor, seen: Sequence[Seen]) -> Iterator[Seen]:
        """The same runs with the versions that they are of, without those that were deleted here."""
        pins = pool.map(self._pin, seen)
        for item, pin in zip(seen, pins, strict=True):
            if pin.is_forgotten and item.record is None:
                continue
            current = item.record.version if item.record is not None else item.flow.digest
            yield replace(item, digest=pin.version or current)

    def record(self, pool: ThreadPoolExecutor, item: Seen, tasks: Iterable[TaskInstance]) -> bool:
        """Record a run as it stands; returns whether it has ended by that.

        Raises:
            NotFoundError: Its version was published somewhere else.
        """
        version = self._version(item.flow.id, item.digest)
        known = self._known(item)
        if item.record is not None and item.record.version != version.digest and not known:
            item = self._of_other_version(item)
        record = self._started(item, version)
        results = self._results(pool, item, version, record, tasks, known)
        current = with_reasons(version, known | results)
        changed = {name: new for name, new in current.items() if new != known.get(name)}
        earlier = pool.map(self._attempt, *_columns(item.key, _attempts_before(changed, known)))
        self._tracking.record(
            version, [*(own for own in earlier if own is not None), *changed.values()]
        )
        if not item.run.has_ended:
            return False
        state, reason = state_of_run(
            item.run, current.values(), is_cancel_requested=record.cancel_requested
        )
        return self._tracking.finish_run(
            item.key, state, reason=reason, ended=item.run.ended, flow=item.flow.id
        )

    def _pin(self, item: Seen) -> Pin:
        found = self._pins.get(item.place)
        if found is None:
            found = read_pin(self._store, *item.place)
            if found.version is not None and not found.is_forgotten:
                if len(self._pins) >= _PINS:
                    self._pins.clear()
                self._pins[item.place] = found
        return found

    def _version(self, flow: str, digest: str) -> Version:
        found = self._versions.get((flow, digest))
        if found is None:
            found = self._tracking.version(flow, digest).version
            if len(self._versions) >= _VERSIONS:
                self._versions.clear()
            self._versions[flow, digest] = found
        return found

    def _known(self, item: Seen) -> dict[str, Result]:
        if item.record is None:
            return {}
        found = self._tracking.results(item.key, flow=item.flow.id)
        return {result.name: result for result in found}

    def _of_other_version(self, item: Seen) -> Seen:
        """A run that was recorded before its first task said of which version it is."""
        self._tracking.delete_runs(item.flow.id, [item.key])
        return replace(item, record=None, was=item.record)

    def _started(self, item: Seen, version: Version) -> RunRecord:
        """The record of a run, made or brought up to date."""
        run, was = item.run, item.was
        state = "running" if run.has_ended else state_of_run(run, (), is_cancel_requested=False)[0]
        record = item.record
        if record is None:
            trigger = was.trigger if was is not None else trigger_of(run)
            try:
                return self._tracking.start_run(
                    item.key,
                    item.flow.id,
                    version.digest,
                    engine=self._cluster.name,
                    parameters=was.parameters if was is not None else _parameters(run, version),
                    trigger=trigger,
                    scheduled_for=run.due if trigger == "schedule" else None,
                    state=state,
                    started=run.started or run.due or run.ended,
                    once=True,
                )
            except TrackingError:  # somebody else was quicker
                record = self._tracking.run(item.key, flow=item.flow.id)
        if _is_up_to_date(record, run, state):
            return record
        return self._tracking.start_run(
            item.key,
            item.flow.id,
            record.version,
            engine=self._cluster.name,
            state=state,
            started=run.started,
        )

    def _results(
        self,
        pool: ThreadPoolExecutor,
        item: Seen,
        version: Version,
        record: RunRecord,
        tasks: Iterable[TaskInstance],
        known: Mapping[str, Result],
    ) -> dict[str, Result]:
        """What became of the operators, as far as there is something to tell."""
        by_id = {task.task: task for task in tasks}
        at = {
            name: by_id[step.task]
            for step in steps(version.spec)
            for name in step.operators
            if step.task in by_id
        }
        own = {name: known[name] for name, task in at.items() if _says_all(known.get(name), task)}
        wanted = [name for name, task in at.items() if name not in own and has_own_result(task)]
        read = pool.map(
            self._own, *_columns(item.key, [(version.ids[name], None) for name in wanted])
        )
        own |= {name: one for name, one in zip(wanted, read, strict=True) if one is not None}
        is_canceled = item.run.state == "failed" and record.cancel_requested
        results: dict[str, Result] = {}
        for name, task in at.items():
            args = (item.run, task, version, name, item.key, own.get(name))
            result = outcome(*args, is_canceled=is_canceled)
            if result is not None:
                is_dead = result.state == "failed" and is_from_airflow(result)
                results[name] = self._explained(item, task, result, known) if is_dead else result
        return results

    def _own(self, operator: str, run: str, attempt: int | None) -> Result | None:
        """What a task has written itself; None if that is nothing that can be read."""
        try:
            return read_result(self._store, operator, run, attempt)
        except CorruptArtifactError:
            return None

    def _attempt(self, operator: str, run: str, attempt: int | None) -> Result | None:
        """What an attempt before the last has written; it is moved aside when a later one ends."""
        found = self._own(operator, run, attempt)
        if found is None:
            last = self._own(operator, run, None)
            return last if last is not None and last.attempt == attempt else None
        return found

    def _explained(
        self, item: Seen, task: TaskInstance, result: Result, known: Mapping[str, Result]
    ) -> Result:
        """Of a task that died without a word, what Airflow's log says."""
        before = known.get(result.name)
        if before is not None and before.logs and _is_told_again(result, before):
            return before
        text = self._cluster.api.log(task.dag, task.run, task.task, result.attempt)
        if not text.strip():
            return result
        key = f"{attempt_folder(result.operator, item.key, result.attempt)}/stderr.log"
        if self._store.storage.stat(key) is None:
            self._store.storage.put(key, text.encode())
        raised = [line for line in text.splitlines() if _RAISED.match(line)]
        reason = f"in Airflow: {raised[-1][:_LONGEST]}" if raised else result.reason
        return replace(result, reason=reason, logs={"stderr": key})


def _is_up_to_date(record: RunRecord, run: DagRun, state: str) -> bool:
    """Whether a run needn't be said to start, or to go on."""
    if run.has_ended:
        return record.ended in (None, run.ended)
    return record.ended is None and (record.state == state or record.cancel_requested)


def _is_told_again(result: Result, before: Result) -> bool:
    """Whether Airflow says of an attempt what it has said before."""
    same = (before.attempt, before.state) == (result.attempt, result.state)
    return same and is_from_airflow(before)


def _says_all(known: Result | None, task: TaskInstance) -> bool:
    """Whether what is recorded is the last word of a task's last attempt."""
    return (
        known is not None
        and known.state not in ("pending", "running")
        and known.attempt >= max(task.attempt, 1)
        and not is_from_airflow(known)
    )


def _attempts_before(
    changed: Mapping[str, Result], known: Mapping[str, Result]
) -> list[tuple[str, int | None]]:
    """The attempts of operators that have passed since they were recorded last."""
    found: list[tuple[str, int | None]] = []
    for name, result in changed.items():
        before = known.get(name)
        first = 1
        if before is not None:
            first = before.attempt + (before.state not in ("pending", "running"))
        found += [(result.operator, number) for number in range(first, result.attempt)]
    return found


def _columns(
    run: str, wanted: Sequence[tuple[str, int | None]]
) -> tuple[list[str], list[str], list[int | None]]:
    """What `map` takes to read some results."""
    return [item[0] for item in wanted], [run] * len(wanted), [item[1] for item in wanted]


def _parameters(run: DagRun, version: Version) -> dict[str, Mapping[str, object]]:
    """What a run was started with, of what the workflow knows."""
    try:
        return dict(overrides(version.spec, run.conf))
    except ParameterError:
        return {}  # its tasks say so, one by one
