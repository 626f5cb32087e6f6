"""Data systems: where workflows read from and save to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aqueduct_core.integrations._base import (
    Integration,
    Query,
    Reading,
    Save,
    Target,
    Transaction,
    Writing,
    close,
)
from aqueduct_core.integrations._kinds import kinds, open_integration

if TYPE_CHECKING:
    from aqueduct_core.integrations._sql import SqlDatabase, SqlIntegration
    from aqueduct_core.integrations.files import FileIntegration

__all__ = [
    "FileIntegration",
    "Integration",
    "Query",
    "Reading",
    "Save",
    "SqlDatabase",
    "SqlIntegration",
    "Target",
    "Transaction",
    "Writing",
    "close",
    "kinds",
    "open_integration",
]


def __getattr__(name: str) -> Any:
    if name in ("SqlDatabase", "SqlIntegration"):
        from aqueduct_core.integrations import _sql

        return getattr(_sql, name)
    if name == "FileIntegration":
        from aqueduct_core.integrations.files import FileIntegration

        return FileIntegration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
