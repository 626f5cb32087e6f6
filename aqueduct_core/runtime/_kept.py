"""What never changes, kept on this machine: versions and functions, which every task needs.

A task that finds both here asks the store neither for the one nor for the other. What is kept is the bytes
as they came, and it is looked at as if it had come just now: a version is compared with its digest, and a
function is unpickled only if the store's key has signed it, and its bytes are those that were signed.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import StorageError, StorageNotFoundError
from aqueduct_core.storage._local import LocalStorage

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from aqueduct_core.abc import Storage

__all__ = ["Keeping", "keeping"]

_LARGEST = 64 << 20  # bytes; what is larger stays where it is
_DAYS = 30  # after which what nobody has asked for is removed


def keeping(storage: Storage, folder: Path) -> Keeping | None:
    """The storage, for objects that never change; None if nothing can be kept there.

    Args:
        storage: Where they are.
        folder: Where they are kept; made if it isn't there. One that others can write to isn't used.
    """
    own = folder / sha256(storage.url.encode()).hexdigest()[:32]
    try:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = own.stat()
    except OSError:  # a home that can't be written, or that is none
        return None
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return None
    return Keeping(storage, own)


class Keeping:
    """A storage of which a copy of everything that is read is kept.

    Args:
        storage: Where objects are.
        folder: Where the copies are.
    """

    def __init__(self, storage: Storage, folder: Path) -> None:
        self.url = storage.url
        self.profile = storage.profile
        self._storage = storage
        self._folder = folder
        self._copies = LocalStorage(folder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Buffer:
        """The bytes of an object; see `Storage.get`."""
        try:
            data = self._copies.get(key, start, end)
        except StorageNotFoundError:
            return self._fetched(key, start, end)
        self._copies.refresh(key)
        return data

    def forget(self) -> None:
        """Remove all copies: they are not what they were, or not what is there now."""
        rmtree(self._folder, ignore_errors=True)

    def _fetched(self, key: str, start: int, end: int | None) -> Buffer:
        if end is not None and end > _LARGEST:
            return self._storage.get(key, start, end)
        data = memoryview(self._storage.get(key))
        if data.nbytes <= _LARGEST:
            with suppress(StorageError):  # no space: then it isn't kept
                self._copies.put(key, data)
                self._prune()
        return data[start:end]

    def _prune(self) -> None:
        oldest = time.time() - _DAYS * 86_400
        self._copies.delete(*(item.key for item in self._copies.list() if item.modified < oldest))
