"""Which version a run is of: written down by its first task, kept to by all others.

    flows/<flow>/runs/<run key>.json    {"version": "blake3:...", "forgotten": true}

Airflow re-reads a DAG file for each task, and in a plain folder a file that is replaced while a run
goes on, or before a part of an old run is cleared, would mix two versions in one run. A run that was
deleted here, and not in Airflow, is marked in the same place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aqueduct_core.errors import CorruptArtifactError, StorageNotFoundError

if TYPE_CHECKING:
    from aqueduct_core.store import ArtifactStore

__all__ = ["Pin", "forget", "pin", "pinned", "read_pin"]


@dataclass(frozen=True, slots=True)
class Pin:
    """What is written down of a run.

    Attributes:
        version: The digest of its version; None before its first task has started.
        is_forgotten: Whether it was deleted here, though Airflow may still have it.
    """

    version: str | None = None
    is_forgotten: bool = False


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
    return read_pin(store, flow, run).version


def read_pin(store: ArtifactStore, flow: str, run: str) -> Pin:
    """What is written down of a run.

    Raises:
        CorruptArtifactError: What is there says nothing of the kind.
    """
    key = _key(flow, run)
    try:
        content = json.loads(bytes(store.storage.get(key)))
        return Pin(str(content["version"]), bool(content.get("forgotten")))
    except StorageNotFoundError:
        return Pin()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptArtifactError(f"it names no version: {error}", key=key) from error


def forget(store: ArtifactStore, flow: str, run: str, digest: str) -> None:
    """Write down that a run was deleted here, so that it doesn't come back from Airflow."""
    content = {"version": digest, "forgotten": True}
    store.storage.put(_key(flow, run), json.dumps(content).encode())


def _key(flow: str, run: str) -> str:
    return f"flows/{flow}/runs/{run}.json"
