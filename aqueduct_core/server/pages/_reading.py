"""What several pages look up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote
from weakref import WeakKeyDictionary

from aqueduct_core.client._run import is_lost
from aqueduct_core.server._services import Services

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result
    from aqueduct_core.tracking import RunRecord, Tracking, VersionDetail

__all__ = ["flow_path", "part", "run_path", "state_of", "state_of_run", "version_of"]

_KEPT = 64
_versions: WeakKeyDictionary[Tracking, OrderedDict[str, VersionDetail]] = WeakKeyDictionary()
_lock = Lock()


def version_of(services: Services, flow: str, digest: str) -> VersionDetail:
    """A version with its content. It never changes, so those that were read last are kept."""
    with _lock:
        known = _versions.setdefault(services.tracking, OrderedDict())
        if found := known.get(digest):
            known.move_to_end(digest)
            return found
    found = services.tracking.version(flow, digest)
    with _lock:
        known[digest] = found
        while len(known) > _KEPT:
            known.popitem(last=False)
    return found


def state_of(result: Result | None) -> str:
    """The state of an operator as pages show it: what was taken from the cache is `cached`."""
    if result is None:
        return "pending"
    return "cached" if result.cached is not None and result.state == "succeeded" else result.state


def state_of_run(run: RunRecord) -> str:
    """The state of a run; one whose process is gone has failed, though nobody has said so."""
    return "failed" if is_lost(run) else run.state


def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")


def flow_path(flow: str, *parts: str) -> str:
    """The path of a workflow's page, or of one beneath it."""
    return "/".join(["/flows", part(flow), *map(part, parts)])


def run_path(flow: str, run: str, *parts: str) -> str:
    """The path of a run's page, or of one beneath it: `operators`, name."""
    return flow_path(flow, "runs", run, *parts)


def by_name(results: list[Result]) -> Mapping[str, Result]:
    """Results by the names of their operators."""
    return {item.name: item for item in results}
