"""Runs on a server, for whoever starts them from another machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aqueduct_core.client._remote_http import Http
from aqueduct_core.client._remote_tracking import RemoteTracking
from aqueduct_core.engines._watch import FINISHED, watch
from aqueduct_core.engines.base import Listener, RunState, Silent
from aqueduct_core.errors import NotFoundError

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.tracking import RunRecord

__all__ = ["RemoteEngine"]

_GRACE = 30.0  # seconds for operators that are stopped
_LOOKS = (0.05, 1.0)  # the shortest and the longest pause between two looks, in seconds


class RemoteEngine:
    """Whatever runs the workflows of a server.

    Args:
        http: The connection to the server.
        tracking: Its records.
    """

    def __init__(self, http: Http, tracking: RemoteTracking) -> None:
        self._http = http
        self._tracking = tracking

    def prepare(self) -> None:
        """Nothing: its workers are warm."""

    def trigger(
        self,
        version: Version,
        run: str,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        listener: Listener | None = None,
    ) -> _Handle:
        """Start a run of the current version; asking again starts no second one."""
        wanted = {
            "run": run,
            "values": {name: dict(value) for name, value in (parameters or {}).items()},
        }
        try:
            self._http.post(f"/flows/{quote(version.flow)}/trigger", wanted, is_safe=True)
        except KeyboardInterrupt:
            with suppress(NotFoundError):  # it hadn't started
                self.cancel(run, flow=version.flow)
            raise
        return _Handle(self, version.flow, run, listener or Silent())

    def cancel(self, run: str, *, flow: str) -> None:
        """Stop a run."""
        self._http.post(f"/flows/{quote(flow)}/runs/{quote(run)}/cancel", is_safe=True)

    def retry(self, run: str, listener: Listener | None = None, *, flow: str) -> _Handle:
        """Run again what failed."""
        self._http.post(f"/flows/{quote(flow)}/runs/{quote(run)}/retry")
        return _Handle(self, flow, run, listener or Silent())

    def look(self, run: str, flow: str) -> RunRecord:
        """How a run stands by now."""
        return self._tracking.run(run, flow=flow)


class _Handle:
    """A run of a server. It goes on, whatever becomes of this program.

    Attributes:
        run: The run key.
    """

    def __init__(self, engine: RemoteEngine, flow: str, run: str, listener: Listener) -> None:
        self.run = run
        self._engine = engine
        self._flow = flow
        self._listener = listener
        self._told: set[tuple[str, int]] = set()
        listener.run_started(run)

    @property
    def state(self) -> RunState:
        """Where it stands."""
        state: Any = self._engine.look(self.run, self._flow).state
        known: RunState = state
        return known

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait for its end; returns the state that it has by then.

        Ctrl-C meanwhile stops the run.
        """
        try:
            return self._wait(timeout)
        except KeyboardInterrupt:
            self.cancel()
            self._wait(_GRACE)
            raise

    def _wait(self, timeout: float | None) -> RunState:
        state = watch(self._look, timeout, _LOOKS)
        if state in FINISHED:
            self._listener.run_finished(state)
        return state

    def cancel(self) -> None:
        """Stop it."""
        self._engine.cancel(self.run, flow=self._flow)

    def _look(self) -> RunState:
        state = self.state  # before its operators: none of them comes after its end
        for result in self._engine._tracking.results(self.run, flow=self._flow):
            if result.state in FINISHED and (result.name, result.attempt) not in self._told:
                self._told.add((result.name, result.attempt))
                self._listener.operator_finished(result)
        return state
