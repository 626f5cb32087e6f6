"""What several pages look up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fastapi import Request

from aqueduct_core.client._run import is_lost
from aqueduct_core.dag import FlowSpec
from aqueduct_core.server._services import Services
from aqueduct_core.server.draw import Places, places_of
from aqueduct_core.tracking import RunRecord, Tracking, VersionDetail

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result

__all__ = [
    "Recent",
    "flow_path",
    "integration_path",
    "is_piece",
    "part",
    "places_in",
    "run_path",
    "state_of",
    "state_of_run",
    "version_of",
]

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """What was made last, by key: for what never changes and takes a while to make. Thread-safe.

    Args:
        kept: How many.
    """

    def __init__(self, kept: int = 64) -> None:
        self._kept = kept
        self._items: OrderedDict[Hashable, _T] = OrderedDict()
        self._lock = Lock()

    def known(self, key: Hashable) -> _T | None:
        """What is there under a key, if anything is."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What is there under a key, or is made now."""
        with self._lock:
            if key in self._items:  # None may have been made, too
                self._items.move_to_end(key)
                return self._items[key]
        made = make()
        with self._lock:
            self._items[key] = made
            while len(self._items) > self._kept:
                self._items.popitem(last=False)
        return made


_versions: WeakKeyDictionary[Tracking, Recent[VersionDetail]] = WeakKeyDictionary()
_places: Recent[Places | None] = Recent()


def version_of(services: Services, flow: str, digest: str) -> VersionDetail:
    """A version with its content."""
    tracking = services.tracking
    known = _versions.setdefault(tracking, Recent())
    return known.get((flow, digest), lambda: tracking.version(flow, digest))


def places_in(spec: FlowSpec, opened: Collection[str] = ()) -> Places | None:
    """Where the graph of a version stands, and what stands apart in it; see `places_of`."""
    chosen = frozenset(opened)
    return _places.get((spec.digest, chosen), lambda: places_of(spec, chosen))


def state_of(result: Result | None) -> str:
    """The state of an operator as pages show it: what was taken from the cache is `cached`."""
    if result is None:
        return "pending"
    return "cached" if result.cached is not None and result.state == "succeeded" else result.state


def state_of_run(run: RunRecord) -> str:
    """The state of a run; one whose process is gone has failed, though nobody has said so."""
    return "failed" if is_lost(run) else run.state


@lru_cache(4096)  # a page can name a workflow a thousand times
def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")


def flow_path(flow: str, *parts: str) -> str:
    """The path of a workflow's page, or of one beneath it."""
    return "/".join(["/flows", part(flow), *map(part, parts)])


def integration_path(name: str) -> str:
    """The path of an integration's page."""
    return f"/integrations/{part(name)}"


def is_piece(request: Request) -> bool:
    """Whether a script asks, which puts the answer into a page."""
    return request.headers.get("x-part") == "yes"


def run_path(flow: str, run: str, *parts: str) -> str:
    """The path of a run's page, or of one beneath it: `operators`, name."""
    return flow_path(flow, "runs", run, *parts)
