from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aqueduct_core.runtime import Workspace
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import Fault, FaultyStorage
from tests.runtime.flows import KEY


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(ArtifactStore(tmp_path / "store", signing_key=KEY))


@pytest.fixture
def faulty(tmp_path: Path) -> Callable[..., tuple[Workspace, FaultyStorage]]:
    """Makes a workspace whose storage fails as planned, and gives its storage, too."""

    def make(*plan: Fault) -> tuple[Workspace, FaultyStorage]:
        storage = FaultyStorage(ArtifactStore(tmp_path / "store").storage, plan)
        return Workspace(ArtifactStore(storage, signing_key=KEY)), storage

    return make
