"""Workers that are copies of a process which has imported much of what they need.

Tasks of a scheduler run in processes that are there already, with big libraries in memory. A copy of one
starts within milliseconds, where a new interpreter takes a few hundred of them. It keeps nothing of
the process that would reach the world outside: no descriptor, no log handler, no signal handler.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, cast

from aqueduct_core.runtime._supervisor import SECRETS

__all__ = ["can_fork", "fork"]


def can_fork(python: str) -> bool:
    """Whether a copy of this process can stand for a new interpreter.

    A thread isn't copied, but the locks that it holds are.
    """
    return python == sys.executable and hasattr(os, "fork") and threading.active_count() == 1


def fork(_python: str, descriptor: int) -> subprocess.Popen[bytes]:
    """Start a worker.

    Args:
        _python: The interpreter; this one.
        descriptor: Number of its socket.

    Returns:
        The process, with as much of `Popen` as supervisors use.
    """
    from aqueduct_core.runtime import worker

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if pid == 0:
        _run(worker.main, descriptor)
    return cast("subprocess.Popen[bytes]", _Process(pid))


class _Process:
    """A child that isn't another program."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def wait(self) -> int:
        if self.returncode is None:
            _, status = os.waitpid(self.pid, 0)
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _run(main: Callable[[], None], descriptor: int) -> NoReturn:
    """Be the worker, and end; nothing of the process that this is a copy of is run after it."""
    code = 1
    try:
        os.setsid()
        _forget(descriptor)
        sys.argv = ["", str(descriptor)]
        main()
        code = 0
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else 1
    except BaseException:  # noqa: BLE001 - told where an interpreter would tell it
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            _at_exit("_run_exitfuncs")  # those of libraries that operators have imported
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _forget(descriptor: int) -> None:
    """Cut all connections of the process that this is a copy of."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _at_exit("_clear")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    for other in _descriptors():
        if other not in (1, 2, descriptor, nowhere):
            # Not closed: an object that still uses it would write to what gets its number next.
            os.dup2(nowhere, other, inheritable=False)
    for name in [name for name in os.environ if name.startswith(SECRETS)]:
        del os.environ[name]
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    logging.disable(logging.NOTSET)
    warnings.showwarning = getattr(warnings, "_showwarning_orig", warnings.showwarning)


def _descriptors() -> list[int]:
    try:
        found = [int(name) for name in os.listdir("/proc/self/fd")]
    except FileNotFoundError:  # not Linux
        found = [*range(3, 256)]
    return [number for number in found if _is_open(number)]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _at_exit(name: str) -> Any:
    return getattr(atexit, name)()
