"""Finds the interpreter of each lane; environments are made while other operators run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from aqueduct_core.engines.local._plan import Lane
from aqueduct_core.errors import AqueductError

if TYPE_CHECKING:
    from aqueduct_core.runtime.environments import Progress

__all__ = ["Interpreters"]


class Interpreters:
    """The interpreters of one run.

    Args:
        folder: Where environments are kept.
        python: The Python of the workflow.
        report: Is told what is done to make one.
        store: The URL of the artifact store, which operators have to reach.
    """

    def __init__(
        self, folder: Path, python: str, report: Callable[[str], None], store: str = ""
    ) -> None:
        self._folder = folder
        self._python = python
        self._report = report
        self._store = store
        self._found: dict[tuple[tuple[str, ...], str], str | AqueductError | None] = {}
        self._lock = Lock()

    def find(self, lane: Lane, wake: Callable[[], None]) -> str | None:
        """The interpreter of a lane; None while it is being made.

        Args:
            lane: The lane.
            wake: Called when it is worth asking again.

        Raises:
            AqueductError: Its environment can't be made.
        """
        if lane.requirements is None and (lane.python is None or _is_current(lane.python)):
            return sys.executable
        key = (lane.requirements or (), lane.python or self._python)
        with self._lock:
            if key in self._found:
                found = self._found[key]
                if isinstance(found, AqueductError):
                    raise found
                return found
            self._found[key] = None
        # A daemon: a run that is canceled doesn't wait for an installation.
        Thread(target=self._make, args=(*key, wake), name="aqueduct-uv", daemon=True).start()
        return None

    def _make(self, requirements: tuple[str, ...], python: str, wake: Callable[[], None]) -> None:
        from aqueduct_core.runtime.environments import ensure, with_store

        found: str | AqueductError
        try:
            wanted = with_store(requirements, self._store)
            found = str(ensure(wanted, python=python, folder=self._folder, progress=self._told))
        except AqueductError as error:
            found = error
        except Exception as error:  # noqa: BLE001 - the operators that wait for it have to end
            found = AqueductError(f"the environment can't be made: {type(error).__name__}: {error}")
        with self._lock:
            self._found[requirements, python] = found
        wake()

    def _told(self, progress: Progress) -> None:
        self._report(progress.message)


def _is_current(python: str) -> bool:
    from aqueduct_core.runtime.environments._interpreters import is_current

    return is_current(python)
