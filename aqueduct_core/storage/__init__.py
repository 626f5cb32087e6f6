"""Storage: keys and bytes, whole objects put atomically.

`open_storage` turns a URL into a [`Storage`][aqueduct_core.abc.Storage]: a local folder, memory, or
anything that fsspec knows (`s3://`, `gs://`, `az://`, ...). Third parties register a scheme through
the entry point group `aqueduct_core.storage`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aqueduct_core._annotations import signature_of
from aqueduct_core.errors import PluginError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

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
        PluginError: The package that brings it can't be imported.
        StorageError: Nobody knows the scheme, or the URL or an option is none.
    """
    if found := _FLATTENED.match(url):
        raise StorageError(
            f"{url!r} was a URL before it became a Path",
            hint=f'give it as text: "{found[0]}/{url[found.end() :]}"',
        )
    scheme = urlsplit(url).scheme if "://" in url else "file"
    if scheme == "file":
        from aqueduct_core.storage._local import LocalStorage, path_of

        return _opened(LocalStorage, scheme, path_of(url), options)
    if scheme == "memory":
        from aqueduct_core.storage._memory import MemoryStorage

        return _opened(MemoryStorage, scheme, url, options)
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
        return _opened(factory, scheme, url, options)
    from aqueduct_core.storage._fsspec import FsspecStorage

    return _opened(FsspecStorage, scheme, url, options)


def _opened(factory: Callable[..., Storage], scheme: str, url: str, options: Any) -> Storage:
    try:
        known = signature_of(factory)
    except ValueError:  # it is written in another language, and doesn't say what it takes
        return factory(url, **options)
    try:
        known.bind(url, **options)
    except TypeError as error:
        listed = ", ".join([*known.parameters][1:]) or "no options"
        raise StorageError(
            f"storage at {scheme}:// can't be opened: {error}", hint=f"it takes {listed}"
        ) from error
    return factory(url, **options)
