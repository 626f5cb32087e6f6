"""Integrations and API keys."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy import update as change

from aqueduct_core.errors import NotFoundError, ParameterError
from aqueduct_core.tracking._base import Base, now, records
from aqueduct_core.tracking._secrets import Vault, api_key_id, new_api_key
from aqueduct_core.tracking._tables import api_keys, counters, integrations
from aqueduct_core.tracking._types import NAME, clean
from aqueduct_core.tracking._upsert import insert_missing
from aqueduct_core.tracking._values import ApiKey, IntegrationRecord

__all__ = ["Integrations"]

_KEY = [column for column in api_keys.c if column.name != "hash"]
_SESSION = "ended session "  # beside the counter of events: when it may be forgotten
_USED = timedelta(minutes=1)  # how exactly the last use of a key is known


class Integrations(Base):
    """Integrations, whose secrets are encrypted, and API keys."""

    _vault: Vault

    def put_integration(
        self,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        secrets: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep an integration, in place of an earlier one of this name.

        Args:
            name: What the user calls it.
            kind: What it is.
            config: What may be shown, as JSON.
            secrets: What may not, as JSON.

        Raises:
            ParameterError: It can't have this name.
        """
        if not _is_line(name) or not 0 < len(name) <= NAME:
            raise ParameterError(
                f"{repr(name)[:80]} can't be the name of an integration",
                hint=f"use one line of 1 to {NAME} characters, without blanks around them",
            )
        moment = now()
        known = {
            "kind": kind,
            "config": dict(config),
            "secrets": self._vault.seal(name, secrets or {}),
            "updated": moment,
        }

        def put(connection: Connection) -> None:
            insert_missing(connection, integrations, known | {"name": name, "created": moment})
            mine = integrations.c.name == name
            connection.execute(change(integrations).where(mine).values(known))

        self._database.write(put)

    def integration(self, name: str) -> IntegrationRecord | None:
        """An integration with its secrets, if there is one of this name.

        Raises:
            TrackingError: The secrets were encrypted with another signing key.
        """
        query = select(integrations).where(integrations.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None or row.name != name:
            return None
        known = dict(row._mapping)
        return IntegrationRecord(**known | {"secrets": self._vault.open(name, row.secrets)})

    def integrations(self) -> list[IntegrationRecord]:
        """All integrations by name, without their secrets."""
        with self._database.read() as connection:
            rows = connection.execute(select(integrations).order_by(integrations.c.name)).all()
        return [IntegrationRecord(**dict(row._mapping) | {"secrets": {}}) for row in rows]

    def delete_integration(self, name: str) -> None:
        """Forget an integration.

        Raises:
            NotFoundError: There is none of this name.
        """
        query = delete(integrations).where(integrations.c.name == name)
        if not self._database.write(lambda connection: connection.execute(query).rowcount):
            raise NotFoundError(f"there is no integration {name!r}")

    def create_api_key(self, name: str, role: str) -> tuple[ApiKey, str]:
        """Make an API key.

        Args:
            name: Who or what it is for.
            role: What it may do.

        Returns:
            What is kept of it, and the key itself, which is shown only once.
        """
        ident, key = new_api_key()
        kept = ApiKey(
            id=ident,
            name=clean(name)[:NAME],
            role=role,
            created=now(),
            last_used=None,
            revoked=None,
        )
        query = insert(api_keys).values(**asdict(kept), hash=self._vault.hash(key))
        self._database.write(lambda connection: connection.execute(query))
        return kept, key

    def api_keys(self) -> list[ApiKey]:
        """All API keys, the newest first."""
        with self._database.read() as connection:
            query = select(*_KEY).order_by(api_keys.c.created.desc(), api_keys.c.id)
            return records(ApiKey, connection.execute(query))

    def api_key(self, ident: str, *, session: str | None = None) -> ApiKey | None:
        """An API key by its id, also a revoked one, if there is one.

        Args:
            ident: The key's id.
            session: Nothing is found if this session of it has been ended.
        """
        query = select(*_KEY).where(api_keys.c.id == ident)
        if session is not None:
            ended = select(counters.c.name).where(counters.c.name == _SESSION + session)
            query = query.where(~ended.exists())
        with self._database.read() as connection:
            return next(iter(records(ApiKey, connection.execute(query))), None)

    def end_session(self, session: str, until: datetime) -> None:
        """Let a session be of no use from now on.

        Args:
            session: Its name.
            until: When it ends by itself: so long this is remembered.
        """
        known = {"name": _SESSION + session, "value": ceil(until.timestamp())}
        over = (counters.c.name.startswith(_SESSION), counters.c.value < int(now().timestamp()))

        def end(connection: Connection) -> None:
            connection.execute(delete(counters).where(*over))
            insert_missing(connection, counters, known)

        self._database.write(end)

    def verify_api_key(self, key: str) -> ApiKey | None:
        """Whose API key this is; None if it is no key, or a revoked one."""
        ident = api_key_id(key)
        if ident is None:
            return None
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == ident)).first()
        # As long for an unknown key as for one that is nearly right.
        kept = row.hash if row is not None else self._vault.hash("")
        if not hmac.compare_digest(self._vault.hash(key), kept) or row is None:
            return None
        if row.revoked is not None:
            return None
        moment = now()
        if row.last_used is None or row.last_used < moment - _USED:
            query = change(api_keys).where(api_keys.c.id == ident).values(last_used=moment)
            self._database.write(lambda connection: connection.execute(query))
        known = {name: value for name, value in row._mapping.items() if name != "hash"}
        return ApiKey(**known)

    def revoke_api_key(self, ident: str) -> None:
        """Let an API key be of no use from now on.

        Raises:
            NotFoundError: There is no key with this id.
        """
        moment = now()
        mine = (api_keys.c.id == ident, api_keys.c.revoked.is_(None))
        query = change(api_keys).where(*mine).values(revoked=moment)
        if self._database.write(lambda connection: connection.execute(query).rowcount):
            return
        if not any(item.id == ident for item in self.api_keys()):
            raise NotFoundError(
                f"there is no API key {ident!r}", hint="`aqueduct apikey` lists them"
            )


def _is_line(name: object) -> bool:
    return isinstance(name, str) and name.isprintable() and name == name.strip()
