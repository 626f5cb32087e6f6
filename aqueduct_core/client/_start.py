"""Starts runs, shows how they go, and clears away after them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._delete import apply_retention
from aqueduct_core.client._parameters import overridden
from aqueduct_core.client._progress import watch
from aqueduct_core.client._run import Run
from aqueduct_core.dag import Version
from aqueduct_core.engines.base import Listener, Silent

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.engines.base import Handle
    from aqueduct_core.tracking import FlowRecord

__all__ = ["new_run_key", "retry", "start"]


def new_run_key() -> str:
    """A run key. It sorts by time; the random end keeps two that start at once apart."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond:06}Z-{token_hex(3)}"


def start(
    session: Session,
    flow: FlowRecord,
    parameters: Mapping[str, Any],
    *,
    wait: bool,
    quiet: bool,
    version: Version | None = None,
    run: str | None = None,
) -> Run:
    """Run a workflow; see `Flow.trigger`.

    Args:
        session: The workspace.
        flow: The workflow.
        parameters: Other values for some parameters, by name.
        wait: Whether to wait until it has ended.
        quiet: Don't show how it goes.
        version: Its current version, if it is at hand.
        run: The run key, if it was given away already.
    """
    version = version or Version.load(session.store, flow.id, flow.digest)
    values = overridden(version.spec, parameters, session.store)
    key = run or new_run_key()
    engine = session.engine
    return _follow(
        session,
        flow,
        lambda listener: engine.trigger(version, key, values, listener),
        operators=len(version.spec.operators),
        wait=wait,
        quiet=quiet,
    )


def retry(session: Session, run: Run, *, wait: bool, quiet: bool) -> Run:
    """Run again what failed in a run; see `Run.retry`."""
    flow = session.tracking.flow(run.flow_id)
    engine = session.engine
    return _follow(
        session,
        flow,
        lambda listener: engine.retry(run.id, listener),
        operators=len(run.graph().operators),
        wait=wait,
        quiet=quiet,
    )


def _follow(
    session: Session,
    flow: FlowRecord,
    begin: Callable[[Listener], Handle],
    *,
    operators: int,
    wait: bool,
    quiet: bool,
) -> Run:
    if wait:
        with watch(flow.name, operators, quiet=quiet) as listener:
            handle = begin(listener)
            handle.wait()
        apply_retention(session, flow)
    else:
        handle = begin(_Afterwards(session, flow))
    return Run(session.tracking.run(handle.run, flow=flow.id), session)


class _Afterwards(Silent):
    """Clears away after a run that nobody waits for."""

    def __init__(self, session: Session, flow: FlowRecord) -> None:
        self._session = session
        self._flow = flow

    def run_finished(self, state: str) -> None:
        apply_retention(self._session, self._flow)
