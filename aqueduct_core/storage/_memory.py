"""Memory as storage: for tests and for values that need not outlive the process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aqueduct_core.abc import ObjectInfo
from aqueduct_core.errors import StorageNotFoundError
from aqueduct_core.storage._staging import Staging

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["MemoryStorage"]

_Objects = dict[str, tuple[bytes, float]]
_shared: dict[str, _Objects] = {}


class MemoryStorage:
    """Objects in a dictionary.

    Args:
        url: `memory://name`; within one process the same name is the same storage, and
            `memory://` without a name is a new one each time.
    """

    profile = "memory"

    def __init__(self, url: str = "memory://") -> None:
        parts = urlsplit(url)
        name = parts.netloc + parts.path
        self.url = f"memory://{name}"
        self._objects: _Objects = _shared.setdefault(name, {}) if name else {}
        self._staging = Staging()

    def put(self, key: str, *buffers: Buffer) -> None:
        """Store the concatenation of `buffers` at `key`; see `Storage.put`."""
        self._objects[key] = (b"".join(buffers), time.time())

    def put_file(self, key: str, path: Path) -> None:
        """Store a file's bytes and remove it; see `Storage.put_file`."""
        self._objects[key] = (path.read_bytes(), time.time())
        path.unlink()

    def get(self, key: str, start: int = 0, end: int | None = None) -> memoryview:
        """The bytes of an object, read-only; see `Storage.get`."""
        found = self._objects.get(key)
        if found is None:
            raise StorageNotFoundError(f"no object {key!r}", hint="check the key")
        return memoryview(found[0])[start:end]

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known about an object; see `Storage.stat`."""
        found = self._objects.get(key)
        return None if found is None else ObjectInfo(key, len(found[0]), found[1])

    def refresh(self, key: str) -> bool:
        """Make an object count as just written; see `Storage.refresh`."""
        found = self._objects.get(key)
        if found is None:
            return False
        self._objects[key] = (found[0], time.time())
        return True

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix`; see `Storage.list`."""
        for key, (data, modified) in list(self._objects.items()):
            if key.startswith(prefix):
                yield ObjectInfo(key, len(data), modified)

    def delete(self, *keys: str) -> None:
        """Remove objects; see `Storage.delete`."""
        for key in keys:
            self._objects.pop(key, None)

    def path(self, key: str) -> None:
        """None: objects are not files."""

    def staging(self) -> Path:
        """A temporary folder, removed with this object or with the process."""
        return self._staging.folder()
