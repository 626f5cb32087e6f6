"""Data systems: where workflows read from and save to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import IntegrationError, MissingExtraError, UnsupportedError
from aqueduct_core.integrations._base import Integration, Query, Save, Target, Transaction

if TYPE_CHECKING:
    from aqueduct_core.integrations._sql import SqlIntegration

__all__ = [
    "Integration",
    "Query",
    "Save",
    "SqlIntegration",
    "Target",
    "Transaction",
    "kinds",
    "open_integration",
]

_KINDS = ("sqlite",)


def kinds() -> tuple[str, ...]:
    """The kinds of integrations that this release has."""
    return _KINDS


def open_integration(name: str, kind: str, config: Mapping[str, Any]) -> Integration:
    """Make an integration from its configuration, without connecting.

    Args:
        name: What it is called.
        kind: One of `kinds()`.
        config: What this kind takes: `path` for `sqlite`.

    Raises:
        UnsupportedError: This release has no such kind.
        IntegrationError: The configuration doesn't fit.
        MissingExtraError: A library is missing.
    """
    if kind not in _KINDS:
        raise UnsupportedError(
            f"there is no integration of kind {kind!r} in this release",
            hint=f"what there is: {', '.join(_KINDS)}",
        )
    try:
        from aqueduct_core.integrations._sqlite import SqliteIntegration
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "sqlalchemy", "sql", "A SQL database") from error
    try:
        return SqliteIntegration(name, **config)
    except TypeError as error:
        given = ", ".join(config) or "nothing"
        raise IntegrationError(
            f"an integration of kind {kind!r} can't be made from {given}: {error}",
            hint='connect_integration(name, "sqlite", path="warehouse.db")',
        ) from error


def __getattr__(name: str) -> Any:
    if name == "SqlIntegration":
        from aqueduct_core.integrations._sql import SqlIntegration

        return SqlIntegration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
