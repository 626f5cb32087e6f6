"""Watches the clock and the feed of events, and starts runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, TypeAlias

from aqueduct_core.engines._plugins import plugin_engines
from aqueduct_core.engines.local import this_process
from aqueduct_core.errors import AqueductError, NotFoundError, ParameterError
from aqueduct_core.scheduler._followers import Followers
from aqueduct_core.scheduler._times import last_time, next_time
from aqueduct_core.tracking import FlowRecord, ScheduleRecord, Tracking

__all__ = ["Scheduler", "Trigger"]

Trigger: TypeAlias = Callable[[str, str, datetime | None, str], object]
"""Starts a run: workflow's id, run key, the moment of the schedule, and `schedule` or `after`."""

_JUMP = timedelta(minutes=1)
_EVENTS = timedelta(days=30)  # how long they are kept: readers look every few seconds
_DAY = timedelta(days=1)

_log = logging.getLogger("aqueduct_core.scheduler")


class Scheduler:
    """Starts runs when it is time.

    Any number of them may watch one database: each moment of a schedule, and each success of a
    workflow that others wait for, starts one run.

    Args:
        tracking: The database.
        trigger: Starts a run, and returns soon.
        owner: Who the engine says starts the run; by default this process, as the local engine
            calls it.
        engines: Those whose schedules are kept here; by default the local one and those of
            plugins, as others have a scheduler of their own.
        clock: Tells the time, with a zone.
    """

    def __init__(
        self,
        tracking: Tracking,
        trigger: Trigger,
        *,
        owner: str | None = None,
        engines: Collection[str] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tracking = tracking
        self._trigger = trigger
        self._owner = owner or this_process()
        self._engines = ("local", *plugin_engines()) if engines is None else engines
        self._clock = clock
        self._last: datetime | None = None
        self._forgot: datetime | None = None
        self._followers = Followers(tracking, self._start, self._owner)
        self._broken: dict[str, object] = {}

    def run_forever(self, stop: Event, *, interval: float = 1.0) -> None:
        """Look after everything until told to stop. A database that fails is tried again.

        Args:
            stop: Set it to end this.
            interval: Seconds from one look to the next.
        """
        said = ""
        while not stop.is_set():
            try:
                self.tick()
                said = ""
            except AqueductError as error:
                if str(error) != said:
                    said = str(error)
                    _log.error("the scheduler goes on, but: %s", said)
            stop.wait(interval)

    def tick(self, now: datetime | None = None) -> None:
        """Start what should be running by now.

        Args:
            now: The present moment; by default, what the clock says.
        """
        now = (now or self._clock()).astimezone(UTC)
        if self._last is None or now < self._last - _JUMP:
            self._plan_again(now)
        self._last = now
        for record in self._tracking.due(now):
            self._tick(record, now)
        self._followers.look()
        self._forget(now)

    def _forget(self, now: datetime) -> None:
        """Let old events go, once a day."""
        if self._forgot is None or abs(now - self._forgot) >= _DAY:
            self._tracking.prune_events(now - _EVENTS)
            self._forgot = now

    def _tick(self, record: ScheduleRecord, now: datetime) -> None:
        if self._broken.get(record.flow) == record.spec:
            return
        try:
            following = next_time(record.spec, now)
            tick = record.next_at and last_time(record.spec, record.next_at, now)
            if following is None:
                raise ParameterError("its schedule has no moment in the next fifty years")
        except ParameterError as error:
            self._broken[record.flow] = record.spec
            _log.error("%r does not run by itself: %s", record.name, error)
            return
        flow = self._flow(record.flow)
        if flow is None:
            return
        if tick is None or flow.engine not in self._engines:
            self._tracking.plan(record.flow, following)
        elif self._tracking.claim(record.flow, tick, self._owner, next_at=following, at=now):
            self._fire(record, tick, now)

    def _fire(self, record: ScheduleRecord, tick: datetime, now: datetime) -> None:
        flow = self._flow(record.flow)
        if flow is None or flow.paused:
            return
        if flow.schedule != record.spec:  # published again just now
            following = flow.schedule and next_time(flow.schedule, now)
            if following:
                self._tracking.plan(flow.id, following)
            return
        self._start(flow, f"scheduled-{tick:%Y-%m-%dT%H%MZ}", tick, "schedule")

    def _start(self, flow: FlowRecord, run: str, tick: datetime | None, reason: str) -> None:
        """Call the trigger; what it raises is recorded as a run that failed."""
        try:
            self._trigger(flow.id, run, tick, reason)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises is recorded
            _log.exception("%r could not be started", flow.name)
            if self._belongs_to_another(flow, run):
                return
            why = f"it could not be started: {error}"
            known: dict[str, Any] = {"trigger": reason, "scheduled_for": tick, "owner": self._owner}
            with suppress(NotFoundError):  # deleted meanwhile
                self._tracking.start_run(run, flow.id, flow.digest, engine=flow.engine, **known)
                self._tracking.finish_run(run, "failed", reason=why, flow=flow.id)

    def _belongs_to_another(self, flow: FlowRecord, run: str) -> bool:
        """Whether a scheduler that believed this one to be dead has started the run."""
        try:
            return self._tracking.run(run, flow=flow.id).owner != self._owner
        except NotFoundError:
            return False

    def _flow(self, flow: str) -> FlowRecord | None:
        """A workflow, if nobody has deleted it meanwhile."""
        try:
            return self._tracking.flow(flow)
        except NotFoundError:
            return None

    def _plan_again(self, now: datetime) -> None:
        """Correct plans that were made while the clock was ahead."""
        cursor = None
        while True:
            page = self._tracking.flows(cursor=cursor, limit=200)
            for flow in page:
                if flow.schedule is None or flow.next_at is None:
                    continue
                try:
                    following = next_time(flow.schedule, now)
                except ParameterError:
                    continue  # said when it is due
                if following is not None and following < flow.next_at:
                    self._tracking.plan(flow.id, following)
            cursor = page.cursor
            if cursor is None:
                return
