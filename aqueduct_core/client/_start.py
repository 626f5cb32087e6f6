"""Starts runs, and shows how they go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._afterwards import clear_away
from aqueduct_core.client._engines import engine_here, is_here
from aqueduct_core.client._parameters import overridden
from aqueduct_core.client._progress import say, watch
from aqueduct_core.client._run import Run, is_lost
from aqueduct_core.dag import Version
from aqueduct_core.engines.base import Listener, Silent
from aqueduct_core.errors import NotFoundError, ParameterError

if TYPE_CHECKING:
    from aqueduct_core.client._session import Session
    from aqueduct_core.engines.base import Handle
    from aqueduct_core.tracking import FlowRecord, RunRecord

__all__ = ["new_run_key", "recover", "retry", "start", "start_in_background"]

_log = logging.getLogger("aqueduct_core.runs")


def start(
    session: Session,
    flow: FlowRecord,
    parameters: Mapping[str, Any],
    *,
    wait: bool,
    quiet: bool,
    version: Version | None = None,
) -> Run:
    """Run a workflow; see `Flow.trigger`.

    Args:
        session: The workspace.
        flow: The workflow.
        parameters: Other values for some parameters, by name.
        wait: Whether to wait until it has ended.
        quiet: Don't show how it goes.
        version: Its current version, if it is at hand.
    """
    if not session.is_remote:
        session.check()
    version = version or Version.load(session.store, flow.id, flow.digest)
    values = overridden(version.spec, parameters, session.store)
    if flow.paused and not is_here(session, flow.engine):
        raise ParameterError(
            f"{flow.name!r} is paused, and Airflow starts nothing of it", hint="flow.resume()"
        )
    engine, key = _engine(session, flow.engine), new_run_key()
    return _follow(
        session,
        flow,
        key,
        lambda listener: engine.trigger(version, key, values, listener),
        operators=len(version.spec.operators),
        wait=wait,
        quiet=quiet,
    )


def start_in_background(
    session: Session,
    flow_id: str,
    run: str,
    scheduled_for: datetime | None,
    trigger: str,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Run a workflow because it is time, because another one has succeeded, or somebody wants it.

    That, and how it ends, is in the log of `aqueduct_core.runs`.

    Args:
        session: The workspace.
        flow_id: The workflow's id.
        run: The run key.
        scheduled_for: The moment of its schedule.
        trigger: `schedule`, `after` or `manual`.
        parameters: Other values for some parameters, in the form of `ParameterSpec.value`.
    """
    flow = session.tracking.flow(flow_id)
    version = Version.load(session.store, flow.id, flow.digest)
    listener = _Afterwards(session, flow)
    _log.info("%r: run %s starts, %s", flow.name, run, trigger)
    handle = _engine(session, flow.engine).trigger(
        version, run, parameters, listener, trigger=trigger, scheduled_for=scheduled_for
    )
    if is_here(session, flow.engine):
        session.keep(handle)


def recover(session: Session) -> list[str]:
    """Go on in the background with the runs whose process was killed; returns their keys."""
    handles = session.engine.recover(
        lambda record: _Afterwards(session, session.tracking.flow(record.flow))
    )
    for handle in handles:
        session.keep(handle)
    return [handle.run for handle in handles]


def retry(session: Session, run: RunRecord, *, wait: bool, quiet: bool) -> Run:
    """Run again what failed in a run; see `Run.retry`."""
    if is_lost(run):
        reason = "the process that ran it was gone"
        session.tracking.finish_run(run.id, "failed", reason=reason, flow=run.flow)

    def begin(listener: Listener) -> Handle:
        if is_here(session, run.engine):
            handle: Handle = engine_here(session, run.engine).retry(run.id, listener, flow=run.flow)
            return handle
        return session.clusters.runs(run.engine).retry(run, listener)

    return _follow(
        session,
        session.tracking.flow(run.flow),
        run.id,
        begin,
        operators=len(session.tracking.version(run.flow, run.version).ids),
        wait=wait,
        quiet=quiet,
    )


def _engine(session: Session, name: str) -> Any:
    """What runs the workflows that name it.

    Raises:
        UnsupportedError: There is no such engine.
    """
    here = is_here(session, name)
    return engine_here(session, name) if here else session.clusters.runs(name)


def _follow(
    session: Session,
    flow: FlowRecord,
    key: str,
    begin: Callable[[Listener], Handle],
    *,
    operators: int,
    wait: bool,
    quiet: bool,
) -> Run:
    if not wait:
        handle = begin(_Afterwards(session, flow))
        run = session.tracking.run(handle.run, flow=flow.id)
        if is_here(session, run.engine):
            session.keep(handle)
        return Run(run, session)
    try:
        with watch(flow.name, operators, quiet=quiet) as listener:
            begin(listener).wait()
    except KeyboardInterrupt:
        _stop(session, flow, key)
        if not quiet and is_here(session, flow.engine):
            say(f"  run {key} was stopped; `aqueduct run show {key}` shows it")
        raise
    run = session.tracking.run(key, flow=flow.id)
    if is_here(session, run.engine):  # who records runs on clusters does the rest as well
        clear_away(session, flow.id, key)
    return Run(run, session)


def _stop(session: Session, flow: FlowRecord, key: str) -> None:
    """Cancel a run if Ctrl-C came between its start and what waits for its end, which would do it."""
    with suppress(NotFoundError):  # it hadn't started
        run = session.tracking.run(key, flow=flow.id)
        if run.ended is None and is_here(session, run.engine):
            Run(run, session).cancel()


class _Afterwards(Silent):
    """Does what follows a run that nobody waits for."""

    def __init__(self, session: Session, flow: FlowRecord) -> None:
        self._session = session
        self._flow = flow
        self._run = ""

    def run_started(self, run: str) -> None:
        self._run = run

    def run_finished(self, state: str) -> None:
        _log.info("%r: run %s %s", self._flow.name, self._run, state)
        clear_away(self._session, self._flow.id, self._run)


def new_run_key() -> str:
    """A run key. It sorts by time; the random end keeps two that start at once apart."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond:06}Z-{token_hex(3)}"
