"""What the strict comparison of pandas objects tells apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aqueduct_core.testing import assert_identical
from tests.serializers.tables.pandas_cases import ROUND
from tests.serializers.tables.pandas_cells import ODD_FLOATS, objects


def objects_of(*cells: Any) -> pd.Series:
    return pd.Series(objects(*cells), dtype=object)


def with_attrs(**attrs: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame


DAYS = pd.date_range("2020", periods=3)
PAIRS: dict[str, tuple[Any, Any]] = {
    "class": (pd.DataFrame({"a": [1]}), pd.Series([1], name="a")),
    "dtype": (pd.Series([1, 2]), pd.Series([1, 2], dtype="i4")),
    "C's dtype": (pd.Series([1], dtype="q"), pd.Series([1], dtype="l")),
    "byte order": (pd.Series([1], dtype=">i8"), pd.Series([1], dtype="<i8")),
    "nan bits": (pd.Series(ODD_FLOATS[:1]), pd.Series(ODD_FLOATS[1:2])),
    "negative zero": (pd.Series([0.0]), pd.Series([-0.0])),
    "None, nan": (objects_of(None), objects_of(np.nan)),
    "NA, nan": (objects_of(pd.NA), objects_of(np.nan)),
    "NaT, None": (objects_of(pd.NaT), objects_of(None)),
    "int, bool": (objects_of(1), objects_of(True)),
    "int, np.int64": (objects_of(1), objects_of(np.int64(1))),
    "list, tuple": (objects_of([1]), objects_of((1,))),
    "name": (pd.Series([1], name=1), pd.Series([1], name=1.0)),
    "freq": (DAYS, DAYS._with_freq(None)),
    "unit": (DAYS.as_unit("s"), DAYS.as_unit("ms")),
    "zone": (DAYS.tz_localize("UTC"), DAYS.tz_localize("Europe/London")),
    "range": (pd.RangeIndex(3), pd.Index([0, 1, 2])),
    "range end": (pd.RangeIndex(0, 5, 2), pd.RangeIndex(0, 6, 2)),
    "order of categories": (
        pd.Series(pd.Categorical(["a"], ["a", "b"])),
        pd.Series(pd.Categorical(["a"], ["b", "a"])),
    ),
    "dtype of categories": (
        pd.Series(pd.Categorical([1], pd.Index([1], dtype="i8"))),
        pd.Series(pd.Categorical([1], pd.Index([1], dtype="i1"))),
    ),
    "ordered": (pd.Categorical(["a"], ordered=True), pd.Categorical(["a"], ordered=False)),
    "unused level": (
        pd.MultiIndex.from_product([["a", "b"], [1]])[:1],
        pd.MultiIndex.from_product([["a"], [1]]),
    ),
    "level names": (
        pd.MultiIndex.from_product([["a"], [1]], names=["x", 1]),
        pd.MultiIndex.from_product([["a"], [1]], names=["x", "1"]),
    ),
    "sortorder": (
        pd.MultiIndex([["a"], [1]], [[0], [0]], sortorder=0),
        pd.MultiIndex([["a"], [1]], [[0], [0]]),
    ),
    "dtype of labels": (
        pd.DataFrame({"a": [1]}),
        pd.DataFrame([[1]], columns=pd.Index(["a"], dtype=object)),
    ),
    "name of labels": (
        pd.DataFrame({"a": [1]}),
        pd.DataFrame([[1]], columns=pd.Index(["a"], name="x")),
    ),
    "order of columns": (pd.DataFrame({"a": [1], "b": [1]}), pd.DataFrame({"b": [1], "a": [1]})),
    "attrs": (with_attrs(a=1), with_attrs(a=1.0)),
    "flags": (with_attrs(), with_attrs().set_flags(allows_duplicate_labels=False)),
    "storage": (
        pd.Series(["a"], dtype="string[python]"),
        pd.Series(["a"], dtype="string[pyarrow]"),
    ),
    "missing text": (
        pd.Series(["a"], dtype=pd.StringDtype("python", np.nan)),
        pd.Series(["a"], dtype=pd.StringDtype("python", pd.NA)),
    ),
    "mask": (pd.array([1, None], "Int64"), pd.array([1, 1], "Int64")),
    "closed": (pd.interval_range(0, 2, closed="left"), pd.interval_range(0, 2, closed="right")),
    "sparse kind": (
        pd.arrays.SparseArray([0, 1], kind="block"),
        pd.arrays.SparseArray([0, 1], kind="integer"),
    ),
    "sparse fill": (
        pd.arrays.SparseArray([1.0], fill_value=np.nan),
        pd.arrays.SparseArray([1.0], fill_value=0.0),
    ),
    "Arrow type": (
        pd.array(["a"], pd.ArrowDtype(pa.string())),
        pd.array(["a"], pd.ArrowDtype(pa.large_string())),
    ),
    "Arrow value": (
        pd.array([1, None], pd.ArrowDtype(pa.int8())),
        pd.array([1, 2], pd.ArrowDtype(pa.int8())),
    ),
    "Timestamp's unit": (objects_of(pd.Timestamp(0)), objects_of(pd.Timestamp(0).as_unit("s"))),
    "period": (
        pd.period_range("2020", periods=2, freq="M"),
        pd.period_range("2020", periods=2, freq="D"),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_it_tells_apart(name: str) -> None:
    for one, other in (PAIRS[name], PAIRS[name][::-1]):
        with pytest.raises(AssertionError, match="at value"):
            assert_identical(one, other)


SOME: dict[str, Callable[[], Any]] = {
    name: make for name, make in ROUND.items() if not name.startswith(("array", "series: period"))
}


@pytest.mark.parametrize("name", SOME)
def test_the_same_made_twice_is_identical(name: str) -> None:
    one, other = SOME[name](), SOME[name]()
    assert_identical(one, one)
    assert_identical(one, other)


def test_the_path_is_told() -> None:
    one = pd.DataFrame({"price": [1.0, 2.0], "o": objects_of(1, [1])})
    other = pd.DataFrame({"price": [1.0, 2.0], "o": objects_of(1, [2])})
    with pytest.raises(AssertionError, match=r"at value\['o'\]\.iloc\[1\]\[0\]"):
        assert_identical(one, other)
    other["price"] = [1.0, 3.0]
    with pytest.raises(AssertionError, match=r"at value\['price'\]"):
        assert_identical(one, other)
