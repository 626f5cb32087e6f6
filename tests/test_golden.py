from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.golden.values import KEY, POLICIES, VALUES

STORE = Path(__file__).parent / "golden" / "store-1"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", VALUES)
def test_what_format_1_stored_is_read(name: str, policy: str) -> None:
    store = ArtifactStore(STORE, signing_key=KEY)
    assert_identical(store.get(f"{policy}/{name}"), VALUES[name]())


def test_the_golden_store_is_whole() -> None:
    store = ArtifactStore(STORE, signing_key=KEY)
    assert not store.verify()
    assert len(list(store.list())) == len(VALUES) * len(POLICIES)
