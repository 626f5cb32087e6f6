"""Data systems: where workflows read from and save to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aqueduct_core.integrations._base import Integration, Query, Save, Target, Transaction
from aqueduct_core.integrations._kinds import kinds, open_integration

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


def __getattr__(name: str) -> Any:
    if name == "SqlIntegration":
        from aqueduct_core.integrations._sql import SqlIntegration

        return SqlIntegration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
