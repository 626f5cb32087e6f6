"""Integrations and API keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aqueduct_core.client import integration_users
from aqueduct_core.errors import AqueductError, NotFoundError, ParameterError
from aqueduct_core.integrations import FileIntegration, kinds
from aqueduct_core.integrations._kinds import load_kind
from aqueduct_core.server._auth import revoke
from aqueduct_core.server._services import Services
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._route import Admin, Editor, Served, Viewer, new_router
from aqueduct_core.tracking import IntegrationRecord

__all__ = ["router"]

router = new_router("administration")
_PLACE = "/integrations/{name:path}"


@router.get("/me")
def me(user: Viewer) -> models.Me:
    """Whose key this is, and what it may do."""
    return models.Me.model_validate(user)


@router.get("/integrations")
def integrations(services: Served) -> list[models.Integration]:
    """All data systems and receivers of messages, without their secrets."""
    users = integration_users(services.session)
    return [_told(item, users) for item in services.tracking.integrations()]


@router.post(f"{_PLACE}/test", status_code=204)
def test(services: Served, user: Editor, name: str) -> None:
    """Connect to a data system once."""
    services.client.integration(name).test()


@router.get(_PLACE)
def integration(services: Served, name: str) -> models.Integration:
    """A data system, without its secrets."""
    return _found(services, name)


@router.put(_PLACE)
def connect(
    services: Served, user: Admin, name: str, wanted: models.Connection
) -> models.Integration:
    """Connect to a data system once, and keep how that is done."""
    try:
        services.client.connect_integration(name, wanted.kind, **wanted.config)
    except TypeError as error:
        raise ParameterError(str(error), hint=f"the kind {wanted.kind!r} takes others") from error
    return _found(services, name)


@router.delete(_PLACE, status_code=204)
def disconnect(services: Served, user: Admin, name: str, force: bool = False) -> None:
    """Forget a data system; its data stays where it is."""
    services.client.delete_integration(name, force=force)


@router.get("/keys")
def keys(services: Served, user: Admin) -> list[models.Key]:
    """All API keys, the newest first."""
    return [models.Key.model_validate(item) for item in services.tracking.api_keys()]


@router.post("/keys", status_code=201)
def new_key(services: Served, user: Admin, wanted: models.KeyRequest) -> models.NewKey:
    """Make an API key."""
    made, key = services.tracking.create_api_key(wanted.name, wanted.role)
    return models.NewKey(**models.Key.model_validate(made).model_dump(), key=key)


@router.delete("/keys/{key}", status_code=204)
def revoke_key(services: Served, user: Admin, key: str) -> None:
    """Let a key be of no use from now on, with all sessions that were started with it."""
    revoke(services.tracking, key)


def _found(services: Services, name: str) -> models.Integration:
    known = services.tracking.integrations()
    users = integration_users(services.session)
    for item in known:
        if item.name == name:
            return _told(item, users)
    listed = ", ".join(repr(item.name) for item in known) or "none"
    raise NotFoundError(f"there is no integration {name!r}", hint=f"there is: {listed}")


def _told(item: IntegrationRecord, users: Mapping[str, list[str]]) -> models.Integration:
    found = models.Integration.model_validate(item)
    found.used_by = users.get(item.name, [])
    found.holds = _holds(item.kind)
    return found


def _holds(kind: str) -> Literal["tables", "files"] | None:
    if kind not in kinds():
        return None
    try:
        made: type = load_kind(kind)
    except AqueductError:  # what it needs is missing, so nothing can be read
        return None
    return "files" if issubclass(made, FileIntegration) else "tables"
