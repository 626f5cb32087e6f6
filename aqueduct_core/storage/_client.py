"""What a remote storage needs of a client library: single attempts, raw exceptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aqueduct_core.storage._body import Body

__all__ = ["Client", "Found", "Stream", "Upload"]


@dataclass(frozen=True, slots=True)
class Found:
    """An object as the server knows it; `version` changes whenever it is written."""

    key: str
    size: int
    modified: float
    version: str | None = None


class Stream(Protocol):
    """The body of one answer, while it arrives.

    Attributes:
        size: How many bytes it will give.
        version: Which version of the object they are of, if it can be asked for.
    """

    size: int
    version: str | None

    def readinto(self, view: memoryview) -> int: ...
    def read(self) -> bytes: ...
    def close(self) -> None: ...


class Upload(Protocol):
    """An object that is sent in parts; nobody sees it before `complete`."""

    def others(self, seconds: float) -> Sequence[Upload]:
        """Unfinished uploads of the same key that began up to `seconds` before this one."""
        ...

    def part(self, number: int, body: Body) -> Mapping[str, Any]: ...
    def complete(self, parts: Sequence[Mapping[str, Any]]) -> None: ...
    def abort(self) -> None: ...


class Client(Protocol):
    """One request a call (a few at most), no retries; thread-safe. Keys are relative to its root.

    Attributes:
        streams: Whether `open` gives the body while it arrives; if not, it is held in memory and
            is better asked for in ranges.
        in_parts: Whether it has `upload` at all; if not, `put` takes every size.
        single: How many bytes `put` takes in one request; larger objects go through `upload`.
        retries: Whether the library retries by itself and can't be told not to.
        near: Whether the server is known to be on this very machine.
        ordered: Whether pages are in the order of keys, and can begin behind any.
    """

    streams: bool
    in_parts: bool
    single: int
    retries: bool
    near: bool
    ordered: bool

    def create(self, key: str, body: Body) -> bool | None:
        """Put an object of at most `single` bytes where there is none; see `Creates.create`."""
        ...

    def put(self, key: str, body: Body) -> None: ...
    def upload(self, key: str) -> Upload: ...
    def open(self, key: str, start: int, end: int | None, version: str | None = None) -> Stream: ...
    def head(self, key: str) -> Found | None: ...
    def page(
        self, prefix: str, token: str | None, after: str = ""
    ) -> tuple[Sequence[Found], str | None]: ...
    def delete(self, keys: Sequence[str]) -> None: ...
    def check(self) -> None:
        """Ask once for what holds the objects; raises if it isn't there, or not for us."""
        ...
