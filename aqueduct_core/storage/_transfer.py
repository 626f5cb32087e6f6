"""Large objects: parts out of, and ranges into, the caller's memory."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aqueduct_core.storage._body import Body
from aqueduct_core.storage._classify import Fault, fault_of
from aqueduct_core.storage._client import Client, Stream, Upload
from aqueduct_core.storage._retry import Retry

__all__ = ["Changed", "Vanished", "fill_in_ranges", "fill_while_it_comes", "send_parts"]

_log = logging.getLogger("aqueduct_core.storage")
_PIECE = 1 << 20
# What one connection of an object store seldom carries (they give 50 to 100 MB/s). Slower ones
# are helped by others; a faster one is at the limit of something that more can't lift.
FAST = 200e6
_JUDGED_AFTER = 0.05  # seconds
# On this very machine that something is the processor, which helpers would take from the server, unless
# a tunnel leads elsewhere: a stream has to be slower by this, for longer by this.
_NEAR = 10


class Changed(Exception):
    """The object was replaced while it was read."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} was replaced while it was read, again and again")


class Vanished(Exception):
    """An upload was ended by somebody else."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the upload of {key!r} was ended by somebody else, again and again")


def send_parts(
    client: Client, key: str, body: Body, size: int, concurrency: int, retry: Retry
) -> None:
    """Upload in parts of `size` bytes; if anything fails, nothing stays.

    Raises:
        Vanished: Somebody else has ended the upload.
    """
    upload = _begin(client, key, retry)
    parts: dict[int, Mapping[str, Any]] = {}
    starts = deque(enumerate(range(0, body.size, size), 1))

    def send(number: int, start: int) -> None:
        part = body.slice(start, start + size)
        parts[number] = retry.run(lambda: upload.part(number, part))

    try:
        _drain(starts, lambda item: send(*item), concurrency)
        done = [parts[number] for number in sorted(parts)]
        _complete(client, key, body.size, lambda: upload.complete(done), retry)
    except BaseException as error:
        _abort(upload.abort, retry, error)
        if fault_of(error) is Fault.MISSING:
            raise Vanished(key) from error
        raise


def _begin(client: Client, key: str, retry: Retry) -> Upload:
    attempts, began = 0, time.monotonic()

    def attempt() -> Upload:
        nonlocal attempts
        attempts += 1
        return client.upload(key)

    upload = retry.run(attempt)
    if attempts > 1:
        # An earlier attempt may have begun an upload whose name never reached us. If it was
        # another writer's instead, that one finds it vanished and begins again.
        try:
            for other in upload.others(time.monotonic() - began):
                other.abort()
        except Exception as error:  # noqa: BLE001  # a matter of tidiness, not of this upload
            _log.warning("an unfinished upload of %r may be left behind: %r", key, error)
    return upload


def _complete(
    client: Client, key: str, size: int, complete: Callable[[], None], retry: Retry
) -> None:
    attempts = 0

    def attempt() -> None:
        nonlocal attempts
        attempts += 1
        complete()

    try:
        retry.run(attempt)
    except Exception as error:
        # An earlier attempt may have got through, and only its answer been lost.
        lost = attempts > 1 and fault_of(error) is Fault.MISSING
        found = retry.run(lambda: client.head(key)) if lost else None
        if found is None or found.size != size:
            raise


def _abort(abort: Callable[[], None], retry: Retry, reason: BaseException) -> None:
    try:
        retry.run(abort)
    except Exception as error:  # noqa: BLE001  # noted on the reason, which is raised
        if fault_of(error) is not Fault.MISSING:
            # The reason is raised; that it also left something behind is said along with it.
            reason.add_note(f"the unfinished upload could not be removed either: {error!r}")


def fill_in_ranges(
    client: Client,
    key: str,
    start: int,
    into: memoryview,
    size: int,
    concurrency: int,
    retry: Retry,
    version: str | None = None,
) -> None:
    """Read ranges of `size` bytes at once."""
    ranges = deque(_ranges(into.nbytes, size))
    _drain(
        ranges,
        lambda item: _fill(client, key, start + item[0], into[item[0] : item[1]], retry, version),
        concurrency,
    )


def fill_while_it_comes(
    client: Client,
    key: str,
    start: int,
    stream: Stream,
    into: memoryview,
    size: int,
    concurrency: int,
    retry: Retry,
) -> None:
    """Read a stream to its end; if it turns out slow, others fetch what is far from its front.

    Args:
        client: Where it comes from.
        key: What comes.
        start: Where in the object the stream began.
        stream: The stream, of which nothing has been read.
        into: Where it goes; as long as the stream.
        size: The size of the ranges that others fetch.
        concurrency: How many requests there are at once.
        retry: How often a request is repeated.
    """
    ranges = deque(_ranges(into.nbytes, size))
    version = stream.version
    lenience = _NEAR if client.near else 1

    def fetch(item: tuple[int, int]) -> None:
        _fill(client, key, start + item[0], into[item[0] : item[1]], retry, version)

    helpers = _Helpers(ranges, fetch, concurrency - 1)
    began = time.monotonic()
    try:
        while item := _pop(ranges.popleft):
            at, stop = item
            while at < stop and not helpers.failed:
                try:
                    got = stream.readinto(into[at : min(at + _PIECE, stop)])
                except Exception as error:
                    if fault_of(error) is not Fault.TRANSIENT:
                        raise
                    got = 0
                if got == 0:  # broken off: what is left of it comes in ranges
                    helpers.start()
                    fetch((at, stop))
                    helpers.work()
                    return
                at += got
                elapsed = time.monotonic() - began
                if elapsed > _JUDGED_AFTER * lenience and at / elapsed < FAST / lenience:
                    helpers.start()
    finally:
        stream.close()
        helpers.finish()


class _Helpers:
    """Threads that take ranges from the far end, once started."""

    def __init__(
        self,
        ranges: deque[tuple[int, int]],
        fetch: Callable[[tuple[int, int]], None],
        count: int,
    ) -> None:
        self._ranges = ranges
        self._fetch = fetch
        self._count = count
        self._threads: list[threading.Thread] = []
        self.failed: list[BaseException] = []

    def start(self) -> None:
        wanted = min(self._count, len(self._ranges))
        if not self._threads and wanted > 0:
            self._threads = [threading.Thread(target=self.run, daemon=True) for _ in range(wanted)]
            for thread in self._threads:
                thread.start()

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001  # raised in `finish`, by the caller's thread
            self.failed.append(error)
            self._ranges.clear()

    def work(self) -> None:
        while item := _pop(self._ranges.pop):
            self._fetch(item)

    def finish(self) -> None:
        # Whatever ended the reading ends the helping; on the way out of success nothing is left.
        self._ranges.clear()
        for thread in self._threads:
            thread.join()
        if self.failed:
            raise self.failed[0]


def _fill(
    client: Client, key: str, start: int, into: memoryview, retry: Retry, version: str | None
) -> None:
    """Read one range; an attempt goes on where the one before broke off."""
    done = 0

    def attempt() -> None:
        nonlocal done
        stream = client.open(key, start + done, start + into.nbytes, version)
        try:
            while done < into.nbytes:
                got = stream.readinto(into[done : done + _PIECE])
                if got == 0:
                    raise ConnectionError(f"the answer ended {into.nbytes - done:,} bytes early")
                done += got
        finally:
            stream.close()

    try:
        retry.run(attempt)
    except Exception as error:
        if fault_of(error) in (Fault.CHANGED, Fault.BEYOND):
            raise Changed(key) from error
        raise


def _drain(items: deque[Any], work: Callable[[Any], None], concurrency: int) -> None:
    """Do all items in a few threads; the first failure lets no further one start, and is raised."""

    def run() -> None:
        try:
            while item := _pop(items.popleft):
                work(item)
        except BaseException:
            items.clear()
            raise

    threads = max(1, min(concurrency, len(items)))
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(run) for _ in range(threads)]
        try:
            for future in running:
                future.result()
        except BaseException:
            items.clear()  # also when it is the caller who is interrupted
            raise


def _pop(take: Callable[[], Any]) -> Any:
    try:
        return take()
    except IndexError:
        return None


def _ranges(total: int, size: int) -> Iterable[tuple[int, int]]:
    return [(start, min(start + size, total)) for start in range(0, total, size)]
