"""pandas objects as descriptions need them, converting no more than what is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.serializers._array_describe import statistics
from aqueduct_core.serializers.tables._describe import (
    MOST_SHOWN,
    ODD,
    arrow_statistics,
    cell,
    shorten,
    text_statistics,
)
from aqueduct_core.serializers.tables._pandas_internals import blocks_of, plain_array

__all__ = ["PandasView"]

_TEXTS = 2_000


class PandasView:
    """A DataFrame, or a Series, Index or array as the one column of a frame."""

    def __init__(self, obj: Any) -> None:
        self._index = getattr(obj, "index", None)
        self.rows = len(obj)
        if isinstance(obj, pd.DataFrame):
            self.width = obj.shape[1]
            self.names: Sequence[str] = [str(name) for name in obj.columns[:MOST_SHOWN]]
            self._columns, self.size = _columns(obj)
        else:
            name = getattr(obj, "name", None)
            self.width = 1
            self.names = ["values" if name is None else str(name)]
            values = plain_array(obj.array if isinstance(obj, (pd.Series, pd.Index)) else obj)
            self._columns, self.size = [values], int(values.nbytes)

    def field(self, index: int) -> dict[str, JSON]:
        return {"type": shorten(_type(self._columns[index].dtype))}

    def statistics(self, index: int, step: int) -> dict[str, JSON]:
        values = self._columns[index][::step]
        if not isinstance(values, np.ndarray):
            return _of_extension(values)
        return _of_objects(values) if values.dtype.kind == "O" else statistics(values)

    def cells(self, index: int, rows: int) -> list[Any]:
        values = self._columns[index][:rows]
        if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
            return [None if np.isnat(value) else str(value) for value in values]
        return [_shown(value) for value in values.tolist()]

    def extras(self, rows: int) -> dict[str, JSON]:
        index = self._index
        if not isinstance(index, pd.Index) or isinstance(index, pd.RangeIndex):
            return {}
        try:
            return {"index": [cell(_shown(value)) for value in index[:rows].tolist()]}
        except ODD:
            return {}


def _of_objects(values: Any) -> dict[str, JSON]:
    nulls = int(np.count_nonzero(pd.isna(values)))
    texts = [value for value in values[:_TEXTS].tolist() if type(value) is str]
    found: dict[str, JSON] = {"nulls": nulls}
    return (
        found | text_statistics(Counter(texts))
        if len(texts) >= min(len(values), _TEXTS) / 2
        else found
    )


def _of_extension(values: Any) -> dict[str, JSON]:
    nulls: dict[str, JSON] = {"nulls": int(np.count_nonzero(values.isna()))}
    if isinstance(values.dtype, pd.SparseDtype):
        return statistics(np.asarray(values))
    if isinstance(values, pd.Categorical):
        counts = np.bincount(values.codes[values.codes >= 0])
        seen = {str(values.categories[code]): int(counts[code]) for code in np.flatnonzero(counts)}
        return nulls | text_statistics(Counter(seen))
    if isinstance(values, (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray)):
        return statistics(values.asi8.view(f"M8[{values.unit}]"))
    try:
        converted = pa.array(values, from_pandas=True)
    except ODD:
        return nulls
    chunked = converted if isinstance(converted, pa.ChunkedArray) else pa.chunked_array([converted])
    return arrow_statistics(chunked) | nulls


def _shown(value: Any) -> Any:
    return None if value is pd.NA or value is pd.NaT else value


def _type(dtype: Any) -> str:
    if isinstance(dtype, pd.CategoricalDtype):
        # Its own text prints the categories.
        count = 0 if dtype.categories is None else len(dtype.categories)
        return f"category[{count}]"
    return str(dtype)


def _columns(frame: pd.DataFrame) -> tuple[list[Any], int]:
    """The first columns as arrays, and the bytes of all: faster than a Series for each."""
    columns: list[Any] = [None] * min(frame.shape[1], MOST_SHOWN)
    size = 0
    for values, places in blocks_of(frame):
        size += int(values.nbytes)
        for row, place in enumerate(places.tolist()):
            if place < len(columns):
                columns[place] = values[row] if isinstance(values, np.ndarray) else values
    return columns, size
