"""What went wrong, in one sentence that says what to do."""

from __future__ import annotations

import signal
from pickle import PicklingError

from aqueduct_core.errors import AqueductError, OperatorError
from aqueduct_core.runtime._failure import Failure

__all__ = ["describe_exit", "exited", "killed_by", "reason_of", "timed_out"]

_LONGEST = 500


def reason_of(phase: str, error: BaseException, failure: Failure) -> str:
    """Why an operator failed that raised something.

    Args:
        phase: The phase that it was in.
        error: What it raised.
        failure: The same, as it is kept: without secrets.
    """
    told = _sentence(phase, error, failure)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} ..."


def _sentence(phase: str, error: BaseException, failure: Failure) -> str:
    text = failure.message.partition("\nHint: ")[0].partition("\n")[0]
    line = f"{failure.type}: {text}" if text else failure.type
    ours = isinstance(error, AqueductError) and not failure.frames
    if isinstance(error, SystemExit):
        return (
            f"it called sys.exit({text}), which is meant to end a whole program: return a value, "
            "or raise an exception"
        )
    if isinstance(error, MemoryError):
        return (
            "there was not enough memory (MemoryError): take less data at a time, or run it where "
            "there is more"
        )
    if ours and isinstance(error, OperatorError):
        return text
    if phase == "environment":
        return f"its code can't be loaded here: {_missing_module(error) or text}"
    if phase == "load":
        return f"an input can't be loaded: {text if ours else line}"
    if phase == "store":
        return f"an output can't be stored: {text if ours else line}"
    if isinstance(error, PicklingError):
        # A worker knows the user's own modules by value only, and other processes don't at all.
        return (
            f"it raised {line}. Functions of your own files have no module here that pickle could "
            "name: multiprocessing, concurrent.futures and joblib send them along whole, and "
            "cloudpickle.dumps() does"
        )
    return text if ours else f"it raised {line}"


def _missing_module(error: BaseException | None) -> str | None:
    """The library that is not installed, if that is what an error comes from."""
    while error is not None and not isinstance(error, ModuleNotFoundError):
        error = error.__cause__
    if error is None or error.name is None:
        return None
    package = error.name.partition(".")[0]
    return (
        f"it needs {package!r}, which is not installed; @op(requirements=[...]) gives it an "
        "environment that has what it needs"
    )


def killed_by(number: int) -> str:
    """Why an operator has no result whose process was ended by a signal."""
    told: dict[int, str] = {
        signal.SIGKILL: "most often the machine ran out of memory; take less data at a time, or run "
        "it where there is more memory",
        signal.SIGSEGV: "a crash in compiled code, most often a bug of a library that the function "
        "calls; its log shows where",
        signal.SIGBUS: "it touched memory that could not be provided, most often because a disk or "
        "/dev/shm is full",
        signal.SIGABRT: "compiled code gave up; its log says why",
        signal.SIGILL: "a library was built for another kind of processor than this one",
        signal.SIGFPE: "compiled code divided by zero or overflowed; its log shows where",
        signal.SIGTERM: "somebody, or the machine that was shutting down, asked it to stop",
        signal.SIGINT: "somebody interrupted it",
    }
    try:
        name = f"{number}, {signal.Signals(number).name}"
    except ValueError:  # real-time signals have no name
        name = str(number)
    return f"it was killed by signal {name}: {told.get(number, 'its log may say why')}"


def exited(code: int) -> str:
    """Why an operator has no result whose process exited."""
    return (
        f"its process ended with exit code {code} before the function returned: it, or a library "
        "that it calls, ended the process, as os._exit() does; return a value or raise an exception"
    )


def timed_out(seconds: float) -> str:
    """Why an operator has no result that was stopped at its timeout."""
    return (
        f"it was stopped after {seconds:g} s, which is its timeout; give it more time with "
        "timeout=..., or less to do"
    )


def describe_exit(status: int) -> str:
    """Why an operator has no result, from the exit status of its process as `Popen` gives it."""
    return killed_by(-status) if status < 0 else exited(status)
