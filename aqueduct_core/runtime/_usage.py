"""What an operator takes: time, memory, and the libraries it uses."""

from __future__ import annotations

import inspect
import os
import platform
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from types import CodeType, FunctionType, ModuleType
from typing import Any

from aqueduct_core._version import __version__
from aqueduct_core.dag import is_library

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
    """The versions of the libraries that a function uses, by the name they are imported by.

    The user's own functions that it refers to are looked into, too.
    """
    found: set[str] = set()
    seen = [inspect.unwrap(function)]
    for item in seen:  # grows meanwhile
        for name, value in _references(item):
            if isinstance(value, ModuleType):
                found.add(value.__name__)
            elif value is not None:
                found.add(str(getattr(value, "__module__", None) or ""))
            elif name in sys.modules:  # imported inside of the function
                found.add(name)
            own = isinstance(value, FunctionType) and not is_library(value.__code__.co_filename)
            if own and value not in seen:
                seen.append(value)
    roots = {name.partition(".")[0] for name in found} - sys.stdlib_module_names
    told = {name: _version(name) for name in sorted(roots)}
    return {name: version for name, version in told.items() if version}


def _references(function: Any) -> Iterator[tuple[str, Any]]:
    """The names that a function uses from outside, with their values where they have any."""
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not filled yet
            yield name, cell.cell_contents
    for name in _names(code):
        yield name, function.__globals__.get(name)


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
