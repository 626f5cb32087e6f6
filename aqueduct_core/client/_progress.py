"""Shows how a run goes: a line in a terminal, a small table in a notebook, nothing anywhere else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from aqueduct_core.client._markup import badge, escape

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result

__all__ = ["in_notebook", "say", "watch"]

Show: TypeAlias = "Callable[[str, Result | None], None]"

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
def watch(title: str, total: int) -> Iterator[Show]:
    """Show how operators come and go, while the block lasts.

    Args:
        title: What is run.
        total: How many operators there are.

    Yields:
        What an engine calls: with an operator's name and None when it starts, and with its result.
    """
    if in_notebook():
        with _Notebook(title, total) as picture:
            yield picture
    elif sys.stderr.isatty():
        with _terminal(title, total) as show:
            yield show
    else:
        yield _nothing


def _nothing(name: str, result: Result | None) -> None:
    pass


class _Tally:
    """What runs, and what has come to an end."""

    def __init__(self) -> None:
        self.running: dict[str, None] = {}
        self.states: dict[str, str] = {}

    def note(self, name: str, result: Result | None) -> None:
        self.states.pop(name, None)  # it is tried again
        if result is None:
            self.running[name] = None
        else:
            self.running.pop(name, None)
            self.states[name] = result.state

    def names(self) -> str:
        shown = list(self.running)[:_RUNNING]
        more = len(self.running) - len(shown)
        return ", ".join(shown) + (f" and {more:,} more" if more else "")


@contextmanager
def _terminal(title: str, total: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.markup import escape as plain
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    tally, lock = _Tally(), Lock()
    columns = [TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn()]
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(plain(title), total=total)

        def show(name: str, result: Result | None) -> None:
            with lock:
                tally.note(name, result)
                told = f"{title}: {tally.names()}" if tally.running else title
                bar.update(task, completed=len(tally.states), description=plain(told))

        yield show


class _Notebook:
    """A picture that is drawn over itself."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        self._tally = _Tally()
        self._lock = Lock()
        self._handle: Any = None
        self._drawn = 0.0

    def __enter__(self) -> _Notebook:
        module = importlib.import_module("IPython.display")  # there, since this is a notebook
        self._html = module.HTML
        self._handle = module.display(self._html(self.picture()), display_id=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._draw()

    def __call__(self, name: str, result: Result | None) -> None:
        with self._lock:
            self._tally.note(name, result)
            if monotonic() - self._drawn >= _PAUSE:
                self._draw()

    def picture(self) -> str:
        """As HTML."""
        counts: dict[str, int] = {}
        for state in self._tally.states.values():
            counts[state] = counts.get(state, 0) + 1
        badges = " ".join(f"{count:,} {badge(state)}" for state, count in sorted(counts.items()))
        running = f"{badge('running')} {escape(self._tally.names())}" if self._tally.running else ""
        done = f"{len(self._tally.states):,} of {self._total:,}"
        return f"<div><b>{escape(self._title)}</b> {done} &nbsp; {badges} {running}</div>"

    def _draw(self) -> None:
        self._drawn = monotonic()
        self._handle.update(self._html(self.picture()))
