"""The engine that the client has built in: workers on this machine, and no server."""

from __future__ import annotations

import atexit
import fcntl
import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag import Version
from aqueduct_core.engines.base import Listener, RunState, Silent
from aqueduct_core.engines.local._execution import Execution
from aqueduct_core.engines.local._guarded import Guarded
from aqueduct_core.engines.local._handle import RunHandle
from aqueduct_core.engines.local._interpreters import Interpreters
from aqueduct_core.engines.local._keeper import Keeper
from aqueduct_core.engines.local._order import Order, rest_after_death, rest_after_failure
from aqueduct_core.engines.local._owner import is_abandoned, this_process
from aqueduct_core.engines.local._pool import Pool, cores
from aqueduct_core.engines.local._recorder import Recorder
from aqueduct_core.errors import AqueductError, ParameterError, UnsupportedError
from aqueduct_core.runtime import Workspace, expected_types, read_result, write_result

if TYPE_CHECKING:
    from aqueduct_core.tracking import RunRecord, Tracking

__all__ = ["LocalEngine"]

_KEPT = ("succeeded", "warning")


class LocalEngine:
    """Runs workflows on this machine, each operator in one of several worker processes.

    Runs go on in threads of their own, and a program ends only after they have. Thread-safe.

    Args:
        workspace: Where artifacts and results go, and the data systems.
        tracking: Opens the database where runs are recorded; called when it is first needed, for
            workers can start meanwhile.
        home: The folder of the workspace; environments are kept there.
        workers: How many operators run at a time; one for each core by default.
        storage_options: What the workspace's store was opened with.

    Raises:
        UnsupportedError: The store is in the memory of this process.
    """

    kind = "local"

    def __init__(
        self,
        workspace: Workspace,
        tracking: Callable[[], Tracking],
        *,
        home: Path,
        workers: int | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        if workers is not None and workers < 1:
            raise ParameterError(f"workers={workers}", hint="at least one")
        self._workspace = workspace
        self._open_tracking = tracking
        self._home = Path(home)
        self._pool = Pool(_setup(workspace, storage_options), workers or cores())
        self._keeper = Keeper(lambda: self._tracking, self._pool)
        _ENGINES.add(self)

    def __repr__(self) -> str:
        return f"<LocalEngine in {self._home} with {self._pool.slots} workers>"

    @cached_property
    def _tracking(self) -> Tracking:
        return self._open_tracking()

    def prepare(self) -> None:
        """Start a worker in the background: a run is about to be triggered."""
        self._pool.warm()
        self._keeper.look()

    def deploy(self, version: Version) -> None:
        """Save a version, so that workers find it."""
        version.save(self._workspace.store)

    def trigger(
        self,
        version: Version,
        run: str,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        listener: Listener | None = None,
        **known: Any,
    ) -> RunHandle:
        """Start a run; returns at once.

        Args:
            version: What to run; it is saved, and known to the tracking database.
            run: The run key.
            parameters: Other values for some parameters, in the form of `ParameterSpec.value`.
            listener: Who wants to know how it goes; called in the thread of the run.
            known: What else the tracking database shall know: `trigger`, `scheduled_for`.
        """
        order = Order(version=version, run=run, parameters=dict(parameters or {}))
        return self._start(order, listener, **known)

    def cancel(self, run: str, *, flow: str | None = None) -> None:
        """Stop a run, of this process or another one.

        Args:
            run: The run key.
            flow: The workflow's id, where two of them use the same keys, as schedules do.
        """
        self._tracking.request_cancel(run, flow=flow)
        self._keeper.cancel(run, flow)

    def retry(
        self, run: str, listener: Listener | None = None, *, flow: str | None = None
    ) -> RunHandle:
        """Run again what failed, was skipped or canceled; what succeeded is kept.

        Args:
            run: The run key.
            listener: Who wants to know how it goes.
            flow: The workflow's id, where two of them use the same keys.

        Raises:
            NotFoundError: There is no such run, or not its version any more.
            ParameterError: It hasn't ended, or there is nothing to be run again.
        """
        with self._alone():
            record = self._tracking.run(run, flow=flow)
            if record.ended is None:
                raise ParameterError(
                    f"the run {run!r} is {record.state}", hint="wait for its end, or cancel it"
                )
            if record.state in _KEPT:
                raise ParameterError(f"nothing failed in the run {run!r}", hint="trigger a new run")
            version = Version.load(self._workspace.store, record.flow, record.version)
            results = self._tracking.results(run, flow=record.flow)
            return self._start(rest_after_failure(version, record, results), listener)

    def recover(self, listen: Callable[[RunRecord], Listener] | None = None) -> list[RunHandle]:
        """Go on with the runs whose process was killed; what had ended by then is kept.

        Args:
            listen: Makes who wants to know how a run goes.
        """
        handles = []
        with self._alone():
            running = self._tracking.stale_runs(timedelta(0), engine=self.kind)
            for record in filter(is_abandoned, running):
                if not self._tracking.take_over(record, this_process()):
                    continue  # another machine was quicker
                try:
                    listener = None if listen is None else listen(record)
                    handles.append(self._start(self._rest(record), listener))
                except AqueductError as error:  # its version is gone, for example
                    reason = f"its process was killed, and it can't go on: {error}"
                    self._tracking.finish_run(record.id, "failed", reason=reason, flow=record.flow)
        return handles

    def close(self) -> None:
        """Let idle workers go. Runs that are still going on keep theirs; wait for them first."""
        self._keeper.close()
        self._pool.close()

    def _rest(self, record: RunRecord) -> Order:
        """What is left of a run whose process was killed; records what it had no time to record."""
        store = self._workspace.store
        version = Version.load(store, record.flow, record.version)
        planned = self._tracking.results(record.id, flow=record.flow)
        found = [read_result(store, uuid, record.id) for uuid in version.ids.values()]
        written = [result for result in found if result is not None]
        self._tracking.record(version, written)
        return rest_after_death(version, record, planned, written)

    def _start(self, order: Order, listener: Listener | None, **known: Any) -> RunHandle:
        version, store = order.version, self._workspace.store
        order = replace(
            order,
            expected=self._expected(version, order.run),
            connections=self._connections(version),
        )
        self._tracking.start_run(
            order.run,
            version.flow,
            version.digest,
            engine=self.kind,
            parameters=order.parameters,
            owner=this_process(),
            **known,
        )
        told = Guarded(listener or Silent())
        recorder = Recorder(partial(self._tracking.record, version), partial(write_result, store))
        interpreters = Interpreters(
            self._home / "environments", version.spec.python, told.environment, store.url
        )
        execution = Execution(order, store, self._pool, interpreters, recorder, told)
        self._keeper.add(version.flow, order.run, execution.cancel)
        work = partial(self._work, order, execution, recorder, told)
        return RunHandle(order.run, work, execution.cancel)

    def _work(
        self, order: Order, execution: Execution, recorder: Recorder, told: Guarded
    ) -> RunState:
        """A run from beginning to end, in its own thread."""
        flow, run = order.version.flow, order.run
        state: RunState = "failed"
        reason = None
        try:
            told.run_started(run)
            try:
                state = execution.run()
                recorder.flush()
            finally:
                recorder.close()
        except BaseException as error:
            state, reason = "failed", f"it could not be run to its end: {error}"
            raise
        finally:
            self._keeper.remove(flow, run)
            self._tracking.finish_run(run, state, reason=reason, flow=flow)
            told.run_finished(state)
        if told.error is not None:
            raise told.error
        return state

    def _expected(self, version: Version, run: str) -> dict[str, Mapping[str, str]]:
        """The artifact types of the last run, if it was one of this version and succeeded."""
        last = self._tracking.latest_run(version.flow, states=_KEPT)
        if last is None or last.version != version.digest or last.id == run:
            return {}
        results = self._tracking.results(last.id, flow=version.flow)
        return {result.name: expected_types(result) for result in results if result.outputs}

    def _connections(self, version: Version) -> dict[str, Mapping[str, Any]]:
        """What workers need to know of data systems: no more than the version uses."""
        names = {item.task.get("integration") for item in version.spec.operators.values()}
        known = self._workspace.connections
        return {name: known[name] for name in names if isinstance(name, str) and name in known}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let only one process of this machine at a time go on with runs that have ended."""
        self._home.mkdir(parents=True, exist_ok=True)
        with (self._home / "runs.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _setup(workspace: Workspace, storage_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """What workers are told of a workspace, except for its connections."""
    store = workspace.store
    if store.url.startswith("memory:"):
        raise UnsupportedError(
            "workers can't reach a store in the memory of this process",
            hint="open the store in a folder, or in a bucket",
        )
    setup: dict[str, Any] = {"store": store.url}
    if store._key is not None:
        setup["signing_key"] = store._key.hex()
    if storage_options:
        setup["storage_options"] = dict(storage_options)
    return setup


_ENGINES: weakref.WeakSet[LocalEngine] = weakref.WeakSet()


@atexit.register
def _at_exit() -> None:
    """By now all runs have ended: their threads are waited for first."""
    for engine in [*_ENGINES]:
        engine.close()


def _after_fork() -> None:
    for engine in [*_ENGINES]:
        engine._pool.forget()
        engine._keeper.forget()


os.register_at_fork(after_in_child=_after_fork)
