"""Shows how a run goes: a line in a terminal, a small table in a notebook, nothing anywhere else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._markup import badge, escape
from aqueduct_core.engines.base import Silent

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result

__all__ = ["in_notebook", "say", "watch"]

_PAUSE = 0.2  # seconds between two pictures in a notebook
_RUNNING = 5  # names of running operators that are shown


def in_notebook() -> bool:
    """Whether what is displayed lands in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


def say(*lines: str) -> None:
    """Tell the user something: on standard error, where it disturbs no pipe."""
    stream = sys.stdout if in_notebook() else sys.stderr  # a notebook paints errors red
    stream.write("".join(f"{line}\n" for line in lines))
    stream.flush()


@contextmanager
def watch(title: str, total: int, *, quiet: bool = False) -> Iterator[Silent]:
    """Show how operators come and go, while the block lasts.

    Args:
        title: What is run.
        total: How many operators there are.
        quiet: Show nothing.

    Yields:
        The listener to give to an engine.
    """
    if quiet or not (in_notebook() or sys.stderr.isatty()):
        yield Silent()
    elif in_notebook():
        with _Notebook(title, total) as picture:
            yield picture
    else:
        with _Terminal(title, total) as line:
            yield line


class _Tally(Silent):
    """What runs, and what has come to an end."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        self._running: dict[str, None] = {}
        self._states: dict[str, str] = {}
        self._note = ""
        self._lock = Lock()  # engines call from threads of their own

    def operator_started(self, name: str, attempt: int) -> None:
        with self._lock:
            self._states.pop(name, None)  # it is tried again
            self._running[name] = None
            self.changed()

    def operator_finished(self, result: Result) -> None:
        with self._lock:
            self._running.pop(result.name, None)
            self._states[result.name] = result.state
            self.changed()

    def environment(self, message: str) -> None:
        with self._lock:
            self._note = message
            self.changed()

    def changed(self) -> None:
        """Show what there is now; nobody else changes it meanwhile."""
        raise NotImplementedError

    def doing(self) -> str:
        """What goes on, in words."""
        if not self._running:
            return self._note
        shown = list(self._running)[:_RUNNING]
        more = len(self._running) - len(shown)
        return ", ".join(shown) + (f" and {more:,} more" if more else "")


class _Terminal(_Tally):
    """A line that is drawn over itself, and taken away at the end."""

    def __enter__(self) -> _Terminal:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        ]
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._title, total=self._total)
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def changed(self) -> None:
        doing = self.doing()
        told = f"{self._title}: {doing}" if doing else self._title
        self._bar.update(self._task, completed=len(self._states), description=told)


class _Notebook(_Tally):
    """A picture that is drawn over itself, and stays."""

    _drawn = 0.0

    def __enter__(self) -> _Notebook:
        module = importlib.import_module("IPython.display")  # there, since this is a notebook
        self._html = module.HTML
        self._handle: Any = module.display(self._html(self.picture()), display_id=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._draw()

    def changed(self) -> None:
        if monotonic() - self._drawn >= _PAUSE:
            self._draw()

    def picture(self) -> str:
        """As HTML."""
        counts: dict[str, int] = {}
        for state in self._states.values():
            counts[state] = counts.get(state, 0) + 1
        badges = " ".join(f"{count:,} {badge(state)}" for state, count in sorted(counts.items()))
        doing = self.doing()
        running = f"{badge('running')} {escape(doing)}" if doing else ""
        done = f"{len(self._states):,} of {self._total:,}"
        return f"<div><b>{escape(self._title)}</b> {done} &nbsp; {badges} {running}</div>"

    def _draw(self) -> None:
        self._drawn = monotonic()
        self._handle.update(self._html(self.picture()))
