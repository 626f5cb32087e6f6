"""The parent's side of a worker: an interpreter that runs operators, one after the other.

Whatever an operator does to the process that it runs in, ends it, blocks it or blows it up, happens
to a worker, and its supervisor is there to tell.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from aqueduct_core.runtime._capture import collect_logs
from aqueduct_core.runtime._channel import Batch, Channel
from aqueduct_core.runtime._reasons import describe_exit
from aqueduct_core.runtime._result import OperatorState, Result, attempt_folder, ended
from aqueduct_core.runtime._tree import end_tree, has_ended, kill_group
from aqueduct_core.runtime._usage import host

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.store import ArtifactStore

__all__ = ["GRACE", "PATIENCE", "Broken", "Left", "Worker"]

GRACE = 5.0  # seconds that the processes of an operator get to end after SIGTERM
PATIENCE = 2.0
_LOOK = 0.005

# What configures the command line of one operator; its worker is told over the socket instead, so
# that no operator finds a secret in its environment or hands it on to a program that it starts.
SECRETS = ("AQUEDUCT_SIGNING_KEY", "AQUEDUCT_STORAGE_OPTIONS", "AQUEDUCT_INTEGRATION_")


@dataclass(frozen=True, slots=True)
class Left:
    """Operators that a worker gave back, without having started them."""

    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """An operator that a worker could not even begin to run, and why."""

    operators: tuple[tuple[str, int], ...]
    reason: str


# What is imported stays: until that is done, looking for garbage takes time and finds nothing.
_PROGRAM = "import gc; gc.disable(); from aqueduct_core.runtime.worker import main; main()"


class Worker:
    """A child interpreter that runs operators; starts at once.

    Not for two threads at a time, except for `end` and `hurry`.

    Args:
        setup: The workspace, as `Workspace.from_json` takes it. Secrets travel through a socket that
            nobody else has.
        python: The interpreter, which has this package.
        held: Entered while the worker lives.
        start: Starts the process, given the interpreter and the number of its socket.

    Attributes:
        python: The interpreter.
        spools: Where `collect_logs` finds what it printed last.
        pending: Names and attempts of the operators it was given, the one that runs now first.
        since: When that one started, by `time.monotonic`.
        idle_since: When it had nothing left to do.
        is_ready: Whether it has started up.
    """

    def __init__(
        self,
        setup: Mapping[str, Any],
        python: str = sys.executable,
        held: AbstractContextManager[None] | None = None,
        start: Callable[[str, int], subprocess.Popen[bytes]] | None = None,
    ) -> None:
        self.python = python
        self.pending: deque[tuple[str, int]] = deque()
        self.since = self.idle_since = monotonic()
        self.is_ready = False
        self._connections: Mapping[str, Mapping[str, Any]] = {}
        self._ending = Lock()
        self._deadline = 0.0
        with ExitStack() as stack:
            if held is not None:
                stack.enter_context(held)
            self.spools = Path(mkdtemp(prefix="aqueduct-worker-"))
            stack.callback(rmtree, self.spools, ignore_errors=True)
            ours, theirs = socket.socketpair()
            self._channel = stack.enter_context(closing(Channel(ours)))
            with theirs:
                self._process = (start or _start)(python, theirs.fileno())
            self._after = stack.pop_all()
        _ALIVE.add(self)
        self._send({"setup": {**setup, "spools": str(self.spools)}})

    def __repr__(self) -> str:
        return f"<Worker {self._process.pid} of {self.python}>"

    @property
    def pid(self) -> int:
        """The number of its process and of its process group."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether its process hasn't come to an end; doesn't reap it."""
        return self._process.returncode is None and not has_ended(self._process.pid)

    def fileno(self) -> int:
        """For a selector: readable when `receive` has something to tell."""
        return self._channel.fileno()

    def submit(self, batch: Batch) -> None:
        """Give it operators to run; a worker that is gone tells so in `receive`."""
        if not self.pending:
            self.since = monotonic()
        self.pending.extend(batch.operators)
        self._send({"batch": batch.to_json()})

    def connect(self, connections: Mapping[str, Mapping[str, Any]]) -> None:
        """Tell it how to reach data systems; the last word counts."""
        if connections != self._connections:
            self._connections = dict(connections)
            self._send({"connections": self._connections})

    def revoke(self) -> None:
        """Ask it to give back what it hasn't started; `Left` is the answer."""
        self._send({"revoke": True})

    def receive(self) -> Sequence[Mapping[str, Any] | Left | Broken] | None:
        """Wait for news; None when the process is gone, which `reap` explains.

        Returns:
            Results as JSON, operators given back, or why the batch is broken.
        """
        messages = self._channel.receive()
        if messages is None:
            return None
        news = []
        for message in messages:
            if "ready" in message:
                self.is_ready = True
                self.since = monotonic()
            else:
                news.append(self._take(message))
        return news

    def reap(self) -> int:
        """Clear away the process, which came to its end, with whatever it left running.

        Returns:
            Its exit code; minus the number of the signal that killed it.
        """
        with self._ending:
            kill_group(self._process)
        return int(self._process.returncode)

    def unfinished(
        self,
        store: ArtifactStore,
        version: Version,
        run: str,
        operator: tuple[str, int],
        stopped: tuple[OperatorState, str] | None = None,
    ) -> Result:
        """The result of an operator that came to no end of its own; to be written.

        Args:
            store: Where its output is kept.
            version: The version it belongs to.
            run: The run key.
            operator: Its name and attempt; its process has been reaped.
            stopped: Its state and the reason, if it was stopped; by default its process tells.
        """
        name, attempt = operator
        status = int(self._process.returncode)
        state, reason = stopped or ("failed", describe_exit(status))
        if not self.is_ready and stopped is None:
            reason = f"{self.python} could not start: exit code {status}; its output says why"
        folder = attempt_folder(version.ids[name], run, attempt)
        now = datetime.now(UTC)
        took = monotonic() - self.since
        return ended(
            version,
            name,
            run,
            state,
            attempt=attempt,
            reason=reason,
            started=(now - timedelta(seconds=took)).isoformat(),
            seconds={"run": round(took, 6)},
            environment={**host(), "pid": self.pid},
            logs=collect_logs(store.storage, folder, self.spools),
        )

    def dispose(self) -> None:
        """Let go of everything that belonged to the process, its output included."""
        _ALIVE.discard(self)
        self._after.close()

    def end(self, grace: float = GRACE) -> None:
        """End the process and all that it started, and wait until they are gone.

        Args:
            grace: Seconds between asking and making them.
        """
        self._deadline = monotonic() + grace
        with self._ending:
            if self._process.returncode is None:
                end_tree(self._process, lambda: self._deadline)

    def hurry(self) -> None:
        """Give no more time to what is being ended by another thread."""
        self._deadline = 0.0

    def close(self) -> None:
        """Let an idle worker go: it ends by itself when its socket is closed; see `finish`."""
        self._channel.close()

    def finish(self, patience: float = PATIENCE) -> None:
        """Let it go: when it is idle in its own time, else with all that it started.

        Args:
            patience: Seconds that an idle worker gets, whose libraries may have something to do yet.
        """
        if self.pending:
            self.end()
        self.close()
        deadline = monotonic() + patience
        while self.is_alive and monotonic() < deadline:
            sleep(_LOOK)
        self.reap()

    def _send(self, message: Mapping[str, Any]) -> None:
        with suppress(OSError):  # it is gone, which is what receive() will find
            self._channel.send(message)

    def _take(self, message: Mapping[str, Any]) -> Mapping[str, Any] | Left | Broken:
        now = monotonic()
        taken: Mapping[str, Any] | Left | Broken
        if "result" in message:
            taken = message["result"]
            self.pending.popleft()
        elif "left" in message:
            taken = Left(tuple(message["left"]))
            self.pending = deque(item for item in self.pending if item[0] not in taken.operators)
        else:
            taken = Broken(tuple(self.pending), message["broken"])
            self.pending.clear()
        self.since = now
        if not self.pending:
            self.idle_since = now
        return taken


def _start(python: str, descriptor: int) -> subprocess.Popen[bytes]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(SECRETS)
    }
    return subprocess.Popen(  # noqa: S603 - an interpreter of our choosing
        # -P: a random.py in the current folder is none of the worker's business.
        [python, "-P", "-c", _PROGRAM, str(descriptor)],
        stdin=subprocess.DEVNULL,
        pass_fds=[descriptor],
        start_new_session=True,  # it leads a group, and Ctrl-C is the parent's business
        env=environment,
    )


_ALIVE: WeakSet[Worker] = WeakSet()


def _after_fork() -> None:
    """A forked copy of the parent must not keep the workers alive, nor talk to them."""
    for worker in [*_ALIVE]:
        worker._process.returncode = 0  # it is no child of the copy, and never waited for
        worker.close()
    _ALIVE.clear()


os.register_at_fork(after_in_child=_after_fork)
