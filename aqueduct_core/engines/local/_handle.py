"""A run of the local engine, for whoever started it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

from aqueduct_core.engines.base import RunState

__all__ = ["RunHandle"]


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
        self._ended = Event()
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
        self.cancel()
        try:
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
