"""Any fsspec file system as a client."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from inspect import signature
from io import BytesIO
from types import MethodType
from typing import Any, NoReturn

from aqueduct_core.storage._body import Body
from aqueduct_core.storage._classify import Fault, fault_of
from aqueduct_core.storage._client import Found

__all__ = ["FsspecClient"]

_S3, _GCS, _AZURE = {"s3", "s3a"}, {"gs", "gcs"}, {"az", "abfs", "abfss", "adl"}
# Where an object appears under its name when all its bytes are there, and not before. Everywhere
# else it is written beside its place and renamed.
_WHOLE = _S3 | _GCS | _AZURE
_STAGING = "tmp"
_VERSIONS = ("generation", "ETag", "etag", "version_id", "ino")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


class FsspecClient:
    """A folder in a file system of fsspec.

    Args:
        scheme: The protocol of its URL.
        url: The URL.
        options: What the file system takes.
        part: The size of the blocks in which large objects are sent.
        concurrency: How many requests may be under way.
    """

    streams = False
    near = False
    ordered = False
    in_parts = False
    single = 1 << 62  # large objects, too: they are sent in parts in there

    def __init__(
        self, scheme: str, url: str, options: Mapping[str, Any], *, part: int, concurrency: int
    ) -> None:
        self._scheme = scheme
        self._fs, root = _connect(scheme, url, dict(options))
        self._root = root.rstrip("/") + "/"
        self.retries = _send_once(scheme, self._fs)
        self._part = part
        self._concurrency = concurrency
        self._info = _asker(scheme, self._fs)
        self._creating = _creating(scheme, self._fs)
        # What is neither asynchronous (and locks by itself) nor the operating system's is one
        # connection, or one dictionary, that two threads must not use at once.
        together = self._fs.async_impl or scheme in ("file", "local")
        self._alone: AbstractContextManager[Any] = nullcontext() if together else threading.RLock()

    def put(self, key: str, body: Body) -> None:
        with self._alone:
            if self._scheme in _WHOLE:
                self._write(self._root + key, body)
            else:
                self._write_beside(self._root + key, body)

    def create(self, key: str, body: Body) -> bool | None:
        if self._creating is None or body.size > self._part:
            return None
        try:
            with self._alone:
                self._fs.pipe_file(self._root + key, body.tobytes(), **self._creating)
        except Exception as error:
            if isinstance(error, FileExistsError) or fault_of(error) is Fault.CHANGED:
                return False
            raise
        return True

    def upload(self, key: str) -> NoReturn:
        raise NotImplementedError(key)  # never called: every size is below `single`

    def open(self, key: str, start: int, end: int | None, version: str | None = None) -> Held:
        asked: dict[str, Any] = {}
        if start or end is not None:
            asked = {"start": start, "end": end}
        elif self._scheme in _S3:
            asked = {"max_concurrency": 1}  # else s3fs asks for the size first
        with self._alone:
            return Held(self._fs.cat_file(self._root + key, **asked))

    def head(self, key: str) -> Found | None:
        with self._alone:
            info = self._info(self._root + key)
        return None if info.get("type") == "directory" else _found(key, info)

    def page(self, prefix: str, token: str | None, after: str = "") -> tuple[list[Found], None]:
        folder = self._root + prefix.rpartition("/")[0]
        with self._alone:
            try:
                infos = self._fs.find(folder.rstrip("/"), detail=True)
            except FileNotFoundError:
                infos = {}
        if not isinstance(infos, dict):  # adlfs, of an object that is asked for as a folder
            return [], None
        base = self._root.lstrip("/")  # not all file systems agree with themselves on the slash
        found = [_found(name.lstrip("/")[len(base) :], info) for name, info in infos.items()]
        return [entry for entry in found if self._is_listed(entry.key, prefix)], None

    def delete(self, keys: Sequence[str]) -> None:
        single = [*keys]
        if self._scheme in _S3 | _GCS and len(keys) > 1:
            # `rm` takes many with one request, and would expand wildcards.
            single = [key for key in keys if {*key} & {*"*?["}]
            self._delete_together([key for key in keys if key not in single])
        with ThreadPoolExecutor(max(1, min(self._concurrency, len(single)))) as pool:
            for _ in pool.map(self._delete_one, single):
                pass

    def check(self) -> None:
        with self._alone:
            self._fs.info(self._root.partition("/")[0] if self._scheme in _WHOLE else self._root)

    def _delete_together(self, keys: Sequence[str]) -> None:
        try:
            self._fs.rm([self._root + key for key in keys])
        except FileNotFoundError:
            return  # none of them was there

    def _delete_one(self, key: str) -> None:
        with self._alone:
            try:
                self._fs.rm_file(self._root + key)
            except Exception as error:
                if fault_of(error) is not Fault.MISSING:
                    raise

    def _is_listed(self, key: str, prefix: str) -> bool:
        if not key.startswith(prefix):
            return False
        staged = self._scheme not in _WHOLE and key.startswith(f"{_STAGING}/")
        return not staged or prefix.startswith(f"{_STAGING}/")

    def _write_beside(self, path: str, body: Body) -> None:
        staged = f"{self._root}{_STAGING}/{os.urandom(12).hex()}"
        self._fs.makedirs(f"{self._root}{_STAGING}", exist_ok=True)
        try:
            self._write(staged, body)
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._fs.mv(staged, path)
        except BaseException:
            if self._fs.exists(staged):
                self._fs.rm_file(staged)
            raise

    def _write(self, path: str, body: Body) -> None:
        if body.size <= self._part:
            self._fs.pipe_file(path, body.tobytes())
            return
        # Not in a `with` block: leaving one, or forgetting the file, commits what was written.
        file = self._fs.open(path, "wb", block_size=self._part)
        try:
            for piece in body.pieces(self._part):
                file.write(piece)
            file.close()
        except BaseException as error:
            _discard(file)
            _let_go(error)
            raise


class Held:
    """An answer that is in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.size = len(data)
        self.version: str | None = None

    def readinto(self, view: memoryview) -> int:
        piece = memoryview(self._data)[self._at : self._at + view.nbytes]
        view[: piece.nbytes] = piece
        self._at += piece.nbytes
        return piece.nbytes

    def read(self) -> bytes:
        return self._data

    def close(self) -> None:
        self._data = b""


