"""Runs on clusters: started and stopped from here, and recorded as they go on there."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING

from aqueduct_core.client._engines import airflow_engine
from aqueduct_core.client._progress import say
from aqueduct_core.errors import AqueductError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.engines.airflow import AirflowEngine, AirflowRuns, Look
    from aqueduct_core.tracking import RunRecord

__all__ = ["Clusters"]

_FRESH = 1.0  # seconds for which a look at a run is good enough
_PAUSE = (
    30.0  # seconds for which a cluster that can't be reached isn't asked by those who only read
)
_FORGOTTEN = 1_000
_GRACE = 5.0  # seconds for the last look to end

_log = logging.getLogger("aqueduct_core.sync")


class Clusters:
    """The Airflow clusters of a workspace. Thread-safe.

    Args:
        session: The workspace.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = RLock()
        self._runs: dict[str, AirflowRuns] = {}
        self._looked: dict[tuple[str, str], float] = {}
        self._unreachable: dict[str, float] = {}

    def engine(self, name: str) -> AirflowEngine:
        """What hands workflows to a cluster.

        Raises:
            UnsupportedError: There is no such cluster.
        """
        return airflow_engine(self._session, name)

    def runs(self, name: str) -> AirflowRuns:
        """The runs on a cluster.

        Raises:
            UnsupportedError: There is no such cluster.
        """
        from aqueduct_core.engines.airflow import AirflowRuns

        cluster = self.engine(name).cluster
        with self._lock:
            found = self._runs.get(name)
            if found is None or found.cluster is not cluster:
                session = self._session
                found = AirflowRuns(cluster, session.store, session.tracking, self._finished)
                self._runs[name] = found
            return found

    def refresh(self, record: RunRecord) -> RunRecord:
        """How a run stands by now; by what is recorded, if its cluster can't be asked."""
        now, key = monotonic(), (record.flow, record.id)
        known = self._session.tracking.run(record.id, flow=record.flow)
        with self._lock:
            is_recent = now - self._looked.get(key, -_FRESH) < _FRESH
            is_down = now < self._unreachable.get(known.engine, 0.0)
            if known.ended is not None or is_recent or is_down:
                return known
            if len(self._looked) >= _FORGOTTEN:
                self._looked.clear()
            self._looked[key] = now
        try:
            return self.runs(known.engine).look_at(known)
        except AqueductError as error:
            with self._lock:
                self._unreachable[known.engine] = monotonic() + _PAUSE
            say(f"run {record.id} is shown as it was last seen: {error}")
            return known

    def look(self, names: Collection[str] | None = None) -> Iterator[Look]:
        """Record what has happened on each cluster; one that can't be reached says so in `error`.

        Args:
            names: Only these clusters.
        """
        from aqueduct_core.engines.airflow import Look

        for name in self.names() if names is None else names:
            try:
                yield self.runs(name).look()
            except AqueductError as error:
                with self._lock:
                    self._unreachable[name] = monotonic() + _PAUSE
                yield Look(name, error=str(error), is_complete=False)
            else:
                with self._lock:
                    self._unreachable.pop(name, None)

    @contextmanager
    def looked_after(self) -> Iterator[None]:
        """Look at all clusters again and again in the background, while the block lasts."""
        stop = Event()
        # A request that nobody answers is no reason to keep a process that is to end.
        thread = Thread(target=self.look_forever, args=(stop,), name="aqueduct-sync", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_GRACE)

    def look_forever(
        self, stop: Event, names: Collection[str] | None = None, *, interval: float = 5.0
    ) -> None:
        """Look again and again until told to stop, and log what is new.

        Args:
            stop: Set it to end this.
            names: Only at these clusters.
            interval: Seconds from one look to the next.
        """
        said: dict[str, str] = {}
        while not stop.is_set():
            try:
                looks = list(self.look(names))
            except Exception:  # noqa: BLE001 - the database is away, for example: it is looked again
                _log.exception("runs on clusters could not be recorded")
                looks = []
            for look in looks:
                trouble = look.error or "; ".join(
                    f"{run}: {problem}" for run, problem in look.problems.items()
                )
                if trouble != said.get(look.cluster, ""):
                    _log.warning("%s: %s", look.cluster, trouble or "can be reached again")
                said[look.cluster] = trouble
                if look.ended:
                    _log.info("%s: runs that have ended: %d", look.cluster, look.ended)
            stop.wait(interval)

    def names(self) -> list[str]:
        """The names of the clusters."""
        known = self._session.tracking.integrations()
        return [item.name for item in known if item.kind == "airflow"]

    def _finished(self, flow: str, run: str, is_news: bool) -> None:
        from aqueduct_core.client._afterwards import clear_away
        from aqueduct_core.client._delete import apply_retention

        if is_news:
            clear_away(self._session, flow, run)
        else:  # nobody wants a message about last year
            apply_retention(self._session, flow)
