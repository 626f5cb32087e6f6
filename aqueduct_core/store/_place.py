"""Where a store is: what a URL names, or a storage that is open already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from aqueduct_core.abc import Storage
from aqueduct_core.errors import StorageError
from aqueduct_core.storage import open_storage

__all__ = ["place_of"]


def place_of(url: Any, options: Mapping[str, Any]) -> Storage:
    """The storage that a store is made with.

    Args:
        url: A URL, a path, or a storage.
        options: What the storage of a URL takes.

    Raises:
        StorageError: The URL is none, or nobody knows its scheme.
        TypeError: It is nothing of the kind; the text says what it lacks to be a storage.
        ValueError: There are options for a storage that is open already.
    """
    if isinstance(url, str | os.PathLike):
        place = os.fspath(url)
        if not place:  # an environment variable without a value, for instance
            raise StorageError("a store's URL is empty", hint='"." is the current folder')
        return open_storage(place, **options)
    # Since Python 3.12, isinstance overlooks what a storage around another one has by `__getattr__`.
    needed = {*Storage.__annotations__, *(name for name in vars(Storage) if name[0] != "_")}
    missing = sorted(name for name in needed if not hasattr(url, name))
    if missing:
        raise TypeError(
            f"a store takes a URL, a path or a storage; {type(url).__name__} is none of these, "
            f"it has no {', '.join(missing)}"
        )
    if options:
        raise ValueError("storage_options go with a URL; this storage is open already")
    storage: Storage = url
    return storage
