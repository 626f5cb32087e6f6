"""Objects that know no equality are the same if they consist of the same."""

from __future__ import annotations

import array
import copy
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier

from aqueduct_core.testing import assert_identical


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("a",)


class One:
    def __reduce__(self) -> str:
        return "THE_ONE"


THE_ONE = One()


class Forgetful(Plain):
    """Its own pickling loses something."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


def forest(seed: int) -> RandomForestClassifier:
    random = np.random.default_rng(0)
    return RandomForestClassifier(3, random_state=seed).fit(
        random.standard_normal((50, 3)), random.integers(0, 2, 50)
    )


def slotted(value: Any) -> Slotted:
    made = Slotted()
    made.a = value
    return made


@pytest.mark.parametrize(
    "value", [Plain(), Plain(a=1, b=[Plain(c=np.arange(3))]), slotted({"x": Plain()}), forest(1)]
)
def test_a_copy_is_the_same(value: Any) -> None:
    assert_identical(copy.deepcopy(value), value)


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (Plain(a=1), Plain(a=1.0)),
        (Plain(a=[Plain(b=1)]), Plain(a=[Plain(b=2)])),
        (Plain(a=1), Plain(a=1, b=2)),
        (Plain(a=1), Plain()),
        (slotted(1), slotted(2)),
        (forest(1), forest(2)),
        (One(), THE_ONE),
        (Forgetful(a=1), Forgetful(a=2)),
    ],
)
def test_what_differs_inside_is_found(value: Any, other: Any) -> None:
    with pytest.raises(AssertionError, match=r"at value"):
        assert_identical(value, other)


def test_attributes_are_named() -> None:
    with pytest.raises(AssertionError, match=r"value.*\['a'\]\[0\].*\['b'\]"):
        assert_identical(Plain(a=[Plain(b=1)]), Plain(a=[Plain(b=2)]))


def test_fields_of_records_are_compared_and_what_lies_between_them_is_not() -> None:
    dtype = np.dtype({"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [0, 8]})
    raw = np.zeros(48, "u1")
    one, other = raw.copy().view(dtype), raw.copy()
    other[3] = 1
    assert_identical(other.view(dtype), one)
    other[8] = 1
    with pytest.raises(AssertionError, match=r"value\['b'\]"):
        assert_identical(other.view(dtype), one)


def test_arrays_of_the_standard_library_are_told_apart_by_their_bits() -> None:
    nan = array.array("d", [float("nan")])
    assert_identical(copy.copy(nan), nan)
    payload = array.array("d", bytes([1, 0, 0, 0, 0, 0, 0xF8, 0x7F]))
    for other in (payload, array.array("f", nan), array.array("d", [0.0]), array.array("d")):
        with pytest.raises(AssertionError):
            assert_identical(other, nan)


class Marked(np.ndarray):
    """An array of somebody's own class."""


def marked(unit: str) -> Any:
    array = np.arange(3).view(Marked)
    array.unit = unit  # type: ignore[attr-defined]  # its class has a __dict__
    return array


def test_arrays_of_other_classes_have_attributes_too() -> None:
    assert_identical(marked("m"), marked("m"))
    with pytest.raises(AssertionError, match="unit"):
        assert_identical(marked("m"), marked("s"))


def test_records_that_hold_objects_and_what_libraries_return_as_tuples_can_be_compared() -> None:
    dtype = np.dtype([("a", "O"), ("b", "i4")])
    assert_identical(np.zeros(2, dtype)[1], np.zeros(2, dtype)[1])
    assert_identical(np.linalg.svd(np.eye(2)), np.linalg.svd(np.eye(2)))
    assert_identical(np.ma.masked, np.ma.masked)
    with pytest.raises(AssertionError, match=r"\['a'\]\[0\]"):
        assert_identical(np.array([(1, 2)], dtype), np.array([(True, 2)], dtype))


def test_columns_are_the_same_however_they_are_cut() -> None:
    views = pa.DictionaryArray.from_arrays([0, 1], pa.array(["a", "b"], pa.string_view()))
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.nulls(2)])
    uuids = pa.array([b"0" * 16, None], pa.uuid())
    for whole in (views, union, uuids, pa.array([1, 2])):
        never = pa.chunked_array([], whole.type)
        once = pa.chunked_array([whole, whole])
        assert_identical(pa.chunked_array([whole[:0]]), never)
        assert_identical(pa.chunked_array([whole[:1], whole[1:], whole[:0], whole]), once)
        with pytest.raises(AssertionError):
            assert_identical(pa.chunked_array([whole, whole[::-1]]), once)
