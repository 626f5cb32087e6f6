"""One run: which operators start when and where, and what is made of how they end."""

from __future__ import annotations

import selectors
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import Any

from aqueduct_core.engines.base import Listener, RunState
from aqueduct_core.engines.local._bell import Bell
from aqueduct_core.engines.local._interpreters import Interpreters
from aqueduct_core.engines.local._order import Order, may_try_again
from aqueduct_core.engines.local._plan import Lane, Plan, told, usable
from aqueduct_core.engines.local._pool import Pool
from aqueduct_core.engines.local._recorder import Recorder
from aqueduct_core.errors import AqueductError
from aqueduct_core.runtime import OperatorState, Result, ended, timed_out
from aqueduct_core.runtime._channel import Batch
from aqueduct_core.runtime._supervisor import GRACE, Broken, Left, Worker
from aqueduct_core.store import ArtifactStore

__all__ = ["Execution"]

_PORTION = 0.03  # seconds of work that a worker is given at once, as far as can be foreseen
_MOST = 64  # operators
_PATIENCE = 0.05  # after which an operator isn't quick, and what waits behind it is taken back
_NOTED = 0.5  # after which it is recorded that an operator is running
_LOOK = 1.0  # between looks at workers that say nothing
_CANCELED = "the run was canceled"


@dataclass(slots=True)
class _Assignment:
    """What a worker was borrowed for."""

    slots: int
    saves: bool = False
    revoked: bool = False
    noted: str | None = None
    stopped: tuple[OperatorState, str] | None = None


