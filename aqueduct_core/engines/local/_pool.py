"""The workers of an engine: warm interpreters that several runs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from aqueduct_core.runtime._supervisor import PATIENCE, Worker

__all__ = ["Pool", "cores"]

Member = Callable[[], None]
"""A run that takes workers; called when it may be its turn."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    """Lends workers to runs. Thread-safe.

    A run that found none is remembered, and has its turn before those that ask after it.

    Args:
        setup: What workers are told first.
        slots: How many operators run at a time.
    """

    def __init__(self, setup: Mapping[str, Any], slots: int) -> None:
        self.slots = slots
        self._setup = setup
        self._free = slots
        self._idle: list[Worker] = []
        self._waiting: dict[Member, None] = {}
        self._lock = Lock()

    @property
    def has_idle(self) -> bool:
        """Whether there are workers with nothing to do."""
        return bool(self._idle)

    def warm(self) -> None:
        """Start a first worker, if there is none yet, so that it is ready when it is needed."""
        with self._lock:
            if not self._idle and self._free == self.slots:
                self._idle.append(Worker(self._setup))

    def acquire(
        self, member: Member, python: str = sys.executable, slots: int = 1
    ) -> Worker | None:
        """Borrow a worker; None if it is somebody else's turn, or all slots are taken.

        Args:
            member: Who asks; called as soon as it is worth asking again.
            python: The interpreter that it must run.
            slots: How many of the pool's slots it counts for.
        """
        with self._lock:
            first = next(iter(self._waiting), member)
            if first != member or slots > self._free:
                self._waiting[member] = None
                return None
            self._waiting.pop(member, None)
            self._free -= slots
            found = self._take(python)
        try:
            worker = found or self._new(python)
        except BaseException:
            self._give(slots)
            raise
        self._call_next()
        return worker

    def release(self, worker: Worker, slots: int = 1) -> None:
        """Give back a worker that has nothing left to do."""
        with self._lock:
            self._idle.append(worker)
        self._give(slots)

    def discard(self, slots: int = 1) -> None:
        """Say that a borrowed worker is gone."""
        self._give(slots)

    def leave(self, member: Member) -> None:
        """A run needs no more workers."""
        with self._lock:
            self._waiting.pop(member, None)
        self._call_next()

    def reap(self, idle_for: float) -> None:
        """Let workers go that have had nothing to do for so many seconds, and those that died."""
        limit = monotonic() - idle_for
        with self._lock:
            gone = [item for item in self._idle if item.idle_since < limit or not item.is_alive]
            self._idle = [item for item in self._idle if item not in gone]
        _end(gone)

    def close(self) -> None:
        """Let all idle workers go."""
        with self._lock:
            gone, self._idle = self._idle, []
        _end(gone)

    def _new(self, python: str) -> Worker:
        if python == sys.executable:
            return Worker(self._setup)
        from aqueduct_core.runtime.environments import hold

        return Worker(self._setup, python, hold(Path(python)))

    def _take(self, python: str) -> Worker | None:
        """The idle worker that was used last: the others may be let go."""
        for worker in reversed(self._idle):
            if worker.python == python:
                self._idle.remove(worker)
                if worker.is_alive:
                    return worker
                worker.finish()
                worker.dispose()
        return None

    def _give(self, slots: int) -> None:
        with self._lock:
            self._free += slots
        self._call_next()

    def _call_next(self) -> None:
        with self._lock:
            first = next(iter(self._waiting), None) if self._free else None
        if first is not None:
            first()

    def forget(self) -> None:
        """In a forked copy of the process: the workers are those of the original."""
        self._lock = Lock()
        self._idle.clear()
        self._waiting.clear()
        self._free = self.slots


def _end(workers: list[Worker]) -> None:
    for worker in workers:
        worker.close()
    deadline = monotonic() + PATIENCE
    for worker in workers:
        worker.finish(deadline - monotonic())
        worker.dispose()
