"""Temporary folders of storages whose objects are not local files."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from threading import Lock

__all__ = ["Staging"]


class Staging:
    """A folder made when it is first needed, and removed with this object or with its process.

    Of one process: a forked copy makes its own, and leaves the other alone when it ends.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: tuple[int, Path] | None = None

    def folder(self) -> Path:
        """The folder; raises `OSError` if it can't be made."""
        with self._lock:
            process = os.getpid()
            made = self._made
            # Systems clear their temporary folders of what is old, also while a server still runs.
            if made is None or made[0] != process or not made[1].is_dir():
                made = self._made = (process, Path(tempfile.mkdtemp(prefix="aqueduct-")))
                weakref.finalize(self, _remove, *made)
            return made[1]


def _remove(owner: int, folder: Path) -> None:
    if owner == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
