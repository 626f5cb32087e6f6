"""What every route of the server works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request

from aqueduct_core.client import Client, Session
from aqueduct_core.server._auth import Auth
from aqueduct_core.server._live import Live
from aqueduct_core.server._metrics import Metrics
from aqueduct_core.server._settings import Settings
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.tracking import Tracking

__all__ = ["Services", "services_of"]


@dataclass(frozen=True, slots=True)
class Services:
    """What every route works with; at `request.app.state.services`.

    Attributes:
        client: The embedded client that the server is the face of.
        settings: How the server is set up.
        store: The artifacts, for looking at them. It trusts nothing: no pickle loads through it.
        auth: Who may do what.
        live: What happens, as it happens.
        metrics: What the server counts of itself.
    """

    client: Client
    settings: Settings
    store: ArtifactStore
    auth: Auth
    live: Live
    metrics: Metrics

    @classmethod
    def of(cls, client: Client, settings: Settings) -> Services:
        """What the routes of a client's server work with."""
        session = client._session
        return cls(
            client=client,
            settings=settings,
            store=ArtifactStore(session.store.storage, describe=False),
            auth=Auth(session, settings),
            live=Live(session),
            metrics=Metrics(),
        )

    @property
    def session(self) -> Session:
        """What is beneath the client."""
        return self.client._session

    @property
    def tracking(self) -> Tracking:
        """The tracking database."""
        return self.client._session.tracking


def services_of(request: Request) -> Services:
    """The services of the app that a request came to."""
    found: Any = request.app.state.services
    services: Services = found
    return services
