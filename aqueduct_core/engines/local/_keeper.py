"""Looks after an engine's runs: tells that they are alive, and whether somebody cancels them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING

from aqueduct_core.engines.local._pool import Pool
from aqueduct_core.errors import AqueductError

if TYPE_CHECKING:
    from aqueduct_core.tracking import Tracking

__all__ = ["HEARTBEAT", "Keeper"]

HEARTBEAT = 5.0
_LOOK = 1.0
_IDLE = 60.0  # seconds after which a worker without work is let go


class Keeper:
    """Looks once a second, in a thread that is there while there is something to look at.

    Args:
        tracking: Gives the database where runs are recorded.
        pool: Whose idle workers are let go after a while.
    """

    def __init__(self, tracking: Callable[[], Tracking], pool: Pool) -> None:
        self._tracking = tracking
        self._pool = pool
        self._runs: dict[tuple[str, str], Callable[[], None]] = {}
        self._lock = Lock()
        self._thread: Thread | None = None
        self._closed = Event()

    def add(self, flow: str, run: str, cancel: Callable[[], None]) -> None:
        """Look after a run.

        Args:
            flow: The workflow's id.
            run: The run key.
            cancel: Called when somebody wants it to end.
        """
        with self._lock:
            self._runs[flow, run] = cancel
        self.look()

    def remove(self, flow: str, run: str) -> None:
        """The run has ended."""
        with self._lock:
            del self._runs[flow, run]

    def cancel(self, run: str, flow: str | None = None) -> None:
        """Cancel runs of this process at once.

        Args:
            run: The run key.
            flow: The workflow's id; any workflow's run of this key by default.
        """
        with self._lock:
            known = self._runs.items()
            found = [cancel for (mine, key), cancel in known if key == run and flow in (None, mine)]
        for cancel in found:
            cancel()

    def look(self) -> None:
        """Look from now on, if nobody does."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(
                    target=self._work, args=(self._closed,), name="aqueduct-keeper", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Look no more, until there is a reason again."""
        with self._lock:
            thread, self._thread = self._thread, None
            closed, self._closed = self._closed, Event()
        closed.set()
        if thread is not None:
            thread.join()

    def forget(self) -> None:
        """In a forked copy of the process: the runs are those of the original."""
        self._lock = Lock()
        self._runs.clear()
        self._thread = None

    def _work(self, closed: Event) -> None:
        beat = monotonic()
        while not closed.wait(_LOOK):
            with self._lock:
                if closed.is_set():
                    return
                runs = list(self._runs.items())
                if not runs and not self._pool.has_idle:
                    self._thread = None
                    return
            is_beat = monotonic() - beat >= HEARTBEAT
            if is_beat:
                beat = monotonic()
            for (flow, run), cancel in runs:
                if self._is_unwanted(flow, run, is_beat):
                    cancel()
            self._pool.reap(_IDLE)

    def _is_unwanted(self, flow: str, run: str, is_beat: bool) -> bool:
        try:
            if is_beat:
                return self._tracking().heartbeat(run, flow=flow)
            return self._tracking().cancel_requested(run, flow=flow)
        except AqueductError:  # a database that can't be reached now may be there the next time
            return False
