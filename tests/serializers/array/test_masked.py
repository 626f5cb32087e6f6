"""Masked arrays as NumPy leaves them behind, and the memory order of strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aqueduct_core import ArtifactStore
from aqueduct_core.testing import assert_identical

DTYPES = [
    "b",
    "B",
    "h",
    "i4",
    "q",
    "Q",
    "e",
    "f4",
    "g",
    "F",
    "S3",
    "U2",
    "V5",
    "M8",
    "M8[25s]",
    "m8",
]
DTYPES += [">i4", ">f8", ">M8[s]", "O"]


def back(value: Any) -> Any:
    store = ArtifactStore("memory://", allow_pickle=True)
    return store.get(store.put(value))


@pytest.mark.parametrize("dtype", [*DTYPES, np.dtypes.StringDType()], ids=str)
def test_arrays_whose_default_fill_value_was_read(dtype: Any) -> None:
    array = np.ma.masked_array(np.zeros(3, dtype), [1, 0, 1])
    assert array.fill_value is not None  # to read it is to set it, and not to the array's dtype
    again = back(array)
    assert again._fill_value.dtype == array._fill_value.dtype
    assert again._fill_value.dtype.char == array._fill_value.dtype.char
    assert_identical(again, array)


@pytest.mark.parametrize("inside", [lambda value: value, lambda value: {"a": [value]}])
def test_records_of_masked_arrays(inside: Callable[[Any], Any]) -> None:
    array = np.ma.array([(1, 2.5), (3, 4.5)], mask=[(0, 1), (1, 0)], dtype="i4,f8")
    record: Any = array[0]
    assert type(record).__name__ == "mvoid"
    assert_identical(back(inside(record)), inside(record))


def test_masked_integers_that_have_fields() -> None:
    dtype = np.dtype(("i4", [("low", "i2"), ("high", "i2")]))
    array = np.ma.array(np.arange(3).astype(dtype))
    again = back(array)
    assert again.dtype == array.dtype
    assert again.tolist() == array.tolist()
    assert np.array_equal(again._fill_value, array._fill_value)


def test_describing_a_masked_array_leaves_it_as_it_is() -> None:
    array: Any = np.ma.array([1, None], mask=[0, 1], dtype=object)
    back(array)
    assert array._fill_value is None


@pytest.mark.parametrize("missing", [False, True])
def test_strings_keep_their_memory_order(missing: bool) -> None:
    dtype = np.dtypes.StringDType(na_object=None) if missing else np.dtypes.StringDType()
    array = np.asfortranarray(np.array([["a", "bé"], ["c", "d"], ["", "e"]], dtype))
    if missing:
        array[1, 0] = None
    again = back(array)
    assert again.flags.f_contiguous
    assert_identical(again, array)
