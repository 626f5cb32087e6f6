"""Hamilton's data savers and loaders over an artifact store.

    register()
    to.aqueduct(id="saved", dependencies=["scores"], url="s3://bucket/prefix", key="scores")
    @load_from.aqueduct(url=value("s3://bucket/prefix"), key=value("customers"))

What is saved is a typed artifact; what is loaded comes as the class that its consumer is annotated with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.adapters._common import needs, store_of, table_class
from aqueduct_core.manifest import Manifest

with needs("hamilton", "hamilton"):
    from hamilton.io.data_adapters import DataLoader, DataSaver
    from hamilton.registry import LOADER_REGISTRY, SAVER_REGISTRY, register_adapter

__all__ = ["AqueductLoader", "AqueductSaver", "register"]


def register() -> None:
    """Make `to.aqueduct`, `from_.aqueduct`, `save_to.aqueduct` and `load_from.aqueduct` known."""
    for adapter, known in ((AqueductLoader, LOADER_REGISTRY), (AqueductSaver, SAVER_REGISTRY)):
        if adapter not in known[adapter.name()]:
            register_adapter(adapter)


@dataclass
class _Place:
    url: str
    key: str
    policy: str | None = None
    allow_pickle: bool = False
    storage_options: Mapping[str, Any] | None = None

    @classmethod
    def name(cls) -> str:
        return "aqueduct"

    @classmethod
    def applicable_types(cls) -> Collection[Any]:
        return [Any]


@dataclass
class AqueductSaver(_Place, DataSaver):  # type: ignore[misc]  # Hamilton isn't there when types are checked
    """Stores what a node computed as a typed artifact."""

    def save_data(self, data: Any) -> dict[str, Any]:
        store = store_of(self)
        return _metadata(store.manifest(store.put(data, self.key)))


@dataclass
class AqueductLoader(_Place, DataLoader):  # type: ignore[misc]  # Hamilton isn't there when types are checked
    """Loads an artifact as the class that the consumer is annotated with."""

    columns: Sequence[str] | None = None

    def load_data(self, type_: Any) -> tuple[Any, dict[str, Any]]:
        store = store_of(self)
        value = store.get(self.key, as_=table_class(type_), columns=self.columns)
        return value, _metadata(store.manifest(self.key))


def _metadata(manifest: Manifest) -> dict[str, Any]:
    known = {name: manifest.description.get(name) for name in ("rows", "schema", "shape")}
    found = {name: value for name, value in known.items() if value is not None}
    return {**manifest.ref.serialize(), **found}
