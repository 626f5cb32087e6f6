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

from aqueduct_core.dag import Version
from aqueduct_core.errors import CorruptArtifactError, StorageNotFoundError
from aqueduct_core.storage._create import create

if TYPE_CHECKING:
    from aqueduct_core.runtime import Workspace
    from aqueduct_core.store import ArtifactStore

__all__ = ["Pin", "forget", "pin", "pinned", "read_pin", "version_of_run"]


@dataclass(frozen=True, slots=True)
class Pin:
    """What is written down of a run.

    Attributes:
        version: The digest of its version; None before its first task has started.
        is_forgotten: Whether it was deleted here, though Airflow may still have it.
    """

    version: str | None = None
    is_forgotten: bool = False


def version_of_run(
    workspace: Workspace, flow: str, run: str, digest: str, *, operator: str, attempt: int = 1
) -> Version:
    """The version that a run is of; written down now, if that isn't known yet.

    Args:
        workspace: Where versions and runs are.
        flow: The workflow's id.
        run: The run key.
        digest: The version that the DAG file has now.
        operator: What is about to run.
        attempt: Which attempt of it.
    """

    def load(digest: str) -> Version:
        return workspace.constant(lambda store: Version.load(store, flow, digest))

    given = load(digest)
    # Whoever is likely to be the first writes before it reads: that is one request, and not two.
    is_first = attempt == 1 and operator == next(iter(given.spec.operators), None)
    found = pin(workspace.store, flow, run, digest, is_first=is_first)
    return given if found == digest else load(found)


def pin(store: ArtifactStore, flow: str, run: str, digest: str, *, is_first: bool = False) -> str:
    """The digest of the version that a run is of; the given one, if that isn't known yet.

    Args:
        store: The store of the workflow's versions.
        flow: The workflow's id.
        run: The run key.
        digest: The version that it is of if nobody knows.
        is_first: Whether nobody is likely to know.
    """
    storage, key = store.storage, _key(flow, run)
    content = json.dumps({"version": digest}).encode()
    known = None if is_first else pinned(store, flow, run)
    if known is not None:
        return known
    # Two may be the first. Where the storage can tell which one was, both keep to its version.
    made = create(storage, key, content)
    if made:
        return digest
    known = pinned(store, flow, run) if made is False or is_first else None
    if known is not None:
        return known
    storage.put(key, content)
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
