"""A dataset for Kedro's catalog: any value, with versions and a preview.

    customers:
      type: aqueduct_core.adapters.kedro.AqueductDataset
      url: s3://bucket/prefix
      key: customers
      versioned: true

One class for every type: a node may change what it returns without a change of the catalog.
"""

# No `from __future__ import annotations`: Kedro-Viz looks at the classes that previews are annotated with.

import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, NewType

from aqueduct_core.adapters._common import needs, open_store
from aqueduct_core.errors import ArtifactNotFoundError
from aqueduct_core.store._keys import key_of, listing_prefix

with needs("kedro", "kedro"):
    from kedro.io.core import AbstractVersionedDataset, DatasetError, Version
    from kedro.utils import load_obj

__all__ = ["AqueductDataset"]

TablePreview = NewType("TablePreview", dict[str, Any])
ImagePreview = NewType("ImagePreview", str)  # PNG in base64
JSONPreview = NewType("JSONPreview", str)


class AqueductDataset(AbstractVersionedDataset):  # type: ignore[misc]  # Kedro isn't there when types are checked
    """Keeps values as typed artifacts.

    Args:
        url: Where the store is.
        key: Where the value is in it; its versions are below.
        version: Which version to load and save; Kedro gives it where `versioned: true`.
        load_args: `as_type`, the class to load a table as (`polars.DataFrame`), and `columns`.
        save_args: `serializer`, the name of the one to use.
        policy: What to optimise: `fast`, `balanced` or `small`.
        allow_pickle: Load pickles that nobody signed.
        credentials: What the storage takes; from `credentials.yml`.
        metadata: Anything; Kedro's plugins read it.
    """

    def __init__(
        self,
        *,
        url: str,
        key: str,
        version: Version | None = None,
        load_args: Mapping[str, Any] | None = None,
        save_args: Mapping[str, Any] | None = None,
        policy: str | None = None,
        allow_pickle: bool = False,
        credentials: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._store = open_store(
            url, policy=policy, allow_pickle=allow_pickle, storage_options=credentials
        )
        super().__init__(PurePosixPath(key), version, self._store.exists, self._find)
        self._load_args, self._save_args = dict(load_args or {}), dict(save_args or {})
        self.metadata = metadata

    def load(self) -> Any:
        as_type = self._load_args.get("as_type")
        as_ = load_obj(as_type) if isinstance(as_type, str) else as_type
        columns = self._load_args.get("columns")
        return self._store.get(str(self._get_load_path()), as_=as_, columns=columns)

    def save(self, data: Any) -> None:
        key = str(self._get_save_path())
        self._store.put(data, key, name=self._filepath.name, **self._save_args)

    @property
    def preview(self) -> Callable[..., Any]:
        """Call it for what was described at save: a table's first rows, a picture, or the value in short.

        It is a function of its own for each of the three, as Kedro-Viz goes by the annotation.
        """
        try:
            shown = self._shown()
        except (ArtifactNotFoundError, DatasetError):  # said when it is called
            return self._json_preview
        if isinstance(shown, dict) and {"columns", "rows"} <= set(shown):
            return self._table_preview
        is_picture = isinstance(shown, dict) and set(shown) == {"png"}
        return self._image_preview if is_picture else self._json_preview

    def _table_preview(self, nrows: int | None = None) -> TablePreview:
        shown = self._shown()
        rows = shown["rows"][:nrows]
        index = [*shown.get("index", range(len(rows)))][:nrows]
        return TablePreview({"index": index, "columns": shown["columns"], "data": rows})

    def _image_preview(self) -> ImagePreview:
        return ImagePreview(self._shown()["png"])

    def _json_preview(self) -> JSONPreview:
        return JSONPreview(json.dumps(self._shown()))

    def _shown(self) -> Any:
        return self._store.manifest(str(self._get_load_path())).description.get("preview")

    def _find(self, pattern: str) -> list[str]:
        before, _, after = pattern.partition("*")
        listed = self._store.storage.list(listing_prefix(before))
        keys = [key for key in (key_of(info.key) for info in listed) if key]
        return [key for key in keys if key.startswith(before) and key.endswith(after)]

    def _get_versions(self) -> list[str]:
        # One listing; Kedro would ask for each of what it has just listed.
        return sorted(self._find(str(self._get_versioned_path("*"))), reverse=True)

    def _exists(self) -> bool:
        return self._store.exists(str(self._get_load_path()))

    def _describe(self) -> dict[str, Any]:
        return {"url": self._store.url, "key": str(self._filepath), "version": self._version}
