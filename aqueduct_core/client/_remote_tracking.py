"""The records of a server's workspace, as a client of another machine asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

from aqueduct_core.client._remote_http import Http
from aqueduct_core.dag import Version, flow_id
from aqueduct_core.errors import NotFoundError
from aqueduct_core.runtime import Result
from aqueduct_core.tracking import (
    FlowRecord,
    IntegrationRecord,
    Page,
    RunRecord,
    VersionDetail,
    VersionRecord,
)

__all__ = ["RemoteTracking"]

T = TypeVar("T")


class RemoteTracking:
    """What `Tracking` answers, asked of a server. The methods are those of the same names there.

    Args:
        http: The connection to the server.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def flow(self, flow: str) -> FlowRecord:
        """A workflow by its id."""
        return _record(FlowRecord, self._http.get(f"/flows/{quote(flow)}"))

    def flow_named(self, name: str) -> FlowRecord | None:
        """A workflow by its name, if there is one."""
        try:
            return self.flow(flow_id(name))
        except NotFoundError:
            return None

    def flows(
        self, *, tags: Sequence[str] = (), cursor: str | None = None, limit: int = 50
    ) -> Page[FlowRecord]:
        """Workflows, by name."""
        page = self._http.get("/flows", tag=list(tags), cursor=cursor, limit=limit)
        return Page(tuple(_record(FlowRecord, item) for item in page["items"]), page["cursor"])

    def versions(self, flow: str) -> list[VersionRecord]:
        """The versions of a workflow, the newest first."""
        found = self._http.get(f"/flows/{quote(flow)}/versions")
        return [_record(VersionRecord, item) for item in found]

    def version(self, flow: str, digest: str) -> VersionDetail:
        """A version with its content."""
        found = self._http.get(f"/flows/{quote(flow)}/versions/{quote(digest)}")
        known = _record(VersionRecord, found)
        plain = {field.name: getattr(known, field.name) for field in fields(VersionRecord)}
        return VersionDetail(**plain, version=Version.from_json(found["document"]))

    def pause(self, flow: str) -> None:
        """Let no schedule and no other workflow start it."""
        self._http.post(f"/flows/{quote(flow)}/pause", is_safe=True)

    def resume(self, flow: str) -> None:
        """Let schedules and other workflows start it again."""
        self._http.post(f"/flows/{quote(flow)}/resume", is_safe=True)

    def saved_objects(self, flow: str) -> list[tuple[str, str]]:
        """Integration and name of each table or object that a workflow has written to."""
        found = self._http.get(f"/flows/{quote(flow)}/saved")
        return [(item["integration"], item["target"]) for item in found]

    def run(self, run: str, *, flow: str | None = None) -> RunRecord:
        """A run by its key."""
        path = f"/runs/{quote(run)}" if flow is None else f"/flows/{quote(flow)}/runs/{quote(run)}"
        return _run(self._http.get(path))

    def runs(
        self,
        flow: str | None = None,
        *,
        states: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[RunRecord]:
        """Runs, the newest first."""
        path = "/runs" if flow is None else f"/flows/{quote(flow)}/runs"
        wanted = None if states is None else list(states)
        page = self._http.get(path, state=wanted, cursor=cursor, limit=limit)
        return Page(tuple(_run(item) for item in page["items"]), page["cursor"])

    def latest_run(self, flow: str, *, states: Sequence[str] | None = None) -> RunRecord | None:
        """The newest run of a workflow, if there is one."""
        return next(iter(self.runs(flow, states=states, limit=1)), None)

    def results(self, run: str, *, flow: str | None = None) -> list[Result]:
        """The results of a run's operators that are known, in the order of the graph."""
        flow = flow or self.run(run).flow
        found = self._http.get(f"/flows/{quote(flow)}/runs/{quote(run)}/operators")
        return [Result.from_json(item) for item in found]

    def integration(self, name: str) -> IntegrationRecord | None:
        """A data system without its secrets, which stay at the server."""
        try:
            found = self._http.get(f"/integrations/{quote(name, safe='')}")
        except NotFoundError:
            return None
        return _record(IntegrationRecord, {**found, "secrets": {}})

    def integrations(self) -> list[IntegrationRecord]:
        """All data systems by name, without their secrets."""
        found = self._http.get("/integrations")
        return [_record(IntegrationRecord, {**item, "secrets": {}}) for item in found]


def _run(found: Mapping[str, Any]) -> RunRecord:
    record = _record(RunRecord, found)
    if record.state != "running":
        return record
    # The server knows whether it is still going on; this machine can't look at its processes.
    return replace(record, owner="server", heartbeat=datetime.now(UTC))


def _record(kind: type[T], found: Mapping[str, Any]) -> T:
    """A record out of JSON; fields that a newer server adds are ignored."""
    known = {}
    anything: Any = kind
    for name, is_time in _fields(anything).items():
        value = found[name]
        known[name] = datetime.fromisoformat(value) if is_time and value is not None else value
    return kind(**known)


@cache
def _fields(kind: Any) -> dict[str, bool]:
    """The names of a record's fields, and whether they are times."""
    return {field.name: "datetime" in str(field.type) for field in fields(kind)}
