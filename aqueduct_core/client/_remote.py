"""A server's workspace, as a client of another machine works in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aqueduct_core.client._remote_data import (
    RemoteDatabase,
    RemoteFiles,
    RemoteIntegration,
    place_of,
)
from aqueduct_core.client._remote_engine import RemoteEngine
from aqueduct_core.client._remote_http import Http
from aqueduct_core.client._remote_storage import RemoteStorage
from aqueduct_core.client._remote_tracking import RemoteTracking
from aqueduct_core.errors import ParameterError
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.client._connect import Connected
    from aqueduct_core.client._delete import Deletion
    from aqueduct_core.dag import Version
    from aqueduct_core.tracking import FlowRecord, IntegrationRecord, RunRecord

__all__ = ["RemoteSession"]

_PATIENCE = 600.0  # seconds for what a server asks of other systems


class RemoteSession:
    """What a client, its workflows and its runs share, where the workspace is a server's.

    Args:
        address: The server's URL.
        key: An API key.

    Attributes:
        store: The artifacts. The server gives out what its workspace has signed, and only that is
            trusted.
        tracking: The records.
        engine: What runs workflows.
        integrations: The data systems that were asked for, by name.
        key: The API key.
    """

    is_remote = True

    def __init__(self, address: str, key: str) -> None:
        self.key = key
        self._http = Http(address, key)
        self.place = self._http.address
        self.store = ArtifactStore(RemoteStorage(self._http), allow_pickle=True)
        self.tracking = RemoteTracking(self._http)
        self.engine = RemoteEngine(self._http, self.tracking)
        self.clusters = _Clusters(self)
        self.integrations: dict[str, Connected] = {}

    @property
    def owner(self) -> str:
        """What tells this workspace from others, in words."""
        return f"the client of {self.place}"

    def keep(self, handle: object) -> None:
        """Nothing: the run goes on without this program."""

    def wait(self) -> None:
        """Nothing: runs go on without this program."""

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def connect(self, name: str, kind: str, config: Mapping[str, Any]) -> Any:
        """Let the server connect to a data system. It keeps the secrets, which never come back."""
        _check_name(name)
        plain = {
            key: os.fspath(value) if isinstance(value, os.PathLike) else value
            for key, value in config.items()
        }
        wanted = {"kind": kind, "config": plain}
        found = self._http.put(place_of(name), wanted, patience=_PATIENCE)
        self.integrations[name] = made = self._made(found)
        return made

    def open(self, record: IntegrationRecord) -> Any:
        """A data system that the server knows."""
        return self._made(self._http.get(place_of(record.name)))

    def disconnect(self, name: str, *, force: bool) -> None:
        """Let the server forget a data system."""
        self._http.delete(place_of(name), force=force)
        self.integrations.pop(name, None)

    def _made(self, found: Mapping[str, Any]) -> Any:
        kinds = {"tables": RemoteDatabase, "files": RemoteFiles, None: RemoteIntegration}
        made: Any = kinds[found["holds"]]
        integration = made(self._http, found["name"], found["kind"], found["config"])
        integration.owner = self.owner
        return integration

    def publish(
        self,
        version: Version,
        *,
        notify: Mapping[str, Any] | None,
        keep_runs: int | None,
        tags: Sequence[str],
    ) -> tuple[bool, list[str]]:
        """Make a version the current one of its workflow, and hand it to what runs it.

        Returns:
            Whether it is new, and what is to be said about it.
        """
        wanted = {
            "document": version.to_json(),
            "notify": None if notify is None else dict(notify),
            "keep_runs": keep_runs,
            "tags": list(tags),
        }
        told = self._http.post("/flows", wanted, is_safe=True, patience=_PATIENCE)
        return told["is_new"], told["notes"]

    def delete_flow(self, flow: FlowRecord, saved: Any) -> Deletion:
        """Delete a workflow; see `Client.delete_flow`."""
        from aqueduct_core.client._delete import Deletion

        chosen = self.tracking.saved_objects(flow.id) if saved == "all" else saved
        query = [f"{place}:{table}" for place, table in chosen]
        told = self._http.delete(f"/flows/{quote(flow.id)}", saved=query)
        return Deletion(
            told["flow"],
            told["runs"],
            tuple((item["integration"], item["target"]) for item in told["dropped"]),
            tuple((item["what"], item["why"]) for item in told["left"]),
            tuple(told["followers"]),
        )


class _Clusters:
    """The clusters of the server: it looks after them."""

    def __init__(self, session: RemoteSession) -> None:
        self._session = session

    def refresh(self, record: RunRecord) -> RunRecord:
        return self._session.tracking.run(record.id, flow=record.flow)

    def runs(self, name: str) -> _ClusterRuns:
        return _ClusterRuns(self._session)


class _ClusterRuns:
    """Runs on a cluster of the server."""

    def __init__(self, session: RemoteSession) -> None:
        self._session = session

    def trigger(self, *arguments: Any, **options: Any) -> Any:
        return self._session.engine.trigger(*arguments, **options)

    def cancel(self, record: RunRecord) -> None:
        self._session.engine.cancel(record.id, flow=record.flow)

    def retry(self, record: RunRecord, listener: Any = None) -> Any:
        return self._session.engine.retry(record.id, listener, flow=record.flow)

    def pause(self, record: FlowRecord) -> None:
        self._session.tracking.pause(record.id)

    def resume(self, record: FlowRecord) -> None:
        self._session.tracking.resume(record.id)


def _check_name(name: str) -> None:
    if not name:
        raise ParameterError(f"{name!r} can't be the name of an integration", hint="give it a name")
