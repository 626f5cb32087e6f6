"""Workflows that run after another one has succeeded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aqueduct_core.digest import digest_of
from aqueduct_core.errors import NotFoundError, TrackingError
from aqueduct_core.tracking import FlowRecord, RunRecord, Tracking

__all__ = ["Followers", "run_key"]

_SUCCESS = ("succeeded", "warning")
_LONGEST = 120  # characters of a run key; each link of a chain makes it longer
_PAGE = 500

Start = Callable[[FlowRecord, str, datetime | None, str], None]


class Followers:
    """Starts each workflow that waits for another, once for each success of that one.

    Args:
        tracking: The database.
        start: Starts a run.
        owner: This scheduler.
    """

    def __init__(self, tracking: Tracking, start: Start, owner: str) -> None:
        self._tracking = tracking
        self._start = start
        self._owner = owner
        self._seen: int | None = None

    def look(self) -> None:
        """Start what waits for the runs that have succeeded since the last look.

        The first look sees, for each workflow, the last success alone: what was missed while no
        scheduler was there is made up for by one run.
        """
        if self._seen is None:
            seen = self._tracking.last_event()
            self._make_up()
            self._seen = seen
        while True:
            events = self._tracking.events(self._seen, limit=_PAGE)
            for event in events:
                if event.kind == "run" and event.state in _SUCCESS:
                    self._succeeded(event.flow or "", event.run or "")
                self._seen = event.id
            if len(events) < _PAGE:
                return

    def _make_up(self) -> None:
        cursor = None
        while True:
            page = self._tracking.flows(cursor=cursor, limit=200)
            for follower in page:
                first = self._tracking.flow_named(follower.after) if follower.after else None
                run = first and self._tracking.latest_run(first.id, states=_SUCCESS)
                if run:
                    self._follow(follower, run)
            cursor = page.cursor
            if cursor is None:
                return

    def _succeeded(self, flow: str, run: str) -> None:
        try:
            followers = self._tracking.followers(self._tracking.flow(flow).name)
            record = self._tracking.run(run, flow=flow)
        except NotFoundError:
            return  # deleted meanwhile
        for follower in followers:
            self._follow(follower, record)

    def _follow(self, follower: FlowRecord, run: RunRecord) -> None:
        # What happened before it was published to wait for this, it didn't wait for.
        if follower.paused or run.ended is None or run.ended < follower.published:
            return
        key = run_key(run)
        if self._claimed(follower, key):
            self._start(follower, key, None, "after")

    def _claimed(self, follower: FlowRecord, key: str) -> bool:
        """Record a run, unless it is known: of several schedulers, one starts it."""
        try:
            self._tracking.start_run(
                key,
                follower.id,
                follower.digest,
                engine=follower.engine,
                trigger="after",
                owner=self._owner,
                once=True,
            )
        except (NotFoundError, TrackingError):
            try:
                self._tracking.run(key, flow=follower.id)
            except NotFoundError:
                if self._tracking.flow_named(follower.name) is None:
                    return False  # deleted meanwhile
                raise
            return False
        return True


def run_key(run: RunRecord) -> str:
    """The key of the run that follows another one; the same whoever asks."""
    key = f"after-{run.flow[:8]}-{run.id}"
    if len(key) <= _LONGEST:
        return key
    return f"after-{run.flow[:8]}-{digest_of(run.id.encode()).partition(':')[2][:32]}"
