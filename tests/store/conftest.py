from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_core.registry import Registry
from aqueduct_core.store import ArtifactStore
from tests.store.toys import new_registry


@pytest.fixture
def registry() -> Registry:
    """A registry with the toy serializers and the built-in ones."""
    return new_registry()


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, registry: Registry) -> ArtifactStore:
    """A store on each of the two storages that need nothing installed."""
    url = "memory://" if request.param == "memory" else str(tmp_path / "store")
    return ArtifactStore(url, registry=registry)
