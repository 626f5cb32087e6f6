"""Where a way keeps the value: a place of its own for each round, gone afterwards."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

from aqueduct_core._environment import object_from
from aqueduct_core.bench._ways import Way
from aqueduct_core.storage import open_storage
from aqueduct_core.store import ArtifactStore

__all__ = ["Place", "place_for", "storage_options"]

_KEY = "value"


class Place(Protocol):
    """Takes one value and gives it back."""

    def save(self, value: Any) -> None: ...
    def load(self) -> Any: ...

    def stored(self) -> int:
        """Bytes, what belongs to it included."""
        ...

    def how(self) -> dict[str, Any]:
        """What was chosen."""
        ...


class _InStore:
    def __init__(self, way: Way, url: str) -> None:
        self.storage = open_storage(url, **storage_options(url))
        self._way = way
        # Pickles are allowed: nobody else writes here.
        self._store = ArtifactStore(self.storage, policy=way.policy, allow_pickle=True)  # type: ignore[arg-type]  # checked when the way was made

    def save(self, value: Any) -> None:
        self._store.put(value, _KEY, serializer=self._way.serializer, codec=self._way.codec)

    def load(self) -> Any:
        return self._store.get(_KEY)

    def stored(self) -> int:
        return sum(info.size for info in self.storage.list())

    def how(self) -> dict[str, Any]:
        manifest = self._store.manifest(_KEY)
        codecs = sorted({part.codec for part in manifest.parts if part.codec})
        return {
            "type": manifest.type,
            "serializer": manifest.content.serializer,
            "codec": ", ".join(codecs) or "none",
            "safe": manifest.safe,
        }


class _InFile:
    """What one would write without a library."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "value.pickle"

    def save(self, value: Any) -> None:
        with self._path.open("wb") as file:
            pickle.dump(value, file, 5)

    def load(self) -> Any:
        with self._path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - we have just written it

    def stored(self) -> int:
        return self._path.stat().st_size

    def how(self) -> dict[str, Any]:
        return {"type": "object", "serializer": "", "codec": "none", "safe": False}


@contextmanager
def place_for(way: Way) -> Iterator[Place]:
    """A fresh place for a way."""
    if way.is_baseline or not way.store:
        with tempfile.TemporaryDirectory(prefix="aqueduct-bench-") as folder:
            yield _InFile(Path(folder)) if way.is_baseline else _InStore(way, folder)
        return
    place = _InStore(way, f"{way.store.rstrip('/')}/aqueduct-bench-{token_hex(6)}")
    folder_of_it = place.storage.path("")
    try:
        yield place
    finally:
        place.storage.delete(*[info.key for info in place.storage.list()])
        if folder_of_it is not None:
            shutil.rmtree(folder_of_it, ignore_errors=True)


def storage_options(url: str) -> dict[str, Any]:
    """What a storage takes besides its URL: from the environment, since there are secrets in it."""
    is_remote = "://" in url and not url.startswith(("file:", "memory:"))
    return object_from("AQUEDUCT_STORAGE_OPTIONS") if is_remote else {}
