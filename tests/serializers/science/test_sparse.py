from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse as sp

from aqueduct_core import ArtifactStore
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.science.sparse import SparseSerializer
from aqueduct_core.testing import SerializerTests, assert_identical, forge

DENSE = np.array([[0, 1.5, 0, -2], [0, 0, 0, 0], [np.nan, 0, 3, 0], [0, 0, 0, 4]])


def unsorted() -> Any:
    made = sp.csr_array((2, 5))
    made.data = np.array([3, 0, 1, 1], dtype="int16")
    made.indices = np.array([4, 0, 2, 2], dtype="int64")
    made.indptr = np.array([0, 2, 4], dtype="int64")
    return made


def members(value: Any) -> list[Any]:
    names = {"coo": ("data",), "dia": ("data", "offsets")}
    found = [
        getattr(value, name) for name in names.get(value.format, ("data", "indices", "indptr"))
    ]
    return [*found, *getattr(value, "coords", ())]


class TestSparseSerializer(SerializerTests):
    serializer = SparseSerializer()
    values: ClassVar = [
        *(sp.csr_array(DENSE).asformat(layout) for layout in ("csr", "csc", "coo", "bsr", "dia")),
        *(sp.csr_matrix(DENSE).asformat(layout) for layout in ("csr", "csc", "coo", "bsr", "dia")),
        sp.csr_array((0, 3)),
        sp.coo_array((3, 0), dtype="complex64"),
        sp.coo_array(([1, 2, 3], ([0, 0, 1], [1, 1, 2], [2, 2, 3])), shape=(2, 3, 4)),
        sp.coo_array(([1, 2], ([3, 3],)), shape=(9,)),
        sp.csr_array(np.array([0, 1, 0, 2])),
        sp.csr_array(DENSE != 0),
        sp.bsr_array(np.kron(np.eye(3), np.ones((2, 3))), blocksize=(2, 3)),
        unsorted(),
    ]

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert type(loaded) is type(value)
        assert (loaded.shape, loaded.dtype, loaded.ndim) == (value.shape, value.dtype, value.ndim)
        for one, other in zip(members(loaded), members(value), strict=True):
            assert_identical(one, other)
        assert loaded.toarray().tobytes() == value.toarray().tobytes()
        assert_identical((loaded + loaded).toarray(), (value + value).toarray())


def test_attributes_of_their_own_take_a_pickle(tmp_path: Any) -> None:
    value = sp.csr_array(DENSE)
    value.unit = "m"
    store = ArtifactStore(tmp_path, allow_pickle=True)
    ref = store.put(value, "k")
    assert ref.serializer == "pickle"
    assert store.get(ref).unit == "m"


def test_other_layouts_are_left_to_pickle(tmp_path: Any) -> None:
    store = ArtifactStore(tmp_path, allow_pickle=True)
    ref = store.put(sp.lil_array(DENSE), "k")
    assert ref.serializer == "pickle"
    assert np.array_equal(store.get(ref).toarray(), DENSE, equal_nan=True)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr"])
def test_indices_that_lead_out_of_the_array_are_refused(layout: str, tmp_path: Any) -> None:
    for change in ({"shape": [1, 1]}, {"shape": [2, 2]}, {"shape": [-1, 4]}, {"shape": [4]}):
        store = ArtifactStore(tmp_path)
        store.put(sp.csr_array(DENSE).asformat(layout), "k")
        forge(store, "k", lambda content, change=change: content["meta"].update(change))
        with pytest.raises(CorruptArtifactError, match="'k'"):
            store.get("k")
