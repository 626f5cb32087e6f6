"""A storage that fails when it is told to."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aqueduct_core.abc import ObjectInfo, Storage
from aqueduct_core.errors import StorageFullError, StorageUnavailableError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Fault", "FaultyStorage"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        verb: The method it happens to: `put`, `put_file`, `get`, `stat`, `refresh`, `list`,
            `delete`, `staging`; or `*` for any of them.
        nth: At which call of that verb it starts, counted from 1.
        times: At how many calls in a row it happens; None for all that follow.
        key: Only calls for a key that starts with this happen to it, and are counted.
        error: What is raised; by default that the storage is unavailable.
        seconds: How long the call is delayed. A fault with nothing but a delay raises nothing.
        tear: Before it raises, a write leaves this share of the bytes (0 to 1) behind under its key,
            as a storage would that is not all-or-nothing.
        after: Raise after the call was done, as if only its answer had been lost.
    """

    verb: str = "*"
    nth: int = 1
    times: int | None = 1
    key: str = ""
    error: BaseException | type[BaseException] | None = None
    seconds: float = 0.0
    tear: float | None = None
    after: bool = False

    @classmethod
    def disk_full(cls, verb: str = "put", nth: int = 1, times: int | None = None) -> Fault:
        """From the nth write on there is no space left."""
        error = StorageFullError("no space left (injected)", hint="stop injecting faults")
        return cls(verb, nth, times, error=error)

    @property
    def _raises(self) -> bool:
        return self.error is not None or self.tear is not None or self.after or not self.seconds


class FaultyStorage:
    """A storage around another, with faults at chosen calls.

        faulty = FaultyStorage(inner, [Fault("put", nth=3), Fault("get", seconds=0.1, times=None)])

    Args:
        inner: The storage that does the work.
        plan: What goes wrong; may be changed at any time.

    Attributes:
        calls: Each call so far: the verb and the key ("" where there is none, the first of many).
    """

    def __init__(self, inner: Storage, plan: Iterable[Fault] = ()) -> None:
        self.inner = inner
        self.plan = [*plan]
        self.calls: list[tuple[str, str]] = []
        self.url = inner.url
        self.profile = inner.profile
        self._seen: Counter[int] = Counter()
        self._lock = threading.Lock()

    def put(self, key: str, *buffers: Buffer) -> None:
        late = self._meet("put", key, buffers)
        self.inner.put(key, *buffers)
        _raise(late)

    def put_file(self, key: str, path: Path) -> None:
        late = self._meet("put_file", key, path)
        self.inner.put_file(key, path)
        _raise(late)

    def get(self, key: str, start: int = 0, end: int | None = None) -> Buffer:
        late = self._meet("get", key)
        data = self.inner.get(key, start, end)
        _raise(late)
        return data

    def stat(self, key: str) -> ObjectInfo | None:
        late = self._meet("stat", key)
        info = self.inner.stat(key)
        _raise(late)
        return info

    def refresh(self, key: str) -> bool:
        late = self._meet("refresh", key)
        refreshed = self.inner.refresh(key)
        _raise(late)
        return refreshed

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        late = self._meet("list", prefix)
        yield from self.inner.list(prefix)
        _raise(late)

    def delete(self, *keys: str) -> None:
        late = self._meet("delete", keys[0] if keys else "")
        self.inner.delete(*keys)
        _raise(late)

    def path(self, key: str) -> Path | None:
        return self.inner.path(key)

    def staging(self) -> Path:
        late = self._meet("staging", "")
        folder = self.inner.staging()
        _raise(late)
        return folder

    def _meet(
        self, verb: str, key: str, data: tuple[Buffer, ...] | Path = ()
    ) -> BaseException | None:
        """Go through the faults that this call meets; returns what to raise after it is done."""
        late: BaseException | None = None
        for fault in self._met(verb, key):
            if fault.seconds:
                time.sleep(fault.seconds)
            if not fault._raises:
                continue
            error = _made(fault, verb, key)
            if fault.after:
                late = error
                continue
            if fault.tear is not None:
                torn = data.read_bytes() if isinstance(data, Path) else b"".join(data)
                self.inner.put(key, torn[: int(len(torn) * fault.tear)])
            raise error
        return late

    def _met(self, verb: str, key: str) -> Sequence[Fault]:
        met = []
        with self._lock:
            self.calls.append((verb, key))
            for index, fault in enumerate(self.plan):
                if fault.verb not in ("*", verb) or not key.startswith(fault.key):
                    continue
                self._seen[index] += 1
                last = None if fault.times is None else fault.nth + fault.times
                if self._seen[index] >= fault.nth and (last is None or self._seen[index] < last):
                    met.append(fault)
        return met


def _made(fault: Fault, verb: str, key: str) -> BaseException:
    if isinstance(fault.error, BaseException):
        return fault.error
    text = f"{verb} of {key!r} failed (injected)"
    return StorageUnavailableError(text) if fault.error is None else fault.error(text)


def _raise(error: BaseException | None) -> None:
    if error is not None:
        raise error
