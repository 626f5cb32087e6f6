"""Hypothesis strategies for values that a store must keep."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import uuid
from pathlib import PurePosixPath
from typing import Any

from hypothesis import strategies as st

__all__ = ["arrays", "frames", "plain_json", "python_values"]

_int64 = st.integers(-(2**63), 2**63 - 1)


def plain_json(max_leaves: int = 20) -> st.SearchStrategy[Any]:
    """What every JSON library keeps: dicts with str keys, lists, strings, numbers, booleans, None."""
    leaves = (
        st.none()
        | st.booleans()
        | _int64
        | st.text()
        | st.floats(allow_nan=False, allow_infinity=False)
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
        max_leaves=max_leaves,
    )


def python_values(max_leaves: int = 20) -> st.SearchStrategy[Any]:
    """Nests of the types of the standard library that have a documented JSON form."""
    hashable = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.complex_numbers(),
        st.text(st.characters()),
        st.binary(),
        st.decimals(),
        st.fractions(),
        st.uuids(),
        st.dates(),
        st.datetimes(timezones=st.none() | st.just(dt.UTC) | st.timezones()),
        st.times(),
        st.timedeltas(),
        st.sampled_from([decimal.Decimal("-0"), fractions.Fraction(1, 3), uuid.UUID(int=0)]),
        st.sampled_from([PurePosixPath("a/b"), range(3), ..., NotImplemented, slice(1, None)]),
    )
    keys = hashable.filter(_can_be_key)
    return st.recursive(
        hashable,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(keys, inner, max_size=4),
            st.sets(keys, max_size=4),
            st.frozensets(keys, max_size=4),
        ),
        max_leaves=max_leaves,
    )


def _can_be_key(value: Any) -> bool:
    if isinstance(value, decimal.Decimal) and value.is_snan():  # neither compares nor hashes
        return False
    return value == value and not isinstance(value, slice)


def arrays() -> st.SearchStrategy[Any]:
    """NumPy arrays of every dtype but object, in any shape and memory layout."""
    from hypothesis.extra import numpy as hnp

    dtypes = hnp.scalar_dtypes() | hnp.array_dtypes()
    plain = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    layouts = [
        lambda array: array,
        lambda array: array.T,
        lambda array: array[..., ::-1] if array.ndim else array,
        lambda array: array.copy(order="F"),
    ]
    return st.builds(lambda array, layout: layout(array), plain, st.sampled_from(layouts))


def frames() -> st.SearchStrategy[Any]:
    """Small pandas frames with columns and indexes of many dtypes."""
    from hypothesis.extra import pandas as hpd

    columns = st.lists(
        st.sampled_from(["int8", "int64", "uint64", "float32", "float64", "bool", "datetime64[ns]"])
        | st.just(object),
        min_size=0,
        max_size=4,
    ).map(
        lambda kinds: [
            hpd.column(
                name=f"c{index}",
                dtype=kind,
                elements=(st.text() | st.none() | st.integers()) if kind is object else None,
            )
            for index, kind in enumerate(kinds)
        ]
    )
    return columns.flatmap(
        lambda found: (
            hpd.data_frames(found, index=hpd.range_indexes(max_size=6))
            if found
            else hpd.data_frames([hpd.column("only", dtype="int64")])
        )
    )
