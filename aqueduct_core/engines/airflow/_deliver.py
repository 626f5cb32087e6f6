"""Puts DAG files where Airflow looks for them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from secrets import token_hex
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

from aqueduct_core.engines.airflow._git import Repository, is_repository, shown
from aqueduct_core.errors import AqueductError, IntegrationError
from aqueduct_core.storage import open_storage
from aqueduct_core.storage._local import path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["deliver", "probe", "take_away"]

_VERSION = re.compile(r"^VERSION = [\"'](?P<store>.*)/flows/", re.MULTILINE)


def deliver(place: str, name: str, content: str, options: Mapping[str, Any] | None = None) -> bool:
    """Put a file into a folder, a bucket or a repository: all of it at once, or not at all.

    Args:
        place: A folder, the URL of one that `open_storage` takes, or a `Repository`.
        name: The file's name.
        content: What it holds.
        options: What the storage, or the repository, takes.

    Returns:
        Whether it is new there; False if the same was there already.

    Raises:
        IntegrationError: It can't be written; or what is there is a workflow of another workspace,
            which has the same name.
    """
    data = content.encode()
    if is_repository(place):
        return Repository.of(place, options).change(
            lambda folder: _write(folder / name, data), f"{name}: another version of the workflow"
        )
    try:
        folder = _folder(place)
        if folder is not None:
            return _write(folder / name, data)
        storage = open_storage(place, **(options or {}))
        there = bytes(storage.get(name)) if storage.stat(name) is not None else None
        if not _is_news(name, there, data):
            return False
        storage.put(name, data)
    except _OtherWorkspaceError:
        raise
    except (OSError, AqueductError) as error:
        raise IntegrationError(
            f"the DAG file {name} can't be written to {shown(place)}: {error}",
            hint="dags= is the folder, or the bucket, that Airflow reads DAG files from",
        ) from error
    return True


def take_away(place: str, name: str, options: Mapping[str, Any] | None = None) -> None:
    """Remove a file; nothing happens if it isn't there.

    Raises:
        IntegrationError: It can't be removed.
    """
    if is_repository(place):
        Repository.of(place, options).change(
            lambda folder: _remove(folder / name), f"{name}: the workflow was deleted"
        )
        return
    try:
        folder = _folder(place)
        if folder is not None:
            (folder / name).unlink(missing_ok=True)
        else:
            open_storage(place, **(options or {})).delete(name)
    except (OSError, AqueductError) as error:
        raise IntegrationError(
            f"the DAG file {name} can't be removed from {shown(place)}: {error}",
            hint="check who may write there, and remove it by hand",
        ) from error


def probe(place: str, options: Mapping[str, Any] | None = None) -> None:
    """Find out whether files can be put there, and leave nothing behind.

    Raises:
        IntegrationError: They can't.
    """
    if is_repository(place):
        Repository.of(place, options).probe()
        return
    name = f"aqueduct_{token_hex(4)}.txt"  # Airflow reads files that end in .py
    deliver(place, name, "", options)
    take_away(place, name, options)


def _folder(place: str) -> Path | None:
    is_local = "://" not in place or place.startswith("file:")
    return Path(path_of(place)).expanduser() if is_local else None


class _OtherWorkspaceError(IntegrationError):
    pass


def _is_news(name: str, there: bytes | None, data: bytes) -> bool:
    """Whether a file differs from what is there, which must not be somebody else's.

    Workflows of one name have one DAG. Two workspaces would take turns with it, and each would lose
    sight of its runs.
    """
    if there is None or there == data:
        return there is None
    theirs, ours = _store_of(there), _store_of(data)
    if theirs is not None and ours is not None and theirs != ours:
        raise _OtherWorkspaceError(
            f"Airflow has a workflow of this name from another workspace: {name} is of the store "
            f"{theirs}, this one is in {ours}",
            hint="publish it under another name, or delete the other one; if the store was moved, "
            "remove the file",
        )
    return True


def _store_of(file: bytes) -> str | None:
    """The store of a DAG file's version."""
    found = _VERSION.search(file.decode(errors="replace"))
    return None if found is None else found["store"]


def _remove(path: Path) -> bool:
    was_there = path.exists()
    path.unlink(missing_ok=True)
    return was_there


def _write(path: Path, data: bytes) -> bool:
    """Written aside under a name that Airflow doesn't read, then moved into its place."""
    if not _is_news(path.name, path.read_bytes() if path.exists() else None, data):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = mkstemp(dir=path.parent, prefix=".aqueduct-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(aside).chmod(0o644)  # workers may run as somebody else
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return True
