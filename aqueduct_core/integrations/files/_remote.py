"""A bucket, or what is under a prefix in it, through a storage of this package."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from aqueduct_core.errors import StorageError, StorageNotFoundError
from aqueduct_core.storage import open_storage

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from aqueduct_core.abc import ObjectInfo
    from aqueduct_core.storage._fsspec import FsspecStorage

__all__ = ["Bucket"]

_PATIENCE = 5.0  # seconds that a test of the connection goes on trying
_BLOCK = 1 << 20  # what is read at least, and kept: readers of tables ask for small pieces


class Bucket:
    """Files in an object store. Each is written with all its bytes, or not at all.

    Args:
        url: `s3://bucket/prefix`.
        options: What the storage takes, credentials among them.
    """

    is_remote = True

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self._given = url
        self._options = dict(options)
        self._storage = self._open()
        self.url = self._storage.url

    def check(self) -> None:
        self._open(retry_attempts=2, retry_seconds=_PATIENCE).check()

    def size(self, path: str) -> int | None:
        found = self._storage.stat(path)
        return None if found is None else found.size

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        for item in self._storage.list(prefix):
            if not item.key.endswith("/"):  # what consoles put where a folder shall be
                yield item.key, item.size

    def read(self, path: str) -> Buffer:
        return self._storage.get(path)

    def open(self, path: str, size: int) -> BinaryIO:
        return _Opened(_Ranges(self._storage, path, size), _BLOCK)

    def local(self, path: str) -> None:
        """None: objects are no files."""

    def stage(self, path: str, data: Sequence[Any], *, undoable: bool) -> _StagedObject:
        return _StagedObject(self._storage, path, data, undoable=undoable)

    def delete(self, path: str) -> None:
        self._storage.delete(path)

    def _open(self, **more: Any) -> FsspecStorage:
        return cast("FsspecStorage", open_storage(self._given, **self._options, **more))


class _StagedObject:
    """An object that is sent when it is published: a store shows it when all of it is there."""

    def __init__(
        self, storage: FsspecStorage, path: str, data: Sequence[Any], *, undoable: bool
    ) -> None:
        self._storage = storage
        self._path = path
        self._data = data
        self._undoable = undoable
        self._before: Buffer | None = None
        self._published = False

    def publish(self) -> None:
        if self._undoable:
            try:
                self._before = self._storage.get(self._path)
            except StorageNotFoundError:
                self._before = None
        # Whatever happens from here on, also an answer that is lost, may have changed the object.
        self._published = self._undoable
        self._storage.put(self._path, *self._data)

    def undo(self) -> None:
        if not self._published:
            return
        if self._before is None:
            self._storage.delete(self._path)
        else:
            self._storage.put(self._path, self._before)
        self._published = False

    def close(self) -> None:
        self._before = None


class _Opened(io.BufferedReader):
    """An object that is read in ranges, all of which have to be of the same object."""

    raw: _Ranges

    def close(self) -> None:
        if not self.closed:
            super().close()
            self.raw.check()


class _Ranges(io.RawIOBase):
    """An object as a file that is read in ranges."""

    def __init__(self, storage: FsspecStorage, path: str, size: int) -> None:
        super().__init__()
        self._storage = storage
        self._path = path
        self._size = size
        self._seen = self._look()
        self._at = 0

    def check(self) -> None:
        """Refuse what was read in pieces of which some are of another object.

        Raises:
            StorageError: The object was replaced since it was opened.
        """
        if self._look() != self._seen:
            raise StorageError(
                f"{self._path!r} was replaced while it was read", hint="read it again"
            )

    def _look(self) -> ObjectInfo | None:
        return self._storage.stat(self._path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, into: Any) -> int:
        view = memoryview(into).cast("B")
        end = min(self._at + view.nbytes, self._size)
        if end <= self._at:
            return 0
        data = memoryview(self._storage.get(self._path, self._at, end))
        view[: data.nbytes] = data
        self._at += data.nbytes
        return data.nbytes
