"""Integrations and API keys."""

from __future__ import annotations

from typing import Any

from aqueduct_core.client import integration_users
from aqueduct_core.client._connect import is_database
from aqueduct_core.errors import ParameterError, UnsupportedError
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._route import Admin, Editor, Served, Viewer, new_router

__all__ = ["router"]

router = new_router("administration")


@router.get("/me")
def me(user: Viewer) -> models.Me:
    """Whose key this is, and what it may do."""
    return models.Me.model_validate(user)


@router.get("/integrations")
def integrations(services: Served) -> list[models.Integration]:
    """All data systems and receivers of messages, without their secrets."""
    users = integration_users(services.session)
    found = []
    for item in services.tracking.integrations():
        known = models.Integration.model_validate(item)
        known.used_by = users.get(item.name, [])
        found.append(known)
    return found


@router.put("/integrations/{name}")
def connect(
    services: Served, user: Admin, name: str, wanted: models.Connection
) -> models.Integration:
    """Connect to a data system once, and keep how that is done."""
    try:
        services.client.connect_integration(name, wanted.kind, **wanted.config)
    except TypeError as error:
        raise ParameterError(str(error), hint=f"the kind {wanted.kind!r} takes others") from error
    return next(item for item in integrations(services) if item.name == name)


@router.post("/integrations/{name}/test", status_code=204)
def test(services: Served, user: Editor, name: str) -> None:
    """Connect to a data system once."""
    services.client.integration(name).test()


@router.get("/integrations/{name}/tables")
def tables(services: Served, user: Editor, name: str) -> list[str]:
    """The tables in a data system."""
    found: Any = services.client.integration(name)
    if not is_database(found):
        raise UnsupportedError(f"{name!r} has no tables: it is a {found.kind}")
    return list(found.tables())


@router.delete("/integrations/{name}", status_code=204)
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
def revoke(services: Served, user: Admin, key: str) -> None:
    """Let a key be of no use from now on, with all sessions that were started with it."""
    admins = [
        item.id
        for item in services.tracking.api_keys()
        if item.role == "admin" and item.revoked is None
    ]
    if admins == [key]:
        raise ParameterError(
            "this is the last key of an admin", hint="make another one before it is revoked"
        )
    services.tracking.revoke_api_key(key)
