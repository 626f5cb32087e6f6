"""A local folder as storage."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit
from zlib import crc32

from aqueduct_core._buffers import as_bytes
from aqueduct_core.abc import ObjectInfo
from aqueduct_core.errors import (
    StorageError,
    StorageFullError,
    StorageNotFoundError,
    StoragePermissionError,
)
from aqueduct_core.storage._reserve import reserve

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["LocalStorage", "fill", "new_file", "path_of", "translated"]

_SECOND = 1_000_000_000
_MOST_BUFFERS = 1024  # IOV_MAX of Linux and macOS
_PIECE = 1 << 20  # bytes in memory of a file that is copied from another file system
_STAGING = "tmp"


class LocalStorage:
    """Objects as files of a folder.

    A file is written under `tmp/` of the same folder and renamed into place, so a reader sees the
    old object or the new one, also when the writer is killed. What a killed writer leaves in
    `tmp/` is removed by the store's `gc`.

    Each file is *sealed*: the nanoseconds of its modification time are a checksum of its key.
    Writing to the file in any way moves that time, which breaks the seal; `ObjectInfo.intact`
    reports it. That is what lets a reader map a large file without hashing it first. File systems
    that keep coarser times break the seal at once, which costs time and never correctness.

    Args:
        root: The folder; made when the first object is put.
        fsync: Flush every object to the disk before it becomes visible, so that it also survives a
            power cut. Off by default: it makes saving several times slower, and without it a cut
            can lose recent objects but a damaged one is noticed by its digest.
    """

    profile = "local"

    def __init__(self, root: str | os.PathLike[str], *, fsync: bool = False) -> None:
        self.root = Path(os.path.abspath(os.path.expanduser(root)))
        self.url = self.root.as_uri()
        self._base = str(self.root)
        self._fsync = fsync

    @property
    def ignores_case(self) -> bool:
        """Whether keys that differ in case alone are one file, as is usual on macOS."""
        try:
            return os.path.samefile(f"{self._base}/{_STAGING.upper()}", f"{self._base}/{_STAGING}")
        except OSError:
            return False

    def put(self, key: str, *buffers: Buffer) -> None:
        """Store the concatenation of `buffers` at `key`; see `Storage.put`."""
        size = sum(memoryview(buffer).nbytes for buffer in buffers)
        self._put(key, size, lambda descriptor: _write_all(descriptor, buffers))

    def _put(self, key: str, size: int, write: Callable[[int], None]) -> None:
        temporary = f"{self._base}/{_STAGING}/{os.urandom(12).hex()}"
        with translated(key, temporary):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            try:
                descriptor = os.open(temporary, flags, 0o666)
            except FileNotFoundError:
                self.staging()
                descriptor = os.open(temporary, flags, 0o666)
            try:
                reserve(descriptor, size)
                write(descriptor)
                self._seal(descriptor, key)
            finally:
                os.close(descriptor)
            self._publish(temporary, key)

    def put_file(self, key: str, path: Path) -> None:
        """Move the file at `path` to `key`; see `Storage.put_file`."""
        with translated(key, str(path)):
            found = path.stat()
            if found.st_dev != self.staging().stat().st_dev:
                with path.open("rb", buffering=0) as file:
                    self._put(key, found.st_size, lambda descriptor: _copy(file, descriptor))
                path.unlink()
                return
            descriptor = os.open(path, os.O_RDWR)
            try:
                self._seal(descriptor, key)
            finally:
                os.close(descriptor)
            self._publish(str(path), key)

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        """The bytes of an object; see `Storage.get`."""
        with translated(key), open(f"{self._base}/{key}", "rb", buffering=0) as file:
            if start:
                file.seek(start)
            return file.read() if end is None else _read_exactly(file.fileno(), end - start)

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known about an object; see `Storage.stat`."""
        with translated(key):
            found = _stat(f"{self._base}/{key}")
        return None if found is None or S_ISDIR(found.st_mode) else _info(key, found)

    def refresh(self, key: str) -> bool:
        """Set the access time to now: the modification time carries the seal."""
        path = f"{self._base}/{key}"
        with translated(key):
            try:
                os.utime(path, ns=(time.time_ns(), os.stat(path).st_mtime_ns))
            except (FileNotFoundError, NotADirectoryError, PermissionError):  # or another user's
                return False
        return True

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix`; files being written are not among them."""
        folder = prefix.rpartition("/")[0]
        for info in self._walk(folder, frozenset()):
            hidden = info.key.startswith(f"{_STAGING}/") and not prefix.startswith(f"{_STAGING}/")
            if info.key.startswith(prefix) and not hidden:
                yield info

    def delete(self, *keys: str) -> None:
        """Remove objects; see `Storage.delete`."""
        for key in keys:
            with translated(key):
                try:
                    os.unlink(f"{self._base}/{key}")
                except (FileNotFoundError, NotADirectoryError):
                    continue

    def path(self, key: str) -> Path:
        """The file of an object."""
        return self.root / key

    def staging(self) -> Path:
        """`tmp/` of the folder: on the same file system, so that `put_file` is a rename."""
        folder = self.root / _STAGING
        with translated(_STAGING):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _seal(self, descriptor: int, key: str) -> None:
        now = time.time_ns()
        sealed = (now // _SECOND - 1) * _SECOND + _seal_of(key)  # never in the future
        os.utime(descriptor, ns=(now, sealed))
        if self._fsync:
            os.fsync(descriptor)

    def _publish(self, temporary: str, key: str) -> None:
        target = f"{self._base}/{key}"
        try:
            os.replace(temporary, target)
        except FileNotFoundError:
            self._make_folder(os.path.dirname(target))
            os.replace(temporary, target)
        if self._fsync:
            _sync_folder(os.path.dirname(target))

    def _make_folder(self, folder: str) -> None:
        missing = []
        while not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for name in reversed(missing):
            os.makedirs(name, exist_ok=True)
            if self._fsync:  # what is in it is no safer than its own name
                _sync_folder(os.path.dirname(name))

    def _walk(self, folder: str, above: frozenset[str]) -> Iterator[ObjectInfo]:
        """All files in a folder; `above` are the places of links that led to it."""
        with translated(folder):
            try:
                entries = [*os.scandir(f"{self._base}/{folder}")]
            except (FileNotFoundError, NotADirectoryError):
                return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            with translated(key):
                is_folder = entry.is_dir()
                found = None if is_folder else _stat(entry.path)
            if found is not None:
                yield _info(key, found)
            if not is_folder:
                continue
            # A folder that was moved to another disk still belongs to the store: what can be read
            # is listed, or parts that are in use would seem not to be.
            there = {os.path.realpath(entry.path)} if entry.is_symlink() else set()
            if not there & above:
                yield from self._walk(key, above | there)


def path_of(place: str) -> str:
    """The path of a folder that is given as one, or as a `file:` URL: of the very bytes that it has.

    Raises:
        StorageError: The URL has more in it than a path of this machine.
    """
    if "://" not in place:
        return place
    parts = urlsplit(place)
    if parts.netloc not in ("", "localhost") or "?" in place or "#" in place:
        raise StorageError(
            f"{place!r} is no URL of a folder on this machine",
            hint="write file:///data/artifacts, with %3F for ? and %23 for #; or give the path alone",
        )
    return os.fsdecode(unquote_to_bytes(parts.path.encode("utf-8", "surrogateescape")))


def new_file(path: Path, size: int) -> int:
    """Create a file that will hold `size` bytes; returns its descriptor.

    Raises:
        StorageError: The file system failed; the file may be there.
    """
    with translated(str(path)):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            reserve(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def fill(descriptor: int, buffers: Iterable[Buffer], path: Path) -> None:
    """Write buffers to a new file, and close it.

    Raises:
        StorageError: The file system failed; they may be there in part.
    """
    with translated(str(path)):
        try:
            _write_all(descriptor, buffers)
        finally:
            os.close(descriptor)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _seal_of(key: str) -> int:
    return crc32(key.encode("utf-8", "surrogateescape")) % _SECOND


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    intact = found.st_mtime_ns % _SECOND == _seal_of(key)
    return ObjectInfo(key, found.st_size, max(found.st_mtime, found.st_atime), intact)


def _write_all(descriptor: int, buffers: Iterable[Buffer]) -> None:
    """Write buffers in as few system calls as there can be, without joining them."""
    batch: list[memoryview] = []
    for buffer in buffers:
        view = as_bytes(buffer)
        if not view.nbytes:
            continue
        batch.append(view)
        if len(batch) == _MOST_BUFFERS:
            _write_batch(descriptor, batch)
            batch = []
    if batch:
        _write_batch(descriptor, batch)


def _write_batch(descriptor: int, batch: list[memoryview]) -> None:
    written = os.writev(descriptor, batch)
    for index, view in enumerate(batch):
        if written >= view.nbytes:
            written -= view.nbytes
            continue
        # The kernel took less than all: 2 GiB a call at most, or the disk is nearly full.
        rest = view[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if batch[index + 1 :]:
            _write_batch(descriptor, batch[index + 1 :])
        return


def _read_exactly(descriptor: int, size: int) -> bytes:
    pieces = []
    while size > 0:
        piece = os.read(descriptor, min(size, 1 << 30))
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _copy(file: FileIO, descriptor: int) -> None:
    """Write what is in a file, a piece at a time: it may be larger than memory."""
    piece = memoryview(bytearray(_PIECE))
    while size := file.readinto(piece):
        _write_batch(descriptor, [piece[:size]])


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated(key: str, temporary: str | None = None) -> Iterator[None]:
    """Turn OS errors into ours, and remove a temporary file that was not published."""
    try:
        yield
    except BaseException as error:
        if temporary is not None and os.path.lexists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError) and not isinstance(error, StorageError):
            raise _translate(error, key) from error
        raise


def _translate(error: OSError, key: str) -> StorageError:
    text = f"{key!r}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError(
            f"no space left to store {text}",
            hint="free some space (the store's gc() removes what no artifact uses) and save again",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        where = "" if error.filename is None else f" ({os.fsdecode(error.filename)})"
        return StoragePermissionError(
            f"not allowed to access {key!r}{where}: {error.strerror or error}",
            hint="check who owns the folder and whether its file system is mounted read-only",
        )
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return StorageNotFoundError(f"no object {text}", hint="check the key and the store's URL")
    return StorageError(
        f"the file system failed on {text}", hint="check the disk and the store's URL"
    )