def _connect(scheme: str, url: str, options: dict[str, Any]) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    if scheme in _S3:
        config = dict(options.get("config_kwargs") or {})
        options["config_kwargs"] = config | {"retries": {"total_max_attempts": 1}}
    # No listings are remembered (others write, too), and no instance is shared: it is changed here.
    ours = {"use_listings_cache": False, "skip_instance_cache": True}
    fs, root = url_to_fs(url, **(ours | options))
    return fs, str(root)


def _send_once(scheme: str, fs: Any) -> bool:
    """Switch off the retries of a library; True if it can't be done."""
    if scheme in _S3:
        fs.retries = 1
        return False
    if scheme in _GCS:
        # A decorator repeats every request, with waits that nobody can set.
        once = getattr(type(fs)._request, "__wrapped__", None)
        if once is not None:
            fs._request = partial(_request_once, MethodType(once, fs))
        return once is None
    return scheme in _AZURE


def _asker(scheme: str, fs: Any) -> Callable[[str], Mapping[str, Any]]:
    """What tells about one object."""
    if scheme in _GCS and hasattr(fs, "_get_object"):
        from fsspec.asyn import sync

        # `info` asks beside it whether it is a folder, with a listing.
        return partial(sync, fs.loop, fs._get_object)
    asker: Callable[[str], Mapping[str, Any]] = fs.info
    return asker


def _creating(scheme: str, fs: Any) -> Mapping[str, Any] | None:
    """What makes the library write an object only where there is none; None if it can't."""
    takes = signature(fs._pipe_file).parameters if scheme in _WHOLE else ()
    if scheme in _AZURE and "overwrite" in takes:
        return {"overwrite": False}
    return {"mode": "create"} if "mode" in takes else None


async def _request_once(request: Any, *args: Any, data: Any = None, **options: Any) -> Any:
    if isinstance(data, (bytes, bytearray, memoryview)) and len(data) > 1 << 20:
        data = BytesIO(data)  # sent piece by piece; aiohttp warns of bytes, which block its loop
    return await request(*args, data=data, **options)


def _discard(file: Any) -> None:
    """Throw away what was written to a file that is not finished."""
    from fsspec.spec import AbstractBufferedFile

    if not isinstance(file, AbstractBufferedFile):
        file.close()  # a plain file, which stands beside its place
        return
    try:
        if file.offset is not None:
            file.discard()
    finally:
        file.closed = True  # else the destructor commits


def _let_go(error: BaseException | None) -> None:
    """Drop what the calls that failed have in their variables.

    In gcsfs that is a view of the file's buffer. The error and its calls refer to each other, so all
    of it ends together, and Python 3.13 complains of a buffer that ends before its views.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _found(key: str, info: Mapping[str, Any]) -> Found:
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), None)
    modified = next((info[name] for name in _TIMES if info.get(name)), None)
    return Found(key, int(info["size"]), _seconds(modified), version)


def _seconds(moment: Any) -> float:
    if isinstance(moment, datetime):
        return moment.timestamp()
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).timestamp()
    return time.time() if moment is None else float(moment)
