"""joblib's Memory over an artifact store.

    register()
    memory = Memory("s3://bucket/cache", backend="aqueduct")

Results of functions become typed artifacts, which several machines can share.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, BinaryIO

from aqueduct_core.adapters._common import needs, open_store
from aqueduct_core.errors import AqueductError, ArtifactNotFoundError

with needs("joblib", "joblib"):
    from joblib import _store_backends as theirs
    from joblib import register_store_backend

__all__ = ["AqueductStoreBackend", "register"]

_OUTPUT, _METADATA, _CODE = "output", "metadata", "code"


def register(name: str = "aqueduct") -> None:
    """Make the backend known to joblib, once in each process."""
    register_store_backend(name, AqueductStoreBackend)


class AqueductStoreBackend(theirs.StoreBackendMixin, theirs.StoreBackendBase):  # type: ignore[misc]  # joblib has no types
    """Keeps results of functions as typed artifacts.

    `backend_options` are those of `open_store`: `policy`, `allow_pickle`, `storage_options`.
    """

    def configure(self, location: str, verbose: int = 1, backend_options: Any = None) -> None:
        options = dict(backend_options or {})
        if options.pop("compress", False):
            warnings.warn("compress is left to the store's policy", stacklevel=2)
        options.pop("mmap_mode", None)  # large parts are mapped anyway
        self.location, self.verbose, self._options = location, verbose, options
        self._store = open_store(location, **options)

    def __getstate__(self) -> dict[str, Any]:
        return {"location": self.location, "verbose": self.verbose, "options": self._options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.configure(state["location"], state["verbose"], state["options"])

    def load_item(
        self, call_id: Sequence[str], verbose: int = 1, timestamp: Any = None, metadata: Any = None
    ) -> Any:
        return self._store.get(_key(*call_id, _OUTPUT))

    def dump_item(self, call_id: Sequence[str], item: Any, verbose: int = 1) -> None:
        # As joblib has it, a result that can't be kept is said, returned and computed again.
        try:
            self._store.put(item, _key(*call_id, _OUTPUT), name=call_id[0])
        except AqueductError as error:
            warnings.warn(f"the result of {call_id[0]} is not cached: {error}", theirs.CacheWarning)  # noqa: B028 - how deep joblib calls it isn't known

    def contains_item(self, call_id: Sequence[str]) -> bool:
        return self._store.exists(_key(*call_id, _OUTPUT))

    def get_metadata(self, call_id: Sequence[str]) -> Any:
        try:
            return self._store.get(_key(*call_id, _METADATA))
        except ArtifactNotFoundError:
            return {}

    def store_metadata(self, call_id: Sequence[str], metadata: Any) -> None:
        self._store.put(metadata, _key(*call_id, _METADATA))

    def get_cached_func_code(self, call_id: Sequence[str]) -> Any:
        try:
            return self._store.get(_key(*call_id, _CODE))
        except ArtifactNotFoundError as error:
            raise FileNotFoundError(str(error)) from error  # what joblib takes for "not yet"

    def store_cached_func_code(self, call_id: Sequence[str], func_code: str | None = None) -> None:
        if func_code is not None:
            self._store.put(func_code, _key(*call_id, _CODE))

    def get_items(self) -> list[Any]:
        """All results; they count as used when they were made, since reading leaves no trace."""
        found = []
        for ref in self._store.list():
            if not ref.key.endswith(f"/{_OUTPUT}"):
                continue
            with suppress(ArtifactNotFoundError):  # another process has cleared it since
                made = datetime.fromisoformat(self._store.manifest(ref.key).created)
                place = f"{self.location}/{ref.key.removesuffix(f'/{_OUTPUT}')}"
                local = made.astimezone().replace(tzinfo=None)
                found.append(theirs.CacheItemInfo(place, ref.size, local))
        return found

    def enforce_store_limits(self, *limits: Any) -> None:
        super().enforce_store_limits(*limits)
        self._store.gc()

    def clear_location(self, location: str) -> None:
        above = self._key_at(location)
        for ref in [*self._store.list(f"{above}/" if above else "")]:
            self._store.delete(ref.key)

    def create_location(self, location: str) -> None:
        """Nothing to do: keys need no folders."""

    def _key_at(self, location: str) -> str:
        return location.removeprefix(self.location).strip("/")

    def _item_exists(self, location: str) -> bool:
        return any(True for _ in self._store.list(self._key_at(location) + "/"))

    def _open_item(self, f: str, mode: str) -> BinaryIO:
        return self._store.open(self._key_at(f))

    def _move_item(self, src: str, dst: str) -> None:
        self._store.copy(self._key_at(src), self._key_at(dst))
        self._store.delete(self._key_at(src))


def _key(*names: str) -> str:
    return "/".join(names)  # the first is the path of a function: package/module/name
