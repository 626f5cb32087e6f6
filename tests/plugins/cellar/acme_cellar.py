"""A storage that keeps its objects in a dictionary: cellar://name."""

import tempfile
import time
from pathlib import Path

from aqueduct_core.abc import ObjectInfo
from aqueduct_core.errors import StorageNotFoundError

SHELVES = {}


class CellarStorage:
    profile = "memory"

    def __init__(self, url, *, dusty=False):
        self.url = url
        self.dusty = dusty
        self._objects = SHELVES.setdefault(url, {})

    def put(self, key, *buffers):
        data = b"".join(bytes(memoryview(buffer).cast("B")) for buffer in buffers)
        self._objects[key] = (data, time.time())

    def put_file(self, key, path):
        self.put(key, path.read_bytes())
        path.unlink()

    def get(self, key, start=0, end=None):
        if key not in self._objects:
            raise StorageNotFoundError(f"no object {key!r}", hint="look on another shelf")
        return self._objects[key][0][start:end]

    def stat(self, key):
        found = self._objects.get(key)
        return None if found is None else ObjectInfo(key, len(found[0]), found[1])

    def refresh(self, key):
        return False

    def list(self, prefix=""):
        return (self.stat(key) for key in [*self._objects] if key.startswith(prefix))

    def delete(self, *keys):
        for key in keys:
            self._objects.pop(key, None)

    def path(self, key):
        return None

    def staging(self):
        return Path(tempfile.mkdtemp())
