"""Databases of servers that are told by fields: host, port, database, user and password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from aqueduct_core.integrations._settings import port_number
from aqueduct_core.integrations.alchemy._integration import AlchemyIntegration

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["ServerIntegration"]


class ServerIntegration(AlchemyIntegration):
    """A database of a server. A subclass has a constructor with the settings of its kind.

    Args:
        name: What the user calls it.
        driver: SQLAlchemy's dialect and driver.
        config: The settings. Those that are None are none.
        query: What else the URL tells.
    """

    secrets = frozenset({"password"})

    def __init__(self, name: str, driver: str, config: Mapping[str, JSON], **query: str) -> None:
        known: dict[str, Any] = {key: value for key, value in config.items() if value is not None}
        if "port" in known:
            known["port"] = port_number(name, known["port"])
        place: Any = {key: known.get(key) for key in ("password", "host", "port", "database")}
        url = sa.URL.create(driver, known.get("user"), **place)
        url = url.update_query_dict({key: value for key, value in query.items() if value})
        super().__init__(name, url=url.render_as_string(hide_password=False))
        self._config = known

    def config(self) -> Mapping[str, JSON]:
        return dict(self._config)
