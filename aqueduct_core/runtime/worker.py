"""An interpreter that runs operators for a supervisor: `python -c "...; main()" FD`.

It is told everything over the socket FD, and lives as long as the other end: when that is closed,
an idle worker ends, and a busy one takes along whatever its operator has started.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import rmtree
from socket import socket
from threading import Thread
from typing import Any

from aqueduct_core.dag import Version
from aqueduct_core.registry import default_registry
from aqueduct_core.runtime import Capture, Job, Result, Workspace, run_operator, run_saves
from aqueduct_core.runtime._channel import Batch, Channel
from aqueduct_core.runtime._sharing import share_by_value
from aqueduct_core.runtime._tree import kill_own_tree

__all__ = ["main"]

_VERSIONS = 8  # kept in memory
_PAUSE = 0.5  # seconds without anything to do after which nothing is left open on a server


@dataclass(frozen=True, slots=True)
class _Task:
    """What is done in one go: one operator, or all saves of a batch.

    Attributes:
        batch: What it is a part of.
        operators: Names and attempts.
        connections: How data systems are reached, by the last word before it.
    """

    batch: Batch
    operators: tuple[tuple[str, int], ...]
    connections: Mapping[str, Any]


class _Inbox:
    """What the supervisor sent. A thread of its own reads it, so that its end is noticed at once.

    Attributes:
        setup: What it sent first.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._connections: Mapping[str, Any] = {}
        self._is_gone = self._is_busy = False
        while not (messages := channel.receive()):
            if messages is None:
                raise BrokenPipeError
        self.setup: dict[str, Any] = messages.pop(0)["setup"]
        Thread(target=self._read, args=(messages,), name="aqueduct-inbox", daemon=True).start()

    def next(self, pause: Callable[[], None]) -> _Task | None:
        """Wait for something to do; None when the supervisor is gone.

        Args:
            pause: Called when there is nothing to do for a while: a run has ended, or goes on elsewhere.
        """
        self.rest()
        try:
            task = self._tasks.get(timeout=_PAUSE)
        except Empty:
            pause()
            task = self._tasks.get()
        self._is_busy = True  # before the question: the reader asks the other way round
        return None if self._is_gone else task

    def rest(self) -> None:
        """Nothing runs that would have to be ended: what is left to do is to tell of it."""
        self._is_busy = False

    def give_back(self) -> None:
        """Tell the supervisor what is not going to be started."""
        left: list[str] = []
        try:
            while (task := self._tasks.get_nowait()) is not None:
                left += [name for name, _ in task.operators]
            self._tasks.put(None)  # nobody is there to be told
        except Empty:
            if left:
                self._channel.send({"left": left})

    def _read(self, messages: list[dict[str, Any]]) -> None:
        received: list[dict[str, Any]] | None = messages
        while received is not None:
            for message in received:
                if "batch" in message:
                    self._put(Batch.from_json(message["batch"]))
                elif "revoke" in message:
                    self.give_back()
                else:
                    self._connections = message["connections"]
            received = self._channel.receive()
        self._is_gone = True
        rmtree(self.setup["spools"], ignore_errors=True)
        if self._is_busy:
            kill_own_tree()
        self._tasks.put(None)

    def _put(self, batch: Batch) -> None:
        together = [batch.operators] if batch.saves else [(item,) for item in batch.operators]
        for operators in together:
            self._tasks.put(_Task(batch, operators, self._connections))


class _Loop:
    """Runs what comes in."""

    def __init__(self, channel: Channel, inbox: _Inbox) -> None:
        self._channel = channel
        self._inbox = inbox
        self._workspace = Workspace.from_json(inbox.setup)
        is_for_one = bool(inbox.setup.get("leave"))
        self._capture = Capture(Path(inbox.setup["spools"]), leave=is_for_one)
        self._surroundings = _Surroundings()
        self._versions: dict[tuple[str, str], Version] = {}
        if "version" in inbox.setup:
            known = Version.from_json(inbox.setup["version"])
            self._versions[known.flow, known.digest] = known

    def run(self) -> None:
        _import_what_operators_need()
        share_by_value()
        gc.freeze()  # what is there by now is never garbage
        gc.enable()
        self._channel.send({"ready": True})
        while (task := self._inbox.next(self._pause)) is not None:
            self._run(task)

    def _pause(self) -> None:
        self._workspace.close()

    def _run(self, task: _Task) -> None:
        try:
            results = self._results(task)
        except BaseException as error:  # noqa: BLE001 - it is told, and the worker goes on
            self._inbox.give_back()
            self._channel.send({"broken": f"{type(error).__name__}: {error}"})
            return
        finally:
            self._surroundings.restore()
            # Before the supervisor knows: it may go at once, and leave libraries to their last words.
            self._inbox.rest()
        if any(result.state not in ("succeeded", "warning") for result in results):
            # What comes next may need it. Before it is told: after that, another batch may come.
            self._inbox.give_back()
        for result in results:
            self._channel.send({"result": result.to_json()})

    def _results(self, task: _Task) -> list[Result]:
        batch = task.batch
        if task.connections != self._workspace.connections:
            self._workspace.close()
            self._workspace = replace(self._workspace, connections=task.connections)
        version = self._version(batch.flow, batch.digest)
        if batch.saves:
            names, attempts = zip(*task.operators, strict=True)
            return run_saves(
                self._workspace, version, names, batch.run, max(attempts), batch.parameters
            )
        [(name, attempt)] = task.operators
        expected = batch.expected.get(name, {})
        job = Job(version, name, batch.run, attempt, batch.parameters, expected)
        return [run_operator(self._workspace, job, capture=self._capture)]

    def _version(self, flow: str, digest: str) -> Version:
        found = self._versions.pop((flow, digest), None)
        if found is None:
            found = Version.load(self._workspace.store, flow, digest)
        self._versions[flow, digest] = found  # the newest last
        if len(self._versions) > _VERSIONS:
            self._versions.pop(next(iter(self._versions)))
        return found


class _Surroundings:
    """What of the process operators may change, and the next one isn't to know of."""

    def __init__(self) -> None:
        self._folder = _folder()
        self._environment = dict(os.environ)
        self._raw = dict(_raw_environment())

    def restore(self) -> None:
        """Take it back."""
        if self._folder is not None and _folder() != self._folder:
            with suppress(FileNotFoundError):  # it was removed
                os.chdir(self._folder)
        if _raw_environment() != self._raw:
            os.environ.clear()
            os.environ.update(self._environment)


def _import_what_operators_need() -> None:
    """Import what most operators have in common: there is time for it before the first one comes."""
    from aqueduct_core.dag import _pickled  # noqa: F401 - functions are loaded with it

    for name in ("json", "pickle"):
        default_registry().by_name(name)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _raw_environment() -> dict[bytes, bytes]:
    """The variables as `os.environ` holds them: comparing those is 80 times as fast."""
    raw: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # all Pythons have it
    return raw


def main() -> None:
    """Run operators until the supervisor closes its end of the socket: the argument is its number."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent may have ignored it
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    faulthandler.enable()  # where a segmentation fault happened goes to the operator's log
    sock = socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    channel = Channel(sock)
    os.register_at_fork(after_in_child=channel.close)
    with suppress(BrokenPipeError):  # the supervisor is gone
        inbox = _Inbox(channel)
        try:
            _Loop(channel, inbox).run()
        finally:
            rmtree(inbox.setup["spools"], ignore_errors=True)
