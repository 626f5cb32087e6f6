"""Writes what became of operators into the tracking database, off the run's way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition, Thread
from time import monotonic

from aqueduct_core.runtime import Result

__all__ = ["Recorder"]

_GATHER = 0.05  # seconds to wait for more before it writes: one transaction for many results


class Recorder:
    """Records the results of one run in batches, in a thread of its own.

    Nothing depends on its being quick: what ended well is in `result.json` before it comes here.

    Args:
        record: Records some results.
        write: Writes `result.json`, of operators that had no process to do it.
    """

    def __init__(
        self, record: Callable[[Sequence[Result]], object], write: Callable[[Result], object]
    ) -> None:
        self._record = record
        self._write = write
        self._changed = Condition()
        self._waiting: list[tuple[Result, bool]] = []
        self._is_writing = self._is_closed = self._is_urgent = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._work, name="aqueduct-recorder")
        self._thread.start()

    def put(self, result: Result, *, unwritten: bool = False) -> None:
        """Have a result recorded, and written before if it isn't."""
        with self._changed:
            self._waiting.append((result, unwritten))
            if len(self._waiting) == 1:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything is recorded.

        Raises:
            Exception: What `record` raised; nothing is recorded after that.
        """
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting and not self._is_writing)
            self._is_urgent = False
            if self._error is not None:
                raise self._error

    def close(self) -> None:
        """End the thread, after it has recorded what is left."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while results := self._next():
            try:
                if self._error is None:
                    for result, unwritten in results:
                        if unwritten:
                            self._write(result)
                    self._record([result for result, _ in results])
            except BaseException as error:  # noqa: BLE001 - flush() raises it
                self._error = error
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _next(self) -> list[tuple[Result, bool]]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            deadline = monotonic() + _GATHER
            while not (self._is_closed or self._is_urgent) and (left := deadline - monotonic()) > 0:
                self._changed.wait(left)
            results, self._waiting = self._waiting, []
            self._is_writing = bool(results)
            return results
