"""Ends a process with everything that it started.

A worker leads a process group of its own, so that most of what an operator starts can be signalled
at once. What made a group for itself is found by its parents.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

__all__ = ["end_tree", "has_ended", "kill_group", "kill_own_tree"]

_LOOK = 0.01  # seconds between looks at what is still there
_DYING = 2.0  # seconds in which what was killed is waited for


def end_tree(process: subprocess.Popen[bytes], deadline: Callable[[], float]) -> None:
    """Ask a group's leader and all its descendants to end, and make them after a while.

    Args:
        process: The leader; it is reaped.
        deadline: Until when they have time, by `time.monotonic`; asked again and again.
    """
    strays = _strays(process.pid)
    _signal(process.pid, strays, signal.SIGTERM)
    while _anything_left(process.pid, strays) and monotonic() < deadline():
        sleep(_LOOK)
    strays += _strays(process.pid)
    _signal(process.pid, strays, signal.SIGKILL)
    # On a busy machine it takes a moment; whoever hears of the end shall find nothing of it.
    killed = monotonic() + _DYING
    while _anything_left(process.pid, strays) and monotonic() < killed:
        sleep(_LOOK)
    process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group of a process that came to its end; it is reaped.

    The leader must not have been reaped before: until then nobody else gets its number.
    """
    if process.returncode is None:
        _signal(process.pid, [], signal.SIGKILL)
    process.wait()


def has_ended(pid: int) -> bool:
    """Whether a child has come to its end; it isn't reaped by that."""
    waitid = getattr(os, "waitid", None)
    if waitid is None:  # macOS before Python 3.13
        return all(process.pid != pid for process in _processes())
    try:
        return waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # a program that ignores SIGCHLD: the system has reaped it
        return True


def kill_own_tree() -> None:
    """Kill this process, which leads its group, with everything that it started."""
    _signal(os.getpid(), _strays(os.getpid()), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Process:
    """A process; `born` tells it from a later one of the same number."""

    pid: int
    parent: int
    group: int
    born: str


def _strays(leader: int) -> list[_Process]:
    """The descendants of a process that have left its group."""
    children: dict[int, list[_Process]] = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
    found: list[_Process] = []
    waiting = [leader]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += [process.pid for process in below]
        found += [process for process in below if process.group != leader]
    return found


def _processes() -> Iterator[_Process]:
    """Every process that hasn't ended."""
    if not Path("/proc/self/stat").exists():
        yield from _processes_of_ps()
        return
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):  # it has ended since
                # The name of the program, in brackets, may hold anything.
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    yield _Process(int(name), int(fields[1]), int(fields[2]), fields[19])


def _processes_of_ps() -> Iterator[_Process]:
    import subprocess

    command = ["/bin/ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,lstart="]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    for line in listed.stdout.splitlines():
        pid, parent, group, state, born = line.split(maxsplit=4)
        if not state.startswith("Z"):
            yield _Process(int(pid), int(parent), int(group), born)


def _signal(leader: int, strays: list[_Process], number: signal.Signals) -> None:
    there = {(process.pid, process.born) for process in _processes()} if strays else set()
    for stray in strays:
        if (stray.pid, stray.born) in there:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(stray.pid, number)
    # Last, since it may be our own. PermissionError: zombies on macOS.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _anything_left(leader: int, strays: list[_Process]) -> bool:
    known = {(stray.pid, stray.born) for stray in strays}
    return any(
        process.group == leader or (process.pid, process.born) in known for process in _processes()
    )
