from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import assert_identical
from tests.golden import science
from tests.golden.values import KEY, POLICIES, VALUES

STORE = Path(__file__).parent / "golden" / "store-1"
SCIENCE = STORE.with_name("science-1")
TENSORS = STORE.with_name("tensors-1")  # they are read where PyTorch is installed


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", VALUES)
def test_what_format_1_stored_is_read(name: str, policy: str) -> None:
    store = ArtifactStore(STORE, signing_key=KEY)
    assert_identical(store.get(f"{policy}/{name}"), VALUES[name]())


def test_the_golden_store_is_whole() -> None:
    store = ArtifactStore(STORE, signing_key=KEY)
    assert not store.verify()
    assert len(list(store.list())) == len(VALUES) * len(POLICIES)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", science.VALUES)
def test_what_the_first_optional_formats_stored_is_read(name: str, policy: str) -> None:
    store = ArtifactStore(SCIENCE, signing_key=KEY)
    loaded, value = store.get(f"{policy}/{name}"), science.VALUES[name]()
    assert type(loaded) is type(value)
    if name in ("dataset", "dataarray"):
        assert loaded.identical(value)
    elif name in science.PREDICTIONS:
        said = store.get(f"{policy}/{name}.predictions")
        np.testing.assert_allclose(science.PREDICTIONS[name](loaded), said, rtol=1e-6)
    elif name.startswith("geo"):
        assert loaded.crs == value.crs
        assert_identical(loaded.index, value.index)
        assert shapely.to_wkb(loaded.geometry).tolist() == shapely.to_wkb(value.geometry).tolist()
    else:
        assert (loaded.shape, loaded.format) == (value.shape, value.format)
        assert_identical(loaded.data, value.data)
        assert_identical(loaded.toarray(), value.toarray())


def test_the_golden_stores_of_optional_formats_are_whole() -> None:
    models = [f"{name}.predictions" for name in science.PREDICTIONS]
    tensors = ["tensor", "parameter", "state"]
    for folder, values in ((SCIENCE, [*science.VALUES, *models]), (TENSORS, tensors)):
        store = ArtifactStore(folder, signing_key=KEY)
        assert not store.verify()
        assert len(list(store.list())) == len(values) * len(POLICIES)
