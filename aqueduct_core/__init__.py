"""Typed artifacts, workflows and their runs: what moves between the steps, kept exactly.

Everything is importable from here and loaded on first use, so that `import aqueduct_core` is quick.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aqueduct_core._version import __version__

if TYPE_CHECKING:
    from aqueduct_core.checks import check, metric
    from aqueduct_core.client import Client, Deletion, Flow, Run, RunArtifact
    from aqueduct_core.dag import (
        Artifact,
        BoolArtifact,
        GenericArtifact,
        NumericArtifact,
        TableArtifact,
        cron,
        daily,
        hourly,
        monthly,
        op,
        to_operator,
        weekly,
    )
    from aqueduct_core.manifest import Manifest
    from aqueduct_core.reference import ArtifactRef
    from aqueduct_core.registry import Registry, SerializerInfo, default_registry
    from aqueduct_core.store import ArtifactStore, Retention

    def serializers(*, check: bool = False) -> list[SerializerInfo]:
        """What is installed: name, version, types, package, state; with `check`, each is imported."""
        ...


__all__ = [
    "Artifact",
    "ArtifactRef",
    "ArtifactStore",
    "BoolArtifact",
    "Client",
    "Deletion",
    "Flow",
    "GenericArtifact",
    "Manifest",
    "NumericArtifact",
    "Registry",
    "Retention",
    "Run",
    "RunArtifact",
    "SerializerInfo",
    "TableArtifact",
    "__version__",
    "check",
    "cron",
    "daily",
    "default_registry",
    "hourly",
    "metric",
    "monthly",
    "op",
    "serializers",
    "to_operator",
    "weekly",
]

_HOMES = {
    "Artifact": "dag",
    "ArtifactRef": "reference",
    "ArtifactStore": "store",
    "BoolArtifact": "dag",
    "Client": "client",
    "Deletion": "client",
    "Flow": "client",
    "GenericArtifact": "dag",
    "Manifest": "manifest",
    "NumericArtifact": "dag",
    "Registry": "registry",
    "Retention": "store",
    "Run": "client",
    "RunArtifact": "client",
    "SerializerInfo": "registry",
    "TableArtifact": "dag",
    "check": "checks",
    "cron": "dag",
    "daily": "dag",
    "hourly": "dag",
    "metric": "checks",
    "monthly": "dag",
    "op": "dag",
    "to_operator": "dag",
    "weekly": "dag",
    "default_registry": "registry",
}


class _CallableModule(ModuleType):
    """`serializers` is a room of this package and, called, the list of what is installed."""

    def __call__(self, *, check: bool = False) -> list[SerializerInfo]:
        from aqueduct_core.registry import default_registry

        return default_registry().serializers(check=check)


import_module(f"{__name__}.serializers").__class__ = _CallableModule


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
