"""Captures what an operator prints, at the level of file descriptors.

Descriptors 1 and 2 point to files while an operator runs, so that compiled code, child processes and
`faulthandler` are captured like `print`, and what a process printed before it was killed is still
there. A file needs no reader, so that code that holds the interpreter's lock can't block on a full
pipe, and an operator that prints nothing costs a few system calls.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TextIO

from aqueduct_core.errors import StorageError
from aqueduct_core.runtime._spool import Spool, bounded

if TYPE_CHECKING:
    from aqueduct_core.abc import Storage

__all__ = ["Capture", "Logs", "collect_logs", "printed_in"]

_STREAMS = ("stdout", "stderr")
_TICK = 1.0  # seconds between two looks at what came
_REMOTE = 5.0  # seconds between two uploads
_PATIENCE = 10  # looks at nothing after which the thread that looks comes to an end
_descriptors = threading.RLock()  # 1 and 2 belong to one operator at a time


@dataclass(slots=True)
class Logs:
    """Where an operator's logs are.

    Attributes:
        keys: Their storage keys by stream, `stdout` and `stderr`; only of those that hold anything.
        error: Why they could not be stored, if that failed.
    """

    keys: dict[str, str] = field(default_factory=dict)
    error: str | None = None


class Capture:
    """Captures the output of one operator after the other.

    What operators print in other threads of this process at the same time is captured, too: it is
    made for worker processes.

    Args:
        folder: Where the files are, as `stdout` and `stderr`, from which `collect_logs` takes what
            an operator printed whose process was killed; by default a temporary folder.
        leave: Whether they stay as they are when an operator has ended, which is the only one.
    """

    def __init__(self, folder: Path | None = None, *, leave: bool = False) -> None:
        self._folder = folder or self._temporary()
        self._leave = leave
        self._spools: list[Spool] = []
        self._texts: dict[str, TextIO] = {}

    @contextmanager
    def into(self, storage: Storage, folder: str) -> Iterator[Logs]:
        """Capture what is written in the block; read it at `<folder>/stdout.log`, `stderr.log`.

        The logs are renewed while the block runs, and are there only if something was printed.

        Yields:
            Where the logs are; filled when the block has ended.
        """
        with _descriptors:
            spools = self._fresh()
            children = resource.getrusage(resource.RUSAGE_CHILDREN)
            log = _Log(storage, folder, dict(zip(_STREAMS, spools, strict=True)))
            logs = Logs()
            before = _watch.look_at(log)
            try:
                with self._redirected(spools):
                    yield logs
            finally:
                _watch.look_at(before)
                log.finish(logs)
                if (log.written or _had_children(children)) and not self._leave:
                    self._renew(children)

    def _temporary(self) -> Path:
        import tempfile  # workers, which are to start quickly, are given a folder
        from shutil import rmtree

        folder = tempfile.mkdtemp(prefix="aqueduct-logs-")
        weakref.finalize(self, rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _fresh(self) -> list[Spool]:
        if not self._spools:
            self._spools = [Spool(self._folder / name) for name in _STREAMS]
        return self._spools

    def _renew(self, children: resource.struct_rusage) -> None:
        """Empty files for the next operator: new ones if a child may still write to these."""
        if _had_children(children):
            for spool in self._spools:
                spool.close()
            self._spools = []
        for spool in self._spools:
            spool.empty()

    @contextmanager
    def _redirected(self, spools: list[Spool]) -> Iterator[None]:
        previous = sys.stdout, sys.stderr
        _flush(previous)
        kept = [os.dup(1), os.dup(2)]
        try:
            os.dup2(spools[0].descriptor, 1)
            os.dup2(spools[1].descriptor, 2)
            # Also where somebody replaced them by objects that never reach a descriptor.
            sys.stdout, sys.stderr = self._text(1), self._text(2)
            yield
        finally:
            _flush((sys.stdout, sys.stderr, *previous, *self._texts.values()))
            sys.stdout, sys.stderr = previous
            for descriptor, original in zip((1, 2), kept, strict=True):
                os.dup2(original, descriptor)
                os.close(original)

    def _text(self, descriptor: int) -> TextIO:
        text = self._texts.get(_STREAMS[descriptor - 1])
        if text is None or text.closed:
            raw = open(descriptor, "wb", closefd=False)  # noqa: SIM115 - stays open
            text = io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)
            self._texts[_STREAMS[descriptor - 1]] = text
        return text


def collect_logs(storage: Storage, folder: str, spools: Path) -> dict[str, str]:
    """Store what an operator printed whose process was killed.

    Args:
        storage: Where its logs are kept.
        folder: The folder of the attempt; see `attempt_folder`.
        spools: The folder that the `Capture` of the process was given.

    Returns:
        The keys of the logs, by stream, for `Result.logs`.
    """
    keys = {}
    for name, data in printed_in(spools).items():
        keys[name] = f"{folder}/{name}.log"
        storage.put(keys[name], data)
    return keys


def printed_in(spools: Path) -> dict[str, bytes]:
    """What an operator has printed, by stream, as it is in the files of its process's `Capture`."""
    found = {}
    for name in _STREAMS:
        with suppress(FileNotFoundError):  # it printed nothing, or captured nothing
            descriptor = os.open(spools / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found[name] = bounded(descriptor)
            finally:
                os.close(descriptor)
    return {name: data for name, data in found.items() if data}


class _Log:
    """The log of one attempt: what is in the spools, and how much of it is in the storage."""

    def __init__(self, storage: Storage, folder: str, spools: Mapping[str, Spool]) -> None:
        self._storage = storage
        self._folder = folder
        self._spools = spools
        self._stored = dict.fromkeys(spools, 0)
        self._every = _REMOTE if storage.profile == "remote" else _TICK
        self._next = monotonic() + self._every
        self._lock = threading.Lock()
        self._ended = False

    @property
    def written(self) -> bool:
        """Whether anything was printed."""
        return any(spool.size() for spool in self._spools.values())

    def renew(self) -> None:
        """Bring the stored logs up to date, if it is time."""
        with self._lock:
            if self._ended:
                return
            if monotonic() >= self._next:
                # A storage that fails now has another chance at the end, when it is told.
                with suppress(StorageError):
                    self._store()
                self._next = monotonic() + self._every
            for name, spool in self._spools.items():
                before = spool.size()
                spool.cut()
                if spool.size() != before:
                    self._stored[name] = -1

    def finish(self, logs: Logs) -> None:
        """Bring them up to date for good, and tell where they are."""
        with self._lock:
            self._ended = True
            try:
                self._store()
            except StorageError as error:
                logs.error = str(error)
            else:
                printed = [name for name, spool in self._spools.items() if spool.size()]
                logs.keys.update({name: self._key(name) for name in printed})

    def _store(self) -> None:
        for name, spool in self._spools.items():
            size = spool.size()
            if size != self._stored[name]:
                self._storage.put(self._key(name), spool.read())
                self._stored[name] = size

    def _key(self, stream: str) -> str:
        return f"{self._folder}/{stream}.log"


class _Watch:
    """Renews the log of the operator that runs now, in one thread for all of a process."""

    def __init__(self) -> None:
        self._current: _Log | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def look_at(self, log: _Log | None) -> _Log | None:
        """Renew this log from now on; returns the one that was renewed until now."""
        with self._lock:
            before, self._current = self._current, log
            if log is not None and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._look, name="aqueduct-logs", daemon=True
                )
                self._thread.start()
            return before

    def _look(self) -> None:
        idle = 0
        while True:
            sleep(_TICK)
            with self._lock:
                log = self._current
                idle = idle + 1 if log is None else 0
                if idle == _PATIENCE:
                    self._thread = None
                    return
            if log is not None:
                log.renew()


_watch = _Watch()


def _had_children(before: resource.struct_rusage) -> bool:
    """Whether there was a child process since then, that may have left one behind, or is one."""
    if resource.getrusage(resource.RUSAGE_CHILDREN) != before:
        return True
    waitid = getattr(os, "waitid", None)
    if waitid is None:  # macOS before Python 3.13
        return True
    try:
        waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _flush(streams: tuple[Any, ...]) -> None:
    for stream in streams:
        # One that somebody closed, or replaced by something else, keeps nothing for us.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    flush = _c_flush()
    if flush is not None:
        flush()


@cache
def _c_flush() -> Callable[[], Any] | None:
    """Writes what compiled code has printed and the C library still holds back."""
    import ctypes

    try:
        library = ctypes.CDLL(None)
        stream = ctypes.c_void_p.in_dll(
            library, "__stdoutp" if sys.platform == "darwin" else "stdout"
        )
        return partial(library.fflush, stream)
    except (AttributeError, OSError, ValueError):  # another C library
        return None
