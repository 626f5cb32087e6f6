"""Runs one operator, for engines that start a command for each.

    python -m aqueduct_core.runtime LOCATION OPERATOR RUN [--attempt N]

LOCATION is that of a version's document, `s3://bucket/prefix/flows/<id>/versions/<digest>.json`. The
operator runs in a worker, so that whatever becomes of it, there is a result. Naming a save runs all
saves of the version into the same data system, in one transaction.

Everything else comes from the environment, and secrets aren't handed on to the operator's own:

    AQUEDUCT_SIGNING_KEY          in hex; by default that of the home folder
    AQUEDUCT_HOME                 the home folder, where environments are kept; ~/.aqueduct
    AQUEDUCT_STORAGE_OPTIONS      JSON, what the store's storage takes
    AQUEDUCT_INTEGRATION_<NAME>   JSON, {"kind": ..., "config": {...}}; the name in capitals, with _
                                  for whatever isn't a letter or a digit
    AQUEDUCT_PARAMETERS           JSON, other values for parameters, as specs have them

Exit codes: 0 succeeded, also with a warning; 1 failed; 2 nothing was run, because of how it was asked
for; 99 skipped; 128 and the number of the signal when it was canceled by one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from aqueduct_core.dag import OperatorSpec, Version
from aqueduct_core.errors import AqueductError, NotFoundError, ParameterError
from aqueduct_core.runtime import (
    OperatorState,
    Result,
    Workspace,
    ended,
    timed_out,
    write_result,
)
from aqueduct_core.runtime._channel import Batch
from aqueduct_core.runtime._supervisor import Broken, Worker
from aqueduct_core.runtime.environments import ensure, hold

__all__ = ["main"]

_CODES = {"succeeded": 0, "warning": 0, "failed": 1, "canceled": 1, "skipped": 99}
_UNUSABLE = 2
_LOOK = 1.0  # seconds between looks at a worker that says nothing


class _Canceled(BaseException):
    """A signal has come."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class _Call:
    """What is to be run.

    Attributes:
        setup: The workspace, as workers are told.
        workspace: The workspace.
        version: The version.
        operators: The operator; or all saves that go together.
        batch: The same, as workers are told.
    """

    setup: Mapping[str, Any]
    workspace: Workspace
    version: Version
    operators: Sequence[OperatorSpec]
    batch: Batch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one operator; returns the exit code.

    Args:
        arguments: Those of the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m aqueduct_core.runtime", description="Run one operator of a workflow."
    )
    parser.add_argument("location", help="of the version's document")
    parser.add_argument("operator", help="its name")
    parser.add_argument("run", help="the run key")
    parser.add_argument("--attempt", type=int, default=1, help="counts from 1")
    given = parser.parse_args(arguments)
    try:
        call = _call(given.location, given.operator, given.run, given.attempt)
    except (AqueductError, ValueError) as error:
        _say(str(error))
        return _UNUSABLE
    results, number = _supervise(call)
    for result in results:
        _tell(call.workspace, result)
    worst = max((_CODES[result.state] for result in results), key=[0, 99, 1].index)
    return 128 + number if number else worst


def _call(location: str, operator: str, run: str, attempt: int) -> _Call:
    url, flow, digest = Version.locate(location)
    setup = {
        "store": url,
        "signing_key": _signing_key(),
        "storage_options": _json("AQUEDUCT_STORAGE_OPTIONS"),
    }
    version = Version.load(Workspace.from_json(setup).store, flow, digest)
    if operator not in version.spec.operators:
        raise NotFoundError(
            f"{version.name!r} has no operator {operator!r}",
            hint=f"it has {', '.join(version.spec.operators)}",
        )
    found = version.spec.operators[operator]
    together = [found]
    if found.kind == "save":
        place = found.task["integration"]
        together = [
            item for item in version.spec.of_kind("save") if item.task["integration"] == place
        ]
    setup["connections"] = dict(_connections(together))
    batch = Batch(
        flow=flow,
        digest=digest,
        run=run,
        operators=tuple((item.name, attempt) for item in together),
        parameters=_json("AQUEDUCT_PARAMETERS"),
        saves=found.kind == "save",
    )
    return _Call(setup, Workspace.from_json(setup), version, together, batch)


def _home() -> Path:
    return Path(os.environ.get("AQUEDUCT_HOME") or "~/.aqueduct").expanduser()


def _signing_key() -> str | None:
    key = os.environ.get("AQUEDUCT_SIGNING_KEY")
    file = _home() / "signing.key"
    if key is None and file.exists():
        key = file.read_text(encoding="ascii")
    if key is None:
        return None
    try:
        return bytes.fromhex(key).hex()
    except ValueError:
        raise ParameterError(
            "the signing key is not in hex",
            hint="set AQUEDUCT_SIGNING_KEY to what signing.key of the home folder holds",
        ) from None


def _connections(operators: Sequence[OperatorSpec]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for operator in operators:
        name = operator.task.get("integration")
        if isinstance(name, str):
            variable = "AQUEDUCT_INTEGRATION_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
            found = _json(variable)
            if found:
                yield name, found


def _json(variable: str) -> dict[str, Any]:
    """An object in JSON; the text itself is never shown, since there may be secrets in it."""
    try:
        found = json.loads(os.environ.get(variable) or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ParameterError(f"{variable} holds no object in JSON", hint='such as {"name": ...}')
    return found


def _supervise(call: _Call) -> tuple[list[Result], int]:
    """Run it; returns the results, written by then, and the number of a signal that came, or 0."""
    worker: Worker | None = None
    results: list[Result] = []
    stopped: tuple[OperatorState, str] | None = None
    number = 0
    with _signals():
        try:
            worker = _worker(call)
            stopped = _listen(call, worker, results)
        except AqueductError as error:
            stopped = "failed", str(error)
        except _Canceled as canceled:
            number = canceled.number
            stopped = "canceled", f"it was asked to stop by {signal.Signals(number).name}"
        if worker is not None:
            worker.finish()
        results += _unfinished(call, worker, results, stopped)
        if worker is not None:
            worker.dispose()
    return results, number


def _worker(call: _Call) -> Worker:
    settings = call.operators[0].settings
    python, held = sys.executable, None
    if settings.requirements is not None or settings.python is not None:
        path = ensure(
            settings.requirements or (),
            python=settings.python,
            folder=_home() / "environments",
            progress=lambda progress: _say(f"environment: {progress.message}"),
        )
        python, held = str(path), hold(path)
    worker = Worker(call.setup, python, held)
    worker.connect(call.setup["connections"])
    worker.submit(call.batch)
    return worker


def _listen(call: _Call, worker: Worker, results: list[Result]) -> tuple[OperatorState, str] | None:
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
    call: _Call,
    worker: Worker | None,
    results: Sequence[Result],
    stopped: tuple[OperatorState, str] | None,
) -> Iterator[Result]:
    """The results of operators that came to no end of their own."""
    done = {result.name for result in results}
    store, version, run = call.workspace.store, call.version, call.batch.run
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
def _signals() -> Iterator[None]:
    """Raise when a signal asks this process to stop; what comes after the first one is ignored."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise _Canceled(number)

    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    for each in before:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell(workspace: Workspace, result: Result) -> None:
    """Show what became of an operator, and what it printed, to whoever reads this command's log."""
    for stream, key in result.logs.items():
        printed = bytes(workspace.store.storage.get(key)).decode(errors="replace")
        getattr(sys, stream).write(printed)
    told = f"{result.name} {result.state}" + (f": {result.reason}" if result.reason else "")
    trace = result.error.traceback if result.error else ""
    _say(f"{trace}{told}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
