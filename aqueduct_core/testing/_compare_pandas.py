"""Strict comparison of pandas objects: what `pandas.testing` lets pass is told apart here.

Classes of indexes, `freq`, dtypes with their categories and fill values, names by type, unused levels,
`attrs`, flags, the bits of floats, and in columns of objects which of `None`, NaN, `NA` and `NaT` stands
for what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from aqueduct_core.testing._compare import Pairs, assert_identical, by_content, require, short

__all__ = ["compare_pandas"]


def compare_pandas(path: str, a: Any, b: Any) -> Pairs:
    """Compare two pandas objects of one class; yields what is inside of them for comparison.

    Only objects that the two hold themselves are yielded: of what pandas makes anew at every look,
    identity would tell nothing.
    """
    if isinstance(a, pd.DataFrame):
        yield from _frame(path, a, b)
    elif isinstance(a, pd.Series):
        yield f"{path}.name", a.name, b.name
        yield from _index(f"{path}.index", a.index, b.index)
        yield from _array(path, a.array, b.array)
        yield from _state(path, a, b)
    elif isinstance(a, pd.Index):
        yield from _index(path, a, b)
    elif isinstance(a, pd.api.extensions.ExtensionArray):
        yield from _array(path, a, b)
    elif isinstance(a, pd.api.extensions.ExtensionDtype):
        yield from _dtype(path, a, b)
    else:
        yield from _scalar(path, a, b)


def _frame(path: str, a: Any, b: Any) -> Pairs:
    require(a.shape == b.shape, path, "shape", a.shape, b.shape)
    yield from _index(f"{path}.columns", a.columns, b.columns)
    yield from _index(f"{path}.index", a.index, b.index)
    yield from _state(path, a, b)
    for position, label in enumerate(b.columns):
        left, right = a.iloc[:, position], b.iloc[:, position]
        yield from _array(f"{path}[{short(label)}]", left.array, right.array)


def _state(path: str, a: Any, b: Any) -> Pairs:
    yield f"{path}.attrs", a.attrs, b.attrs
    left, right = a.flags.allows_duplicate_labels, b.flags.allows_duplicate_labels
    require(left == right, f"{path}.flags", "allows_duplicate_labels", left, right)


def _index(path: str, a: Any, b: Any) -> Pairs:
    require(type(a) is type(b), path, "class", type(a), type(b))
    require(len(a) == len(b), path, "length", len(a), len(b))
    require(a.nlevels == b.nlevels, path, "levels", a.nlevels, b.nlevels)
    for level, (left, right) in enumerate(zip(a.names, b.names, strict=True)):
        yield f"{path}.names[{level}]", left, right
    if isinstance(a, pd.MultiIndex):
        require(a.sortorder == b.sortorder, path, "sortorder", a.sortorder, b.sortorder)
        for level in range(a.nlevels):
            yield from _index(f"{path}.levels[{level}]", a.levels[level], b.levels[level])
            codes = np.asarray(a.codes[level]), np.asarray(b.codes[level])
            yield from _numpy(f"{path}.codes[{level}]", *codes)
        return
    if isinstance(a, pd.RangeIndex):
        require((a.start, a.stop, a.step) == (b.start, b.stop, b.step), path, "range", a, b)
        return
    yield from _freq(f"{path}.freq", getattr(a, "freq", None), getattr(b, "freq", None))
    yield from _array(path, a.array, b.array)


def _freq(path: str, a: Any, b: Any) -> Pairs:
    require(type(a) is type(b) and a == b, path, "freq", a, b)
    if b is not None:
        require((a.n, a.normalize) == (b.n, b.normalize), path, "freq", a, b)
        left = {key: value for key, value in a.kwds.items() if key != "calendar"}
        right = {key: value for key, value in b.kwds.items() if key != "calendar"}
        assert_identical(left, right)
    return iter(())


def _array(path: str, a: Any, b: Any) -> Pairs:
    """Compare the values of two arrays, with their classes and dtypes."""
    require(type(a) is type(b), path, "class of the array", type(a), type(b))
    yield from _dtype(f"{path}.dtype", a.dtype, b.dtype)
    require(len(a) == len(b), path, "length", len(a), len(b))
    if isinstance(a, np.ndarray | pd.arrays.NumpyExtensionArray):
        yield from _numpy(path, np.asarray(a), np.asarray(b))
    elif isinstance(a, pd.Categorical):
        yield from _numpy(f"{path}.codes", a.codes, b.codes)
    elif isinstance(a, pd.arrays.DatetimeArray | pd.arrays.TimedeltaArray | pd.arrays.PeriodArray):
        yield from _numpy(path, a.view("i8"), b.view("i8"))
        yield from _freq(f"{path}.freq", getattr(a, "freq", None), getattr(b, "freq", None))
    elif isinstance(a, pd.arrays.SparseArray):
        left, right = a.sp_index, b.sp_index
        require(type(left) is type(right) and left.equals(right), path, "sp_index", left, right)
        yield from _numpy(f"{path}.sp_values", np.asarray(a.sp_values), np.asarray(b.sp_values))
    elif isinstance(a, pd.arrays.IntervalArray):
        for side in ("left", "right"):
            yield from _index(f"{path}.{side}", getattr(a, side), getattr(b, side))
    elif hasattr(a, "_mask"):
        yield from _numpy(f"{path}.isna()", a.isna(), b.isna())
        yield from _numpy(path, *(x[~x.isna()].to_numpy(a.dtype.numpy_dtype) for x in (a, b)))
    elif isinstance(a.dtype, pd.StringDtype):
        assert_identical(a.to_numpy(object).tolist(), b.to_numpy(object).tolist())
    elif isinstance(a.dtype, pd.ArrowDtype):
        left, right = a.__arrow_array__(), b.__arrow_array__()
        if not left.equals(right):  # which takes no NaN for another one
            assert_identical(left.to_pylist(), right.to_pylist())
    else:
        yield from _cells(path, iter(a), iter(b))


def _numpy(path: str, a: Any, b: Any) -> Pairs:
    from aqueduct_core.testing._compare_libraries import LIBRARIES

    if b.dtype.kind == "O":
        require(a.dtype == b.dtype and len(a) == len(b), path, "objects", a, b)
        yield from _cells(path, iter(a), iter(b))
        return
    for where, left, right in LIBRARIES["numpy"](path, a, b):
        assert_identical(left, right)
        require(type(left) is type(right), where, "type", left, right)


def _cells(path: str, a: Iterator[Any], b: Iterator[Any]) -> Pairs:
    for index, (left, right) in enumerate(zip(a, b, strict=True)):
        yield f"{path}.iloc[{index}]", left, right


def _dtype(path: str, a: Any, b: Any) -> Pairs:
    require(type(a) is type(b), path, "dtype", a, b)
    if isinstance(b, np.dtype):
        from aqueduct_core.serializers._dtypes import same_dtype

        require(same_dtype(a, b), path, "dtype", a, b)
        return
    require(a == b, path, "dtype", a, b)
    if isinstance(b, pd.CategoricalDtype):
        require(a.ordered is b.ordered, path, "ordered", a.ordered, b.ordered)
        if b.categories is None:
            require(a.categories is None, path, "categories", a.categories, None)
        else:
            yield from _index(f"{path}.categories", a.categories, b.categories)
    elif isinstance(b, pd.StringDtype):
        require(a.storage == b.storage, path, "storage", a.storage, b.storage)
        require(a.na_value is b.na_value, path, "na_value", a.na_value, b.na_value)
    elif isinstance(b, pd.DatetimeTZDtype):
        require(a.unit == b.unit, path, "unit", a.unit, b.unit)
        require(type(a.tz) is type(b.tz) and a.tz == b.tz, path, "zone", a.tz, b.tz)
        require(repr(a.tz) == repr(b.tz), path, "zone", a.tz, b.tz)
    elif isinstance(b, pd.PeriodDtype):
        yield from _freq(f"{path}.freq", a.freq, b.freq)
    elif isinstance(b, pd.IntervalDtype):
        require(a.closed == b.closed, path, "closed", a.closed, b.closed)
        yield from _dtype(f"{path}.subtype", a.subtype, b.subtype)
    elif isinstance(b, pd.SparseDtype):
        yield from _dtype(f"{path}.subtype", a.subtype, b.subtype)
        yield f"{path}.fill_value", a.fill_value, b.fill_value
    elif isinstance(b, pd.ArrowDtype):
        left, right = a.pyarrow_dtype, b.pyarrow_dtype
        require(left.equals(right, check_metadata=True), path, "Arrow type", left, right)


def _scalar(path: str, a: Any, b: Any) -> Pairs:
    if isinstance(b, pd.Timestamp):
        require(a.unit == b.unit and a.fold == b.fold, path, "unit or fold", a, b)
        require(a.asm8 == b.asm8, path, "time", a, b)
        require(type(a.tz) is type(b.tz) and a.tz == b.tz, path, "zone", a.tz, b.tz)
    elif isinstance(b, pd.Timedelta):
        require(a.unit == b.unit and a.asm8 == b.asm8, path, "time", a, b)
    elif isinstance(b, pd.Period):
        require(a.ordinal == b.ordinal, path, "ordinal", a, b)
        yield from _freq(f"{path}.freq", a.freq, b.freq)
    elif isinstance(b, pd.Interval):
        require(a.closed == b.closed, path, "closed", a.closed, b.closed)
        assert_identical(a.left, b.left)
        assert_identical(a.right, b.right)
    elif b is pd.NA or b is pd.NaT:
        require(a is b, path, "missing value", a, b)
    else:
        yield from by_content(path, a, b)
