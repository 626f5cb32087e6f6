"""A server's workspace, as a client of another machine works in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from aqueduct_core.client._remote_engine import RemoteEngine
from aqueduct_core.client._remote_http import Http
from aqueduct_core.client._remote_storage import RemoteStorage
from aqueduct_core.client._remote_tracking import RemoteTracking
from aqueduct_core.errors import ParameterError, UnsupportedError
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.client._connect import Connected
    from aqueduct_core.client._delete import Deletion
    from aqueduct_core.tracking import FlowRecord, RunRecord

__all__ = ["RemoteSession"]

_AT_THE_SERVER = ("read", "transaction", "drop")  # what needs the secrets, which stay there


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
    """

    is_remote = True

    def __init__(self, address: str, key: str) -> None:
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

    def connect(self, name: str, kind: str, config: Mapping[str, Any]) -> None:
        """Let the server connect to a data system."""
        _check_name(name)
        wanted = {"kind": kind, "config": dict(config)}
        self._http.put(f"/integrations/{quote(name, safe='')}", wanted)
        self.integrations.pop(name, None)

    def at_the_server(self, made: Any) -> None:
        """Let a data system be reached through the server alone."""
        where = f"/integrations/{quote(made.name, safe='')}"

        def refuse(*arguments: object, **options: object) -> NoReturn:
            raise UnsupportedError(
                f"{made.name!r} is reached by the server, not from here",
                hint="publish a workflow that reads it; run.artifact(name).get() gives the data",
            )

        for verb in _AT_THE_SERVER:
            setattr(made, verb, refuse)
        made.tables = lambda: self._http.get(f"{where}/tables")
        made.test = lambda: self._http.post(f"{where}/test")

    def delete_flow(self, flow: FlowRecord, saved: Any) -> Deletion:
        """Delete a workflow; see `Client.delete_flow`."""
        from aqueduct_core.client._delete import Deletion

        chosen = self.tracking.saved_objects(flow.id) if saved == "all" else saved
        query = [f"{place}:{table}" for place, table in chosen]
        told = self._http.delete(f"/flows/{quote(flow.id)}", saved=query)
        return Deletion(
            told["flow"],
            told["runs"],
            tuple((place, table) for place, table in told["dropped"]),
            tuple((what, why) for what, why in told["left"]),
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
    if not name or "/" in name:
        raise ParameterError(
            f"{name!r} can't be the name of an integration", hint="use a name without slashes"
        )
