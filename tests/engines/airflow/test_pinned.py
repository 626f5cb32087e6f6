"""A run stays with the version that it began with."""

from __future__ import annotations

import pytest

from aqueduct_core.engines.airflow._pinned import pin, pinned
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.store import ArtifactStore


def test_the_first_task_decides_for_all() -> None:
    store = ArtifactStore("memory://")
    assert pinned(store, "flow", "run") is None
    assert pin(store, "flow", "run", "blake3:old") == "blake3:old"
    assert pin(store, "flow", "run", "blake3:new") == "blake3:old"
    assert pinned(store, "flow", "run") == "blake3:old"
    assert pin(store, "flow", "other run", "blake3:new") == "blake3:new"


def test_what_says_nothing_is_refused() -> None:
    store = ArtifactStore("memory://")
    store.storage.put("flows/flow/runs/run.json", b"[]")
    with pytest.raises(CorruptArtifactError):
        pinned(store, "flow", "run")
