"""Runs one operator, or saves that go together, in a worker of its own, and waits for the end.

For whoever is started once for each operator: the command line, and tasks of other schedulers.
"""

from __future__ import annotations

import selectors
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

from aqueduct_core._offers import offer
from aqueduct_core.dag import OperatorSpec, Version
from aqueduct_core.errors import AqueductError, NotFoundError
from aqueduct_core.runtime._capture import printed_in
from aqueduct_core.runtime._channel import Batch
from aqueduct_core.runtime._forked import can_fork, fork
from aqueduct_core.runtime._job import Workspace
from aqueduct_core.runtime._reasons import timed_out
from aqueduct_core.runtime._result import OperatorState, Result, ended, write_result
from aqueduct_core.runtime._supervisor import Broken, Worker
from aqueduct_core.runtime.environments import ensure, hold, with_store

if TYPE_CHECKING:
    from aqueduct_core.store import ArtifactStore

__all__ = ["Call", "supervise", "together"]

_LOOK = 1.0  # seconds between looks at a worker that says nothing
_PATIENCE = 10.0  # seconds in which libraries can send or write what they hold at the end


class _Canceled(BaseException):
    """A signal has come."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be run.

    Attributes:
        setup: The workspace, as `Workspace.from_json` takes it; secrets in it stay in memory.
        version: The version.
        operators: The operator; or all saves that go together.
        run: The run key.
        attempt: Counts from 1.
        parameters: Values that the run overrides.
        environments: The folder where environments are kept.
        python: An interpreter that is to be used, whatever the operator asks for.
        report: Is told, in a line, what takes its time before the operator starts.
        may_fork: Whether the worker may be a copy of this process, which starts much quicker. What
            this process has imported, and how it is set up, is then there in the worker, too.
    """

    setup: Mapping[str, Any]
    version: Version
    operators: Sequence[OperatorSpec]
    run: str
    environments: Path
    report: Callable[[str], None]
    attempt: int = 1
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    python: str | None = None
    may_fork: bool = False

    @property
    def batch(self) -> Batch:
        """The same, as workers are told."""
        return Batch(
            flow=self.version.flow,
            digest=self.version.digest,
            run=self.run,
            operators=tuple((item.name, self.attempt) for item in self.operators),
            parameters=dict(self.parameters),
            saves=self.operators[0].kind == "save",
        )


def together(version: Version, operator: str) -> list[OperatorSpec]:
    """The operator; for a save, all saves into the same data system: they are one transaction.

    Raises:
        NotFoundError: There is no such operator.
    """
    if operator not in version.spec.operators:
        raise NotFoundError(
            f"{version.name!r} has no operator {operator!r}",
            hint=offer(operator, version.spec.operators),
        )
    found = version.spec.operators[operator]
    if found.kind != "save":
        return [found]
    place = found.task["integration"]
    return [item for item in version.spec.of_kind("save") if item.task["integration"] == place]


def supervise(call: Call, printed: dict[str, bytes] | None = None) -> tuple[list[Result], int]:
    """Run it, and see to it that each operator has a result, whatever becomes of the worker.

    Only for the main thread: it takes SIGTERM and SIGINT as a wish to cancel.

    Args:
        call: What is to be run.
        printed: Is given what the operator has printed, by stream, as its logs have it.

    Returns:
        The results, written by then, and the number of the signal that came, or 0.
    """
    store = Workspace.from_json(call.setup).store
    worker: Worker | None = None
    results: list[Result] = []
    stopped: tuple[OperatorState, str] | None = None
    number = 0
    with _signals() as ignore:
        try:
            try:
                worker = _worker(call)
                stopped = _listen(call, worker, results)
            except AqueductError as error:
                stopped = "failed", str(error)
            ignore()  # what has come to its end is told of, whatever comes now
        except _Canceled as canceled:
            number = canceled.number
            stopped = "canceled", f"it was asked to stop by {signal.Signals(number).name}"
        said: dict[str, bytes] = {}
        if worker is not None:
            said = printed_in(worker.spools)  # before a worker that is done takes them along
            worker.finish(_PATIENCE)
            said |= printed_in(worker.spools)
        if printed is not None:
            printed |= said
        results += _unfinished(call, store, worker, results, stopped)
        if worker is not None:
            worker.dispose()
    return results, number


def _worker(call: Call) -> Worker:
    settings = call.operators[0].settings
    python, held = call.python or sys.executable, None
    wants_own = settings.requirements is not None or settings.python is not None
    if wants_own and call.python is None:
        path = ensure(
            with_store(settings.requirements or (), str(call.setup["store"])),
            python=settings.python or call.version.spec.python,
            folder=call.environments,
            progress=lambda progress: call.report(f"environment: {progress.message}"),
        )
        python, held = str(path), hold(path)
    start = fork if call.may_fork and can_fork(python) else None
    # With the version, which the worker needn't ask the store for once more.
    setup = {**call.setup, "version": call.version.to_json(), "leave": len(call.operators) == 1}
    worker = Worker(setup, python, held, start)
    worker.connect(call.setup.get("connections", {}))
    worker.submit(call.batch)
    return worker


def _listen(call: Call, worker: Worker, results: list[Result]) -> tuple[OperatorState, str] | None:
    """Wait until the worker is done, or has ended; returns why it has to be stopped, if it has."""
    limits = [item.settings.timeout for item in call.operators]
    timeout = max((limit for limit in limits if limit is not None), default=None)
    with selectors.DefaultSelector() as selector:
        selector.register(worker, selectors.EVENT_READ)
        while worker.pending:
            left = _LOOK if timeout is None else worker.since + timeout - monotonic()
            if timeout is not None and left <= 0:
                return "failed", timed_out(timeout)
            if not selector.select(min(left, _LOOK)):
                if not worker.is_alive:
                    return None
                continue
            news = worker.receive()
            if news is None:
                return None
            for item in news:
                if isinstance(item, Broken):
                    return "failed", item.reason
                if isinstance(item, Mapping):
                    results.append(Result.from_json(item))
    return None


def _unfinished(
    call: Call,
    store: ArtifactStore,
    worker: Worker | None,
    results: Sequence[Result],
    stopped: tuple[OperatorState, str] | None,
) -> Iterator[Result]:
    """The results of operators that came to no end of their own."""
    done = {result.name for result in results}
    version, run = call.version, call.run
    for name, attempt in call.batch.operators:
        if name in done:
            continue
        if worker is not None:
            result = worker.unfinished(store, version, run, (name, attempt), stopped)
        else:
            assert stopped is not None
            state, reason = stopped
            result = ended(version, name, run, state, attempt=attempt, reason=reason)
        write_result(store, result)
        yield result


@contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """Raise when a signal asks this process to stop; what comes after the first one is ignored.

    Yields:
        Ignores them from now on.
    """

    def ignore() -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)

    def stop(number: int, _frame: FrameType | None) -> None:
        ignore()
        raise _Canceled(number)

    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    for each in before:
        signal.signal(each, stop)
    try:
        yield ignore
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
