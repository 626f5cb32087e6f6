"""Typed artifacts, workflows and their runs: what moves between the steps, kept exactly.

Everything is importable from here and loaded on first use, so that `import aqueduct_core` is quick.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aqueduct_core._version import __version__

if TYPE_CHECKING:
    from aqueduct_core.manifest import ArtifactRef, Manifest
    from aqueduct_core.registry import Registry, SerializerInfo, default_registry
    from aqueduct_core.store import ArtifactStore, Retention

    def serializers() -> list[SerializerInfo]:
        """What is installed: name, version, types, package, state."""
        ...


__all__ = [
    "ArtifactRef",
    "ArtifactStore",
    "Manifest",
    "Registry",
    "Retention",
    "SerializerInfo",
    "__version__",
    "default_registry",
    "serializers",
]

_HOMES = {
    "ArtifactRef": "manifest",
    "ArtifactStore": "store",
    "Manifest": "manifest",
    "Registry": "registry",
    "Retention": "store",
    "SerializerInfo": "registry",
    "default_registry": "registry",
}


class _CallableModule(ModuleType):
    """`serializers` is a room of this package and, called, the list of what is installed."""

    def __call__(self) -> list[SerializerInfo]:
        from aqueduct_core.registry import default_registry

        return default_registry().serializers()


import_module(f"{__name__}.serializers").__class__ = _CallableModule


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
