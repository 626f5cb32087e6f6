"""Which version a run is of: written down by its first task, kept to by all others.

    flows/<flow>/runs/<run key>.json    {"version": "blake3:..."}

Airflow re-reads a DAG file for each task, and in a plain folder a file that is replaced while a run
goes on, or before a part of an old run is cleared, would mix two versions in one run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aqueduct_core.errors import CorruptArtifactError, StorageNotFoundError

if TYPE_CHECKING:
    from aqueduct_core.store import ArtifactStore

__all__ = ["pin", "pinned"]


def pin(store: ArtifactStore, flow: str, run: str, digest: str) -> str:
    """The digest of the version that a run is of; the given one, if that isn't known yet."""
    known = pinned(store, flow, run)
    if known is not None:
        return known
    store.storage.put(_key(flow, run), json.dumps({"version": digest}).encode())
    return digest


def pinned(store: ArtifactStore, flow: str, run: str) -> str | None:
    """The digest of the version that a run is of; None before its first task has started.

    Args:
        store: The store of the workflow's versions.
        flow: The workflow's id.
        run: The run key.

    Raises:
        CorruptArtifactError: What is there says nothing of the kind.
    """
    key = _key(flow, run)
    try:
        return str(json.loads(bytes(store.storage.get(key)))["version"])
    except StorageNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptArtifactError(f"it names no version: {error}", key=key) from error


def _key(flow: str, run: str) -> str:
    return f"flows/{flow}/runs/{run}.json"
