"""Data systems, clusters and receivers of messages under names; their secrets are encrypted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard
from urllib.parse import urlsplit

from aqueduct_core._offers import offer
from aqueduct_core.errors import (
    AqueductError,
    IntegrationError,
    NotFoundError,
    UnsupportedError,
)
from aqueduct_core.integrations import close, kinds, open_integration
from aqueduct_core.integrations._settings import from_environment, variable_of

if TYPE_CHECKING:
    from aqueduct_core.client._remote import RemoteSession
    from aqueduct_core.client._session import Session
    from aqueduct_core.dag import FlowSpec
    from aqueduct_core.engines.airflow import AirflowCluster
    from aqueduct_core.integrations import FileIntegration, SqlIntegration
    from aqueduct_core.notifications import Notification

__all__ = [
    "Connected",
    "Unopened",
    "connect",
    "connected",
    "disconnect",
    "every",
    "integration_users",
    "is_data_system",
    "is_database",
    "is_secret",
    "notifications",
]

Connected: TypeAlias = "SqlIntegration | FileIntegration | Notification | AirflowCluster"

_SECRET = re.compile(
    r"pass(word|wd|phrase)?$|^pwd$|secret|token|credential|api_?key|access_?key|private",
    re.IGNORECASE,
)

_PASSWORD = re.compile(r"://[^/@\s:]*:\S*@")  # with letters that it shouldn't have, too

# What the version of a digest uses: versions never change, and reading one takes milliseconds.
_SYSTEMS: dict[str, frozenset[str]] = {}
_MOST_SYSTEMS = 10_000


def is_secret(name: str, value: Any) -> bool:
    """Whether a setting must not be shown: by its name, or since it is a URL with a password."""
    if _SECRET.search(name):
        return True
    if not isinstance(value, str) or "://" not in value:
        return False
    try:
        return urlsplit(value).password is not None or _PASSWORD.search(value) is not None
    except ValueError:  # no URL; it may still hold anything
        return True


def connect(session: Session, name: str, kind: str, config: Mapping[str, Any]) -> Connected:
    """Connect to a data system or a receiver of messages once, and keep how that is done."""
    if session.is_remote:
        there: Connected = _remote(session).connect(name, kind, config)
        return there
    made = _open(session, name, kind, config)
    if kind == "airflow":
        from aqueduct_core.engines.airflow import check_store

        check_store(session.store)
    made.test()
    kept = _config(made)
    hidden = {key for key in kept if key in _secrets(made) or is_secret(key, kept[key])}
    session.tracking.put_integration(
        name,
        kind,
        {key: value for key, value in kept.items() if key not in hidden},
        {key: kept[key] for key in hidden},
    )
    session.integrations[name] = made
    return made


def connected(session: Session, name: str) -> Connected:
    """What was connected under a name before.

    Raises:
        NotFoundError: There is none of this name.
    """
    if name not in session.integrations:
        found = session.tracking.integration(name)
        told = from_environment(name, kinds()) if found is None and not session.is_remote else None
        if told is not None:
            session.integrations[name] = _open(session, name, told["kind"], told["config"])
        elif found is None:
            raise _unknown(name, [item.name for item in session.tracking.integrations()])
        elif session.is_remote:
            session.integrations[name] = _remote(session).open(found)
        else:
            config = {**found.config, **found.secrets}
            session.integrations[name] = _open(session, name, found.kind, config)
    return session.integrations[name]


@dataclass(frozen=True, slots=True)
class Unopened:
    """What was connected, and can't be opened here.

    Attributes:
        name: Its name.
        kind: What it is.
        error: Why; `integration(name)` raises it.
    """

    name: str
    kind: str
    error: AqueductError

    def __repr__(self) -> str:
        return f"<{self.kind} integration {self.name!r} that can't be opened: {self.error.message}>"


def every(session: Session) -> dict[str, Connected | Unopened]:
    """Whatever was connected, by name."""
    found: dict[str, Connected | Unopened] = {}
    for item in session.tracking.integrations():
        try:
            found[item.name] = connected(session, item.name)
        except AqueductError as error:
            found[item.name] = Unopened(item.name, item.kind, error)
    return found


def notifications(session: Session) -> list[Notification]:
    """Everybody who can be told about runs."""
    others = [item for item in session.tracking.integrations() if item.kind not in kinds()]
    if not others:
        return []  # the usual case, which shouldn't have to know about mail servers
    from aqueduct_core.notifications import KINDS

    found: list[Any] = [connected(session, item.name) for item in others if item.kind in KINDS]
    return found


def disconnect(session: Session, name: str, *, force: bool) -> None:
    """Forget a data system; its data stays where it is.

    Raises:
        NotFoundError: There is none of this name.
        IntegrationError: Workflows use it.
    """
    if session.is_remote:
        _remote(session).disconnect(name, force=force)
        return
    known = [item.name for item in session.tracking.integrations()]
    if name not in known:  # it isn't opened for that: what can't be opened must be forgettable
        raise _unknown(name, known)
    flows = integration_users(session).get(name, [])
    if flows and not force:
        listed = ", ".join(map(repr, flows))
        raise IntegrationError(
            f"{name!r} is used by workflows that could not run any more: {listed}",
            hint="publish them without it or delete them first; force=True, or --force, deletes it anyway",
        )
    session.tracking.delete_integration(name)
    close(session.integrations.pop(name, None))


def integration_users(session: Session) -> dict[str, list[str]]:
    """Which workflows use which data system in their current version, by name."""
    from aqueduct_core.client._flow import all_flows

    found: dict[str, list[str]] = {}
    for flow in all_flows(session):
        systems = _SYSTEMS.get(flow.digest)
        if systems is None:
            systems = _systems(session.tracking.version(flow.id, flow.digest).spec)
            if len(_SYSTEMS) >= _MOST_SYSTEMS:
                _SYSTEMS.clear()
            _SYSTEMS[flow.digest] = systems
        for name in systems:
            found.setdefault(name, []).append(flow.name)
    return found


def _systems(spec: FlowSpec) -> frozenset[str]:
    known = {str(item.task["integration"]) for item in spec.of_kind("query", "save")}
    return frozenset(known | {spec.engine} - {"local"})


def _unknown(name: str, known: Sequence[str]) -> NotFoundError:
    listed = f"{offer(name, known)}; " if known else ""
    return NotFoundError(
        f"there is no integration {name!r}",
        hint=f"{listed}connect_integration adds one, and so does the variable {variable_of(name)}",
    )


def is_data_system(connected: Connected) -> TypeGuard[SqlIntegration | FileIntegration]:
    """Whether it is a data system, not a cluster or a receiver of messages."""
    return connected.kind in kinds()


def is_database(connected: Connected) -> TypeGuard[SqlIntegration]:
    """Whether it is a data system that has tables."""
    return is_data_system(connected) and hasattr(connected, "tables")


def _open(session: Session, name: str, kind: str, config: Mapping[str, Any]) -> Connected:
    if kind == "airflow":
        from aqueduct_core.engines.airflow import open_cluster

        return open_cluster(name, config)
    if kind not in kinds():
        from aqueduct_core.notifications import KINDS, open_notification

        if kind in KINDS:
            return open_notification(name, kind, config)
        raise UnsupportedError(
            f"there is no integration of kind {kind!r}",
            hint=f"data systems: {', '.join(kinds())}; clusters: airflow; messages: "
            f"{', '.join(KINDS)}",
        )
    made: Any = open_integration(name, kind, config)
    made.owner = session.owner
    integration: SqlIntegration | FileIntegration = made
    return integration


def _remote(session: Any) -> RemoteSession:
    remote: RemoteSession = session
    return remote


def _config(made: Any) -> dict[str, Any]:
    """What is needed to make it again."""
    if is_data_system(made) or made.kind == "airflow":
        return dict(made.config())
    return {field.name: getattr(made, field.name) for field in fields(made) if field.name != "name"}


def _secrets(made: Any) -> frozenset[str]:
    secrets: frozenset[str] = getattr(made, "secrets", frozenset())
    return secrets