class Execution:
    """Runs an order, in the thread that calls `run`; only `cancel` is for other threads.

    Args:
        order: What is to be run.
        store: Where the results are.
        pool: Lends the workers.
        interpreters: Finds the Python of each lane.
        recorder: Gets every result.
        listener: Who wants to know how it goes.
    """

    def __init__(
        self,
        order: Order,
        store: ArtifactStore,
        pool: Pool,
        interpreters: Interpreters,
        recorder: Recorder,
        listener: Listener,
    ) -> None:
        self._order = order
        self._store = store
        self._spec = order.version.spec
        self._pool = pool
        self._interpreters = interpreters
        self._recorder = recorder
        self._listener = listener
        self._plan = Plan(self._spec, order.kept, pool.slots)
        self._states: dict[str, OperatorState] = dict(order.kept)
        self._attempts = {name: order.attempts.get(name, 1) for name in self._spec.operators}
        self._busy: dict[Worker, _Assignment] = {}
        self._later: list[tuple[float, str]] = []  # when to try which operator again
        self._gone: deque[Worker] = deque()  # workers that were stopped
        self._pace: float | None = None  # seconds that an operator took lately
        self._grace: float | None = None  # set when the run is canceled
        self._bell = Bell()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell, selectors.EVENT_READ)

    def run(self) -> RunState:
        """Run everything; returns the state of the run."""
        try:
            self._announce()
            self._skip(self._plan.skipped)
            while not self._plan.is_done and self._grace is None:
                self._start()
                self._wait()
            if self._grace is None:
                self._save()
            self._cancel_rest()
        finally:
            self._close()
        return outcome(self._states.values())

    def _announce(self) -> None:
        """Record what runs once more: who goes on after this process is killed has to know."""
        for name, attempt in self._order.attempts.items():
            if name not in self._states:
                self._recorder.put(self._result(name, "pending", attempt=attempt))

    def cancel(self, grace: float | None = None) -> None:
        """Stop everything, for any thread.

        Args:
            grace: Seconds that processes get to end after they were asked to.
        """
        self._grace = GRACE if grace is None else grace
        self._bell.ring()

    # -- starting

    def _start(self) -> None:
        now = monotonic()
        due = [name for when, name in self._later if when <= now]
        self._later = [item for item in self._later if item[0] > now]
        self._plan.give_back(due)
        for lane in self._plan.lanes():
            while self._plan.ready(lane):
                if not self._start_some(lane):
                    break
        if not self._plan.lanes():
            self._pool.leave(self._bell.ring)

    def _start_some(self, lane: Lane) -> bool:
        """Give a worker something to do; False if there is none."""
        try:
            python = self._interpreters.find(lane, self._bell.ring)
            worker = python and self._pool.acquire(self._bell.ring, python, lane.slots)
        except (AqueductError, OSError) as error:
            for name in self._plan.take(lane, self._plan.ready(lane)):
                self._fail(name, f"no worker could be started: {error}")
            return True
        if not worker:
            return False
        most = 1
        if self._pace is not None and lane.slots == 1:
            most = max(1, min(_MOST, int(_PORTION / max(self._pace, 1e-6))))
        share = -(-self._plan.ready(lane) // self._pool.slots)
        names = self._plan.take(lane, min(most, share), chain=most)
        self._give(worker, names, _Assignment(lane.slots))
        return True

    def _give(self, worker: Worker, names: list[str], assignment: _Assignment) -> None:
        order = self._order
        specs = [self._spec.operators[name] for name in names]
        taken = {item.source for spec in specs for item in spec.inputs if item.is_parameter}
        self._busy[worker] = assignment
        self._selector.register(worker, selectors.EVENT_READ, worker)
        worker.connect(order.connections)
        worker.submit(
            Batch(
                flow=order.version.flow,
                digest=order.version.digest,
                run=order.run,
                operators=tuple((name, self._attempts[name]) for name in names),
                parameters={key: order.parameters[key] for key in order.parameters if key in taken},
                expected={name: order.expected[name] for name in names if name in order.expected},
                saves=assignment.saves,
            )
        )
        self._listener.operator_started(*worker.pending[0])

    # -- waiting

    def _wait(self) -> None:
        for key, _ in self._selector.select(self._until()):
            if key.data is None:
                self._bell.answer()
            else:
                self._hear(key.data)
        if self._grace == 0:
            for worker in self._busy:
                worker.hurry()
        while self._gone:
            self._lost(self._gone.popleft())
        self._look()

    def _timeout(self, worker: Worker, assignment: _Assignment) -> float | None:
        """How many seconds what it runs now may take."""
        if assignment.stopped is not None:
            return None
        names = [name for name, _ in worker.pending]
        limits = [
            self._spec.operators[name].settings.timeout
            for name in (names if assignment.saves else names[:1])
        ]
        return max((limit for limit in limits if limit is not None), default=None)

    def _until(self) -> float:
        """Seconds until something has to be looked at, whatever happens."""
        now = monotonic()
        moments = [now + _LOOK, *(when for when, _ in self._later)]
        for worker, assignment in self._busy.items():
            if assignment.noted is None and assignment.stopped is None:
                moments.append(worker.since + (_NOTED if assignment.revoked else _PATIENCE))
            if (timeout := self._timeout(worker, assignment)) is not None:
                moments.append(worker.since + timeout)
        return max(0.0, min(moments) - now)

    def _hear(self, worker: Worker) -> None:
        runs = worker.pending[0]
        news = worker.receive()
        if news is None:
            self._lost(worker)
            return
        for item in news:
            if isinstance(item, Left):
                self._plan.give_back(item.operators)
            elif isinstance(item, Broken):
                for name, _ in item.operators:
                    self._fail(name, item.reason)
            else:
                self._ended(Result.from_json(item))
        if not worker.pending:
            self._selector.unregister(worker)
            self._pool.release(worker, self._busy.pop(worker).slots)
        elif worker.pending[0] != runs:
            self._busy[worker].noted = None
            self._listener.operator_started(*worker.pending[0])

    def _look(self) -> None:
        """Look at the workers that have been busy for a while."""
        now = monotonic()
        for worker, assignment in [*self._busy.items()]:
            busy = now - worker.since
            if assignment.stopped or busy < _PATIENCE:
                continue
            if len(worker.pending) > 1 and not assignment.revoked and not assignment.saves:
                worker.revoke()
            assignment.revoked = True
            name, attempt = worker.pending[0]
            if busy > _NOTED and assignment.noted != name:
                assignment.noted = name
                self._recorder.put(self._result(name, "running", attempt=attempt))
            timeout = self._timeout(worker, assignment)
            if timeout is not None and busy >= timeout:
                self._stop(worker, "failed", timed_out(timeout))
            elif busy > _LOOK and not worker.is_alive:
                self._lost(worker)

    # -- ending

    def _ended(self, result: Result, *, unwritten: bool = False) -> None:
        """An attempt has ended."""
        name = result.name
        if result.seconds:
            took = sum(result.seconds.values())
            self._pace = took if self._pace is None else (self._pace + took) / 2
        first = self._order.attempts.get(name, 1)
        if self._grace is None and may_try_again(self._order.version, result, first):
            self._recorder.put(result, unwritten=unwritten)
            self._listener.operator_finished(result)
            self._attempts[name] = result.attempt + 1
            delay = self._spec.operators[name].settings.retry_delay
            self._later.append((monotonic() + delay, name))
            return
        self._finish(result, unwritten=unwritten)

    def _finish(self, result: Result, *, unwritten: bool = False) -> None:
        """An operator has ended for good."""
        self._recorder.put(result, unwritten=unwritten)
        self._states[result.name] = result.state
        self._listener.operator_finished(result)
        if result.kind != "save" and self._grace is None:
            self._skip(self._plan.end(result.name, result.state))

    def _skip(self, skipped: Mapping[str, str]) -> None:
        for name, reason in skipped.items():
            self._states[name] = "skipped"
            result = self._result(name, "skipped", reason=reason)
            self._recorder.put(result, unwritten=True)
            self._listener.operator_finished(result)

    def _fail(self, name: str, reason: str) -> None:
        """An operator could not be started."""
        self._finish(self._result(name, "failed", reason=reason), unwritten=True)

    def _result(self, name: str, state: OperatorState, **known: Any) -> Result:
        known.setdefault("attempt", self._attempts[name])
        return ended(self._order.version, name, self._order.run, state, **known)

    def _stop(self, worker: Worker, state: OperatorState, reason: str) -> None:
        """End a worker with everything that its operator started; `_lost` comes after that."""
        self._busy[worker].stopped = (state, reason)
        self._selector.unregister(worker)
        grace = GRACE if self._grace is None else self._grace

        def end() -> None:
            worker.end(grace)
            self._gone.append(worker)
            self._bell.ring()

        Thread(target=end, name="aqueduct-end").start()

    def _lost(self, worker: Worker) -> None:
        """A worker is gone, and its operator hasn't ended."""
        assignment = self._busy.pop(worker)
        if assignment.stopped is None:
            self._selector.unregister(worker)
        worker.reap()
        self._pool.discard(assignment.slots)
        first, *rest = worker.pending
        if not assignment.saves:
            self._plan.give_back(name for name, _ in rest)
        for operator in worker.pending if assignment.saves else [first]:
            order = self._order
            result = worker.unfinished(
                self._store, order.version, order.run, operator, assignment.stopped
            )
            self._ended(result, unwritten=True)
        worker.dispose()

    # -- saves

    def _save(self) -> None:
        """Run the saves: into each data system together, once everything else has ended."""
        groups: dict[str, list[str]] = {}
        for save in self._spec.of_kind("save"):
            if save.name in self._states:
                continue
            missing = [name for name in save.needs if not usable(self._states[name])]
            if missing:
                state = self._states[missing[0]]
                self._skip({save.name: f"it needs {missing[0]!r}, which {told(state)}"})
            else:
                groups.setdefault(str(save.task["integration"]), []).append(save.name)
        if groups:
            self._recorder.flush()  # the results of the checks are to be read
        waiting = list(groups.values())
        while (waiting or self._busy) and self._grace is None:
            while waiting and (worker := self._pool.acquire(self._bell.ring)):
                self._give(worker, waiting.pop(0), _Assignment(1, saves=True))
            self._wait()

    def _cancel_rest(self) -> None:
        """End what is left of a run that was canceled."""
        if self._grace is None:
            return
        for worker, assignment in [*self._busy.items()]:
            if assignment.stopped is None:
                self._stop(worker, "canceled", _CANCELED)
        while self._busy:
            self._wait()
        for name in self._spec.operators:
            if name not in self._states:
                self._states[name] = "canceled"
                result = self._result(name, "canceled", reason=_CANCELED)
                self._recorder.put(result, unwritten=True)
                self._listener.operator_finished(result)

    def _close(self) -> None:
        """Give back everything; workers are busy only if something went wrong here."""
        self._pool.leave(self._bell.ring)
        for worker, assignment in self._busy.items():
            worker.end(0)
            worker.dispose()
            self._pool.discard(assignment.slots)
        self._busy.clear()
        self._selector.close()
        self._bell.close()


def outcome(states: Iterable[OperatorState]) -> RunState:
    """The state of a run whose operators ended like this."""
    found = set(states)
    if "canceled" in found:
        return "canceled"
    if "failed" in found:
        return "failed"
    return "warning" if "warning" in found else "succeeded"
