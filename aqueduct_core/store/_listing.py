"""The manifests of a store: where they stand, and what each says."""

from __future__ import annotations

from collections.abc import Iterator

from aqueduct_core.abc import Storage
from aqueduct_core.errors import ArtifactNotFoundError, StorageNotFoundError
from aqueduct_core.manifest import Manifest
from aqueduct_core.store._keys import FOLDER, LONG, SUFFIX, key_of, listing_prefix

__all__ = ["load", "manifests", "paths"]


def load(storage: Storage, path: str, key: str) -> tuple[Manifest, bytes]:
    """What stands at a path of the storage, and its bytes.

    Args:
        storage: Where.
        path: Where there.
        key: What errors call it.

    Raises:
        ArtifactNotFoundError: Nothing does.
        CorruptArtifactError: It can't be read.
    """
    try:
        data = bytes(storage.get(path))
    except StorageNotFoundError as error:
        raise ArtifactNotFoundError(
            f"no artifact {key!r} in {storage.url}", hint="list() shows what there is"
        ) from error
    return Manifest.from_bytes(data, key), data


def paths(storage: Storage, prefix: str) -> Iterator[str]:
    """Where the manifests stand whose keys may start with a prefix."""
    folder = listing_prefix(prefix)
    for place in (folder,) if folder == FOLDER else (folder, LONG):
        for info in storage.list(place):
            if info.key.endswith(SUFFIX):  # file managers leave files of their own
                yield info.key


def manifests(storage: Storage, prefix: str) -> Iterator[tuple[str, Manifest]]:
    """The manifests whose keys start with a prefix, and where they stand; signatures don't matter here."""
    for path in paths(storage, prefix):
        key = key_of(path)
        if key is not None and not key.startswith(prefix):
            continue
        try:
            manifest = load(storage, path, key or path)[0]
        except ArtifactNotFoundError:  # deleted since it was listed
            continue
        if manifest.key.startswith(prefix):
            yield path, manifest
