"""Remote storage: S3, GCS, Azure and everything else that fsspec knows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aqueduct_core._buffers import allocate
from aqueduct_core.abc import ObjectInfo
from aqueduct_core.errors import StorageNotFoundError
from aqueduct_core.storage._body import Body, map_file
from aqueduct_core.storage._classify import Fault, fault_of
from aqueduct_core.storage._client import Client, Found
from aqueduct_core.storage._place import Place
from aqueduct_core.storage._retry import Exhausted, Retry
from aqueduct_core.storage._staging import Staging
from aqueduct_core.storage._transfer import (
    Changed,
    Vanished,
    fill_in_ranges,
    fill_while_it_comes,
    send_parts,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FsspecStorage"]

T = TypeVar("T")

_MOST_PARTS = 10_000  # of one object, everywhere
_SMALL = 1 << 16  # below it a buffer of its own pages is not worth their fault


class FsspecStorage:
    """Objects behind a URL that fsspec knows.

    A small object is written and read with one request. Large ones are sent in parts and read in
    ranges at once, out of and into the caller's memory; what one connection carries fast enough
    is left to that one. A write that fails leaves nothing behind, and readers never see a part of
    it; where a file system can't promise that, objects are written beside their place and renamed.

    Transient faults (timeouts, broken connections, answers cut short, 429 and 5xx) are retried,
    each request on its own; the client library's own retries are switched off where it lets them.

    Args:
        url: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, ...
        part_size: The size of parts and ranges, in bytes; S3 takes no less than 5 MiB.
        multipart_above: Above this size an object is sent in parts, where the client leaves it to
            us (S3). None stands for twice `part_size`, or as much as S3 takes in one request where
            the server is on this very machine: parts would only cost requests.
        concurrency: How many requests one transfer has under way at most.
        retry_attempts: How often a request is sent at most.
        retry_seconds: After how long no further attempt is started.
        conditional_writes: Whether `create` may rely on the server: False for one that takes
            `If-None-Match` and doesn't heed it.
        **storage_options: What the fsspec file system takes: `key`, `secret`, `endpoint_url`,
            `token`, `account_name`, ...

    Raises:
        MissingExtraError: The library for this scheme is not installed.
        StorageError: Nobody knows the scheme, or the options are wrong.
    """

    profile = "remote"

    def __init__(
        self,
        url: str,
        *,
        part_size: int = 16 << 20,
        multipart_above: int | None = None,
        concurrency: int = 8,
        retry_attempts: int = 6,
        retry_seconds: float = 120.0,
        conditional_writes: bool = True,
        **storage_options: Any,
    ) -> None:
        self._place = Place.parse(url, storage_options)
        self.url = self._place.url
        self._part = part_size
        self._single = multipart_above
        self._concurrency = concurrency
        self._conditional = conditional_writes
        self._policy = Retry(attempts=retry_attempts, seconds=retry_seconds)
        self._lock = threading.RLock()
        self._connected: tuple[int, Client] | None = None
        self._staging = Staging()

    def __repr__(self) -> str:
        return f"FsspecStorage({self.url!r})"

    def put(self, key: str, *buffers: Buffer) -> None:
        """Store the concatenation of `buffers` at `key`; see `Storage.put`."""
        self._put(key, Body(buffers))

    def create(self, key: str, *buffers: Buffer) -> bool | None:
        """Store an object where there is none; see `Creates.create`."""
        body = Body(buffers)
        if not self._conditional or body.size > self._client().single:
            return None
        return self._named(
            f"write {key!r}", lambda: self._once(lambda client: client.create(key, body))
        )

    def put_file(self, key: str, path: Path) -> None:
        """Upload a file and remove it; see `Storage.put_file`."""
        self._put(key, Body([map_file(path)]))
        path.unlink()

    def get(self, key: str, start: int = 0, end: int | None = None) -> Buffer:
        """The bytes of an object; large ones in writable memory that starts at a page."""
        if end is not None and end <= start:
            return b""
        return self._named(f"read {key!r}", lambda: self._fetch(key, start, end))

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known about an object; see `Storage.stat`."""
        try:
            found = self._named(f"look up {key!r}", lambda: self._once(lambda c: c.head(key)))
        except StorageNotFoundError:
            return None
        return None if found is None else self._info(found)

    def refresh(self, key: str) -> bool:
        """Always False: objects elsewhere have no time that could be set without writing them."""
        return False

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key starts with `prefix`; see `Storage.list`."""
        return self._pages(prefix, "")

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo] | None:
        """Those that come after a key, in order; see `ListsAfter.list_after`."""
        return self._pages(prefix, after) if self._client().ordered else None

    def _pages(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        token: str | None = None
        while True:
            page, token = self._named(
                f"list {prefix!r}",
                lambda token=token: self._once(lambda c: c.page(prefix, token, after)),  # type: ignore[misc]  # a default binds the loop variable
            )
            for found in page:
                yield self._info(found)
            if token is None:
                return

    def delete(self, *keys: str) -> None:
        """Remove objects, up to a thousand with one request; see `Storage.delete`."""
        if not keys:
            return
        what = repr(keys[0]) if len(keys) == 1 else f"{len(keys)} objects"
        self._named(f"delete {what}", lambda: self._once(lambda c: c.delete(keys)))

    def check(self) -> None:
        """Ask once whether the bucket is there, and for us.

        Raises:
            StorageUnavailableError: Nobody answers.
            StoragePermissionError: The credentials are refused.
            StorageNotFoundError: There is no such bucket.
        """
        self._named("connect", lambda: self._once(lambda c: c.check()))

    def path(self, key: str) -> None:
        """None: objects are not local files."""

    def staging(self) -> Path:
        """A temporary folder of this process, removed when it ends."""
        return self._named("make a temporary folder", self._staging.folder)

    def _client(self) -> Client:
        """The client of this process: connections don't survive a fork."""
        connected = self._connected
        if connected is not None and connected[0] == os.getpid():
            return connected[1]
        with self._lock:
            if self._connected is None or self._connected[0] != os.getpid():
                made = self._place.connect(part=self._part, concurrency=self._concurrency)
                self._connected = (os.getpid(), made)
            return self._connected[1]

    def _retry(self) -> Retry:
        return Retry(attempts=1) if self._client().retries else self._policy

    def _once(self, call: Callable[[Client], T]) -> T:
        client = self._client()
        return self._retry().run(lambda: call(client))

    def _named(self, what: str, call: Callable[[], T]) -> T:
        """Turn the exceptions of client libraries into ours."""
        try:
            return call()
        except (AssertionError, AttributeError):
            raise  # a bug, which no explanation of ours would help
        except Exception as error:  # noqa: BLE001  # all of them are explained
            raise self._place.explained(error, what) from self._place.cause(error)

    def _info(self, found: Found) -> ObjectInfo:
        return ObjectInfo(found.key, found.size, found.modified)

    def _put(self, key: str, body: Body) -> None:
        self._named(f"write {key!r}", lambda: self._send(key, body))

    def _send(self, key: str, body: Body) -> None:
        client = self._client()
        chosen = self._single if client.in_parts else None
        if body.size <= (client.single if chosen is None else chosen):
            self._once(lambda c: c.put(key, body))
            return
        part = max(self._part, -(-body.size // _MOST_PARTS))
        self._again_if(
            Vanished,
            lambda: send_parts(client, key, body, part, self._concurrency, self._retry()),
        )

    def _fetch(self, key: str, start: int, end: int | None) -> Buffer:
        fetch = self._fetch_stream if self._client().streams else self._fetch_ranges
        return self._again_if(Changed, lambda: fetch(key, start, end))

    def _again_if(self, reason: type[Exception], call: Callable[[], T]) -> T:
        """Begin anew when somebody else got in the way."""
        began = time.monotonic()
        for attempt in range(1, self._policy.attempts + 1):
            try:
                return call()
            except reason as error:
                if attempt == self._policy.attempts:
                    raise Exhausted(attempt, time.monotonic() - began) from error
        raise AssertionError("there is at least one attempt")

    def _fetch_stream(self, key: str, start: int, end: int | None) -> Buffer:
        client, retry = self._client(), self._retry()

        def small_or_started() -> Any:
            stream = client.open(key, start, end)
            if stream.size > _SMALL:
                return stream
            try:
                return whole(stream.read(), stream.size)
            finally:
                stream.close()

        try:
            got = retry.run(small_or_started)
        except Exception as error:
            if fault_of(error) is Fault.BEYOND:
                return b""
            raise
        if isinstance(got, bytes):
            return got
        into = allocate(got.size)
        fill_while_it_comes(client, key, start, got, into, self._part, self._concurrency, retry)
        return into

    def _fetch_ranges(self, key: str, start: int, end: int | None) -> Buffer:
        client, retry = self._client(), self._retry()
        stop = start + self._part if end is None else min(end, start + self._part)
        try:
            first = retry.run(lambda: client.open(key, start, stop)).read()
        except Exception as error:
            if fault_of(error) is Fault.BEYOND:
                return b""
            raise
        if stop == end or len(first) < stop - start:
            return first
        del first  # it may be of another version than what is said about the object now
        before = retry.run(lambda: client.head(key))
        if before is None:
            raise FileNotFoundError(key)
        into = allocate(min(before.size, before.size if end is None else end) - start)
        fill_in_ranges(client, key, start, into, self._part, self._concurrency, retry)
        if retry.run(lambda: client.head(key)) != before:
            raise Changed(key)
        return into


def whole(data: bytes, size: int) -> bytes:
    """The data, unless some of it is missing."""
    if len(data) != size:
        raise ConnectionError(f"the answer has {len(data):,} of {size:,} bytes")
    return data
