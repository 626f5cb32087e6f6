"""A run of the local engine, for whoever started it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic

from aqueduct_core.engines.base import RunState

__all__ = ["RunHandle"]

_LOOK = 0.5  # seconds after which what waits looks whether it was interrupted


class RunHandle:
    """A run that goes on in a thread of its own, which the end of the program waits for.

    Args:
        run: The run key.
        work: Runs it; returns its final state.
        stop: Cancels it, with so many seconds of grace; None for the usual time.

    Attributes:
        run: The run key.
    """

    def __init__(
        self, run: str, work: Callable[[], RunState], stop: Callable[[float | None], None]
    ) -> None:
        self.run = run
        self._work = work
        self._stop = stop
        self._state: RunState = "running"
        self._error: BaseException | None = None
        self._ended = _End()
        Thread(target=self._go, name=f"aqueduct-run-{run}").start()

    def __repr__(self) -> str:
        return f"<RunHandle {self.run} {self.state}>"

    @property
    def state(self) -> RunState:
        """Where it stands."""
        return self._state

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait for the end of the run.

        Ctrl-C meanwhile cancels it; once more, and its processes are killed without delay.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            The state that it has by then.

        Raises:
            AqueductError: It could not be run to its end; failures of operators raise nothing.
        """
        try:
            self._ended.wait(timeout)
        except KeyboardInterrupt:
            self._interrupted()
            raise
        if self._error is not None:
            raise self._error
        return self._state

    def cancel(self) -> None:
        """Stop it; its state is `canceled` as soon as everything has ended."""
        self._stop(None)

    def _interrupted(self) -> None:
        try:
            self.cancel()
            self._ended.wait()
        except KeyboardInterrupt:
            self._stop(0)
            self._ended.wait()

    def _go(self) -> None:
        try:
            self._state = self._work()
        except BaseException as error:  # noqa: BLE001 - wait() raises it
            self._state, self._error = "failed", error
        finally:
            self._ended.set()


class _End:
    """Something that happens once, and that can be waited for.

    An exception of a signal may come out of any line of `wait`, which does no harm here. An `Event`
    that it hits between two steps fails with "release unlocked lock", or waits for ever. And it waits
    in pieces: a signal that comes just before the system call does not end that one.
    """

    def __init__(self) -> None:
        self._has_come = False
        self._waiting: list[Lock] = []

    def set(self) -> None:
        """It has happened."""
        self._has_come = True
        for closed in [*self._waiting]:  # who is not among them by now sees the line above
            closed.release()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it happens, or for so many seconds."""
        closed = Lock()
        closed.acquire()
        self._waiting.append(closed)
        deadline = None if timeout is None else monotonic() + timeout
        try:
            while not self._has_come:
                left = _LOOK if deadline is None else min(_LOOK, deadline - monotonic())
                if left <= 0 or closed.acquire(timeout=left):
                    break
        finally:
            self._waiting.remove(closed)
