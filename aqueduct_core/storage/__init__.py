"""Storage: keys and bytes, whole objects put atomically.

`open_storage` turns a URL into a [`Storage`][aqueduct_core.abc.Storage]: a local folder, memory, or
anything that fsspec knows (`s3://`, `gs://`, `az://`, ...). Third parties register a scheme through
the entry point group `aqueduct_core.storage`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aqueduct_core.errors import PluginError, StorageError

if TYPE_CHECKING:
    from aqueduct_core.abc import Storage

__all__ = ["open_storage"]

_FLATTENED = re.compile(r"[a-z][a-z0-9+.-]+:/(?!/)")  # what `Path` makes of a URL


def open_storage(url: str, **options: Any) -> Storage:
    """Open the storage at `url`.

    Args:
        url: `/a/folder`, `file:///a/folder`, `memory://name`, `s3://bucket/prefix`, ...
        **options: What the storage takes: `fsync` for a folder; for the others, what their fsspec
            file system takes (`key`, `secret`, `endpoint_url`, ...).

    Raises:
        MissingExtraError: The scheme needs a library that is not installed.
        StorageError: The storage can't be opened.
    """
    if found := _FLATTENED.match(url):
        raise StorageError(
            f"{url!r} was a URL before it became a Path",
            hint=f'give it as text: "{found[0]}/{url[found.end() :]}"',
        )
    scheme = urlsplit(url).scheme if "://" in url else "file"
    if scheme == "file":
        from aqueduct_core.storage._local import LocalStorage, path_of

        return LocalStorage(path_of(url), **options)
    if scheme == "memory":
        from aqueduct_core.storage._memory import MemoryStorage

        return MemoryStorage(url, **options)
    from importlib.metadata import entry_points

    for plugin in entry_points(group="aqueduct_core.storage", name=scheme):
        try:
            factory = plugin.load()
        except Exception as error:
            package = plugin.dist.name if plugin.dist else plugin.value
            raise PluginError(
                f"the storage plugin {plugin.name!r} of {package} can't be loaded: {error!r}",
                hint=f"update or uninstall {package}",
            ) from error
        storage: Storage = factory(url, **options)
        return storage
    from aqueduct_core.storage._fsspec import FsspecStorage

    remote: Storage = FsspecStorage(url, **options)
    return remote
