"""The folder of environments: who may use, build and remove them.

<key>/                the virtual environment
<key>/aqueduct.json   says that it is complete; written last. Its time is that of the last use.
<key>.lock            locked exclusively while it is built or removed, shared while it is used
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aqueduct_core.errors import EnvironmentBuildError

__all__ = ["STAMP", "Environment", "environments", "hold", "locked", "prune", "remove"]

STAMP = "aqueduct.json"


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that is there.

    Attributes:
        path: Its folder.
        python: The version of its Python, `3.12.1`.
        requirements: What was asked for; passwords left out.
        made: When.
        used: When it was last asked for.
    """

    path: Path
    python: str
    requirements: tuple[str, ...]
    made: datetime
    used: datetime

    @property
    def key(self) -> str:
        """What it is called."""
        return self.path.name


def environments(folder: Path) -> list[Environment]:
    """The complete environments of a folder, the last used first."""
    found = [_read(path.parent) for path in folder.glob(f"*/{STAMP}")]
    return sorted((item for item in found if item), key=lambda item: item.used, reverse=True)


def prune(folder: Path, *, unused_for: timedelta) -> list[str]:
    """Remove environments, and what remains of builds that were killed.

    One that is used or built at this moment stays.

    Args:
        folder: The folder of environments.
        unused_for: Those that were last asked for longer ago than this go.

    Returns:
        The keys of those that were removed.
    """
    removed = []
    for path in sorted(path for path in folder.glob("*") if path.is_dir()):
        with locked(path, exclusive=True, wait=False) as lock:
            if lock is None:
                continue
            known = _read(path)
            if known and known.used > datetime.now(UTC) - unused_for:
                continue
            remove(path)
            _lock_file(path).unlink()  # while it is locked: who waits for it looks again
            removed.append(path.name)
    return removed


@contextmanager
def hold(interpreter: Path) -> Iterator[None]:
    """Keep an environment from being pruned, for as long as a worker runs in it.

    Args:
        interpreter: What `ensure` returned.

    Raises:
        EnvironmentBuildError: It has been pruned since.
    """
    path = interpreter.parents[1]
    with locked(path, exclusive=False):
        if not (path / STAMP).exists():
            raise EnvironmentBuildError(
                f"the environment {path.name} has been removed since it was asked for",
                hint="start the run again; it will be made anew",
            )
        yield


@contextmanager
def locked(path: Path, *, exclusive: bool, wait: bool = True) -> Iterator[int | None]:
    """Lock an environment. The lock of a process that dies is gone with it.

    Args:
        path: The environment's folder, there or not.
        exclusive: To build or remove it; else to use it.
        wait: Whether to wait for others.

    Yields:
        The locked file's descriptor, or None if others hold it and `wait` is false.
    """
    name = _lock_file(path)
    mode = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB)
    while True:
        lock = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, mode)
            except BlockingIOError:
                yield None
                return
            if _is_at(lock, name):
                yield lock
                return
        finally:
            os.close(lock)


def remove(path: Path) -> None:
    """Remove an environment, whose lock is held; first of all what says that it is complete."""
    (path / STAMP).unlink(missing_ok=True)
    if path.exists():
        shutil.rmtree(path)


def _lock_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _is_at(descriptor: int, name: Path) -> bool:
    """Whether a path still leads to an open file; it was removed if its environment was."""
    try:
        return os.path.samestat(os.fstat(descriptor), name.stat())
    except FileNotFoundError:
        return False


def _read(path: Path) -> Environment | None:
    try:
        with (path / STAMP).open(encoding="utf-8") as file:
            data: Mapping[str, Any] = json.load(file)
            used = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    return Environment(
        path=path,
        python=data["python"],
        requirements=tuple(data["requirements"]),
        made=datetime.fromisoformat(data["made"]),
        used=datetime.fromtimestamp(used, UTC),
    )
