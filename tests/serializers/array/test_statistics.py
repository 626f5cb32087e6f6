"""Statistics of many columns at once are those of each column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.serializers.array._describe import statistics, statistics_of_all

DTYPES = st.sampled_from(["f8", "f4", "i8", "i2", "u8", "u1"])
FLOATS = st.floats(width=32) | st.integers(-4, 4).map(float)


@st.composite
def columns(draw: st.DrawFn) -> list[tuple[Any, Any]]:
    size = draw(st.integers(0, 12))
    found = []
    for dtype in draw(st.lists(DTYPES, max_size=4)):
        if dtype[0] == "f":
            values = draw(st.lists(FLOATS, min_size=size, max_size=size))
        else:
            info = np.iinfo(dtype)
            whole = st.integers(int(info.min), int(info.max)) | st.integers(0, 5)
            values = draw(st.lists(whole, min_size=size, max_size=size))
        mask = draw(st.none() | st.lists(st.booleans(), min_size=size, max_size=size))
        found.append((np.array(values, dtype), None if mask is None else np.array(mask, bool)))
    return found


@given(columns())
def test_together_they_are_what_they_are_alone(values: list[tuple[Any, Any]]) -> None:
    with np.errstate(all="ignore"):
        together = statistics_of_all(values)
        alone = [statistics(column, mask) for column, mask in values]
    for one, other in zip(together, alone, strict=True):
        assert one.keys() == other.keys()
        for name in one.keys() - {"mean", "std", "histogram"}:
            assert one[name] == other[name]
        for name in one.keys() & {"mean", "std"}:
            a, b = one[name], other[name]
            assert a == b or math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-6)
        if "histogram" in one:
            assert sum(one["histogram"]["counts"]) == sum(other["histogram"]["counts"])


@pytest.mark.parametrize("dtype", ["i8", "u8"])
def test_large_whole_numbers_are_told_exactly(dtype: str) -> None:
    values = np.array([2**53 + 1, 3], dtype)
    assert statistics(values)["max"] == 2**53 + 1
    assert statistics_of_all([(values, None)])[0]["max"] == 2**53 + 1
