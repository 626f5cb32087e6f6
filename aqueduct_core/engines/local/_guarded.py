"""Keeps a run safe from its listener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aqueduct_core.engines.base import Listener, RunState
from aqueduct_core.runtime import Result

__all__ = ["Guarded"]


class Guarded:
    """Passes everything on, until the listener fails: a display that breaks must break no run.

    Args:
        listener: Who wants to know how the run goes.

    Attributes:
        error: What the listener raised.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.error: Exception | None = None

    def run_started(self, run: str) -> None:
        self._tell(self._listener.run_started, run)

    def operator_started(self, name: str, attempt: int) -> None:
        self._tell(self._listener.operator_started, name, attempt)

    def operator_finished(self, result: Result) -> None:
        self._tell(self._listener.operator_finished, result)

    def environment(self, message: str) -> None:
        self._tell(self._listener.environment, message)

    def run_finished(self, state: RunState) -> None:
        self._tell(self._listener.run_finished, state)

    def _tell(self, method: Callable[..., None], *what: Any) -> None:
        if self.error is None:
            try:
                method(*what)
            except Exception as error:  # noqa: BLE001 - the handle's wait() raises it
                self.error = error
