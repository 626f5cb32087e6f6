"""The store as a contestant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aqueduct_core import ArtifactStore


class Ours:
    """An `ArtifactStore` in a folder, everything else as it comes.

    Args:
        folder: Where the store is.
        policy: The encoding policy.
    """

    def __init__(self, folder: Path, policy: str) -> None:
        # Pickles are allowed: the forest is one.
        self._store = ArtifactStore(folder, policy=policy, allow_pickle=True)  # type: ignore[arg-type]  # named on the command line

    def save(self, value: Any, key: str) -> None:
        self._store.put(value, key)

    def load(self, key: str) -> Any:
        return self._store.get(key)
