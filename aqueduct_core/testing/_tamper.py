"""Artifacts that lie consistently: changed bytes under a manifest that vouches for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aqueduct_core.manifest import Manifest, Node, Part, content_digest, record_digest
from aqueduct_core.store import ArtifactStore
from aqueduct_core.store._keys import manifest_path
from aqueduct_core.store._source import Reader

__all__ = ["forge", "tamper"]


def forge(store: ArtifactStore, key: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the content of a manifest as a hostile writer would: with a digest that fits.

    Args:
        store: The store; it must not sign.
        key: The artifact.
        change: Gets the content's record as plain JSON, to be changed in place.
    """
    record = store.manifest(key).to_json()
    change(record["content"])
    record["digest"] = record_digest(record["content"])
    store.storage.put(manifest_path(key), json.dumps(record).encode())


def tamper(store: ArtifactStore, key: str, change: Callable[[str, bytes], bytes]) -> None:
    """Replace the bytes of an artifact's parts as a hostile writer would.

    Digests only tell that bytes are what their manifest says; whoever writes both can make them
    agree. Loaders must survive that.

    Args:
        store: The store; it must not sign.
        key: The artifact.
        change: Gets each part's name and bytes, returns the bytes to put in their place.
    """
    manifest = store.manifest(key)
    reader = Reader(manifest, store.storage, store.registry, trusted=False)

    def changed(node: Node) -> Node:
        parts = {
            name: _inline(change(name, bytes(reader.view(name, part, unsafe=True))))
            for name, part in node.parts.items()
        }
        return replace(node, parts=parts, members=tuple(map(changed, node.members)))

    content = changed(manifest.content)
    forged = replace(manifest, content=content, digest=content_digest(content), signature=None)
    store.storage.put(manifest_path(key), Manifest.to_bytes(forged))


def _inline(data: bytes) -> Part:
    return Part(len(data), inline=data)
