"""The user's front door: integrations, publishing, and looking at runs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._client import Client
from aqueduct_core.client._home import Home, default_home
from aqueduct_core.client._session import Session

if TYPE_CHECKING:
    from aqueduct_core.client._artifact import CheckResult, RunArtifact
    from aqueduct_core.client._connect import integration_users
    from aqueduct_core.client._delete import Deletion
    from aqueduct_core.client._flow import Flow
    from aqueduct_core.client._graph import GraphView
    from aqueduct_core.client._run import Run
    from aqueduct_core.client._start import recover, start_in_background

__all__ = [
    "CheckResult",
    "Client",
    "Deletion",
    "Flow",
    "GraphView",
    "Home",
    "Run",
    "RunArtifact",
    "Session",
    "default_home",
    "integration_users",
    "recover",
    "start_in_background",
]

_MODULES = {
    "CheckResult": "_artifact",
    "Deletion": "_delete",
    "Flow": "_flow",
    "GraphView": "_graph",
    "Run": "_run",
    "RunArtifact": "_artifact",
    "integration_users": "_connect",
    "recover": "_start",
    "start_in_background": "_start",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
