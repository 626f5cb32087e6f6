"""What an operator takes: time, memory, and the libraries it uses."""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from types import CodeType, ModuleType
from typing import Any

from aqueduct_core._version import __version__

__all__ = ["Clock", "PeakMemory", "host", "packages"]


class Clock:
    """How long each phase of an operator takes.

    Attributes:
        started: When the operator started.
        seconds: Seconds by phase.
        phase_name: The phase it is in, or was in last.
    """

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat()
        self.seconds: dict[str, float] = {}
        self.phase_name = ""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block."""
        self.phase_name = name
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0) + perf_counter() - start, 6)


class PeakMemory:
    """The most resident memory since it was made, in bytes.

    On Linux it is the high-water mark of this process, which is set back first, and so belongs to
    one operator although a process runs many. Where that isn't possible it is the mark since the
    process began. It includes the interpreter, the libraries and what the process held before. A
    child process that was waited for counts if it needed more than any before it: the larger of the
    two is given, since the kernel counts what a child shared with its parent before it started
    another program as the child's own.
    """

    __slots__ = ("_children",)

    def __init__(self) -> None:
        _reset_mark()
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    def read(self) -> int:
        """The peak so far."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        own = _mark()
        return max(own, children * _UNIT) if children > self._children else own


def host() -> dict[str, Any]:
    """Where operators run; the same for all of this process."""
    return {**_machine(), "pid": os.getpid()}


def packages(function: Callable[..., Any]) -> dict[str, str]:
    """The versions of the libraries that a function refers to, by the name they are imported by.

    What the functions it calls refer to is not followed.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    known = getattr(function, "__globals__", {})
    found = set()
    for name in _names(code):
        value = known.get(name)
        if isinstance(value, ModuleType):
            found.add(value.__name__.partition(".")[0])
        elif value is not None:
            found.add(str(getattr(value, "__module__", None) or "").partition(".")[0])
        elif name in sys.modules:  # imported inside of the function
            found.add(name)
    told = {name: _version(name) for name in sorted(found - sys.stdlib_module_names)}
    return {name: version for name, version in told.items() if version}


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


@cache
def _machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "aqueduct_core": __version__,
    }


@cache
def _version(module: str) -> str:
    """The version of a library, or nothing for a module of the user."""
    if module in ("", "__main__", "aqueduct_core"):
        return ""
    told = getattr(sys.modules.get(module), "__version__", None)
    if isinstance(told, str):
        return told
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(module)
    except (PackageNotFoundError, ValueError):
        return ""


_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
_MARK = re.compile(rb"VmHWM:\s*(\d+) kB")


def _reset_mark() -> None:
    """Set the kernel's high-water mark back to what the process holds now."""
    try:
        descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # no Linux, or a container that doesn't allow it
        return
    try:
        os.write(descriptor, b"5")
    except OSError:
        return
    finally:
        os.close(descriptor)


def _mark() -> int:
    try:
        descriptor = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    try:
        found = _MARK.search(os.read(descriptor, 1 << 14))
    finally:
        os.close(descriptor)
    if found is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    return int(found[1]) * 1024
