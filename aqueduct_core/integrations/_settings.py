"""Where settings of connections come from: fields, a URL, the environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from aqueduct_core.errors import IntegrationError

__all__ = ["check_fields", "fields_of_url", "from_environment", "port_number", "variable_of"]

_PREFIX = "AQUEDUCT_INTEGRATION_"
# What the scheme of a URL means, as far as it isn't the name of a kind itself.
_SCHEMES = {"postgresql": "postgres", "file": "filesystem", "gs": "gcs", "az": "azure"}


def variable_of(name: str) -> str:
    """The variable that holds how a data system is reached."""
    return _PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def from_environment(name: str, known: Collection[str]) -> dict[str, Any] | None:
    """How a data system is reached by the environment: `{"kind": ..., "config": {...}}`.

    The variable `AQUEDUCT_INTEGRATION_<NAME>` holds just that, in JSON, or a URL such as
    `postgresql://user:password@host/database`.

    Args:
        name: The name of the data system.
        known: The kinds that there are.

    Returns:
        None if there is no such variable.

    Raises:
        IntegrationError: It holds something else. The text is never shown, since there may be
            secrets in it.
    """
    variable = variable_of(name)
    told = os.environ.get(variable, "").strip()
    if not told:
        return None
    if not told.startswith("{"):
        scheme = told.partition("://")[0].lower()
        kind = _SCHEMES.get(scheme.partition("+")[0], scheme)
        return {"kind": kind if kind in known else "sqlalchemy", "config": {"url": told}}
    try:
        found = json.loads(told)
        kind, config = found["kind"], found.get("config", {})
    except (ValueError, KeyError, AttributeError):
        raise IntegrationError(
            f"{variable} holds neither a URL nor an object in JSON that says the kind",
            hint='such as {"kind": "postgres", "config": {"host": ...}}',
        ) from None
    return {"kind": kind, "config": config}


def fields_of_url(name: str, url: str, known: Collection[str]) -> dict[str, Any]:
    """The settings that a URL tells, by the names that a kind has for them.

    Args:
        name: What the data system is called.
        url: `scheme://user:password@host:port/database?setting=value`, or `scheme:///path` for
            files.
        known: The settings of the kind.

    Raises:
        IntegrationError: It is no URL. Its text is never shown, since there may be a password in it.
    """
    try:
        parts = urlsplit(url)
        host, port, scheme = parts.hostname, parts.port, parts.scheme
    except ValueError:
        scheme = ""
    if not scheme or "://" not in url:
        raise IntegrationError(
            f"{name}: the url is none, or its port is no number",
            hint="scheme://user:password@host:port/database; characters such as @ and / in a "
            "password are written as %40 and %2F",
        ) from None
    path = unquote(parts.path[1:])
    if "path" in known:
        if host not in (None, "localhost"):
            raise IntegrationError(
                f"{name}: the url has a host, and a file of this machine has none",
                hint=f"{scheme}:///data/warehouse, with three slashes, or path=...",
            )
        told: dict[str, Any] = {"path": unquote(parts.path) if scheme == "file" else path}
    else:
        user, password = (text and unquote(text) for text in (parts.username, parts.password))
        told = {"host": host, "port": port, "database": path, "user": user, "password": password}
    told |= dict(parse_qsl(parts.query, keep_blank_values=True))
    return {key: value for key, value in told.items() if value not in (None, "")}


def port_number(name: str, port: Any) -> int:
    """A port as a number, which may have come as a text.

    Raises:
        IntegrationError: It is none.
    """
    try:
        return int(port)
    except (TypeError, ValueError):
        raise IntegrationError(
            f"{name}: port is no number: {port!r}", hint="leave it out for the usual one"
        ) from None


def check_fields(cls: type[Any], config: Mapping[str, Any], what: str) -> None:
    """See that a configuration has the fields of a class, apart from its `name`.

    Args:
        cls: A dataclass.
        config: What it is to be made of.
        what: What that would be, in words.

    Raises:
        IntegrationError: A field is missing, or there is none of this name.
    """
    known = {item.name: item for item in fields(cls) if item.name != "name"}
    required = {
        name
        for name, item in known.items()
        if item.default is MISSING and item.default_factory is MISSING
    }
    wrong = [f"{name} is unknown" for name in sorted(set(config) - set(known))]
    wrong += [f"{name} is missing" for name in sorted(required - set(config))]
    if wrong:
        raise IntegrationError(
            f"{what}: {', '.join(wrong)}",
            hint=f"it takes {', '.join(known)}",
        )
