"""pandas objects as descriptions need them, converting no more than what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.serializers import _array_describe
from aqueduct_core.serializers.tables._describe import (
    ODD,
    arrow_statistics,
    cell,
    shorten,
    text_statistics,
)

__all__ = ["PandasView"]

_TEXTS = 2_000


class PandasView:
    """A DataFrame, or a Series, Index or array as the one column of a frame."""

    def __init__(self, obj: Any) -> None:
        self._frame = obj if isinstance(obj, pd.DataFrame) else None
        if self._frame is None:
            self._column: Any = obj
            name = getattr(obj, "name", None)
            self.names: Sequence[str] = ["values" if name is None else str(name)]
        else:
            self.names = [str(name) for name in obj.columns]
        self.rows = len(obj)
        self.size = _size(obj)

    def field(self, index: int) -> dict[str, JSON]:
        dtype = self._of(index).dtype if self._frame is None else self._frame.dtypes.iloc[index]
        return {"type": shorten(_type(dtype))}

    def statistics(self, index: int, step: int) -> dict[str, JSON]:
        values = self._of(index)[::step]
        if isinstance(values.dtype, np.dtype):
            if values.dtype.kind != "O":
                return _array_describe.statistics(np.asarray(values))
            return _of_objects(np.asarray(values))
        return _of_extension(values)

    def cells(self, index: int, rows: int) -> list[Any]:
        return [_shown(value) for value in self._of(index)[:rows].tolist()]

    def extras(self, rows: int) -> dict[str, JSON]:
        index = getattr(self._frame if self._frame is not None else self._column, "index", None)
        if not isinstance(index, pd.Index) or isinstance(index, pd.RangeIndex):
            return {}
        try:
            return {"index": [cell(_shown(value)) for value in index[:rows].tolist()]}
        except ODD:
            return {}

    def _of(self, index: int) -> Any:
        """A column as an array: slicing one by position is cheaper than slicing a Series."""
        column = self._column if self._frame is None else self._frame.iloc[:, index]
        values = column.array if isinstance(column, (pd.Series, pd.Index)) else column
        # Its dtype is no NumPy dtype. And Arrow must not infer types of objects: for some mixes of
        # NumPy scalars it ends the process.
        return values.to_numpy() if type(values) is pd.arrays.NumpyExtensionArray else values


def _of_objects(values: Any) -> dict[str, JSON]:
    nulls = int(np.count_nonzero(pd.isna(values)))
    texts = [value for value in values[:_TEXTS].tolist() if type(value) is str]
    found: dict[str, JSON] = {"nulls": nulls}
    return found | text_statistics(texts) if len(texts) >= min(len(values), _TEXTS) / 2 else found


def _of_extension(values: Any) -> dict[str, JSON]:
    nulls: dict[str, JSON] = {"nulls": int(np.count_nonzero(values.isna()))}
    if isinstance(values.dtype, pd.SparseDtype):
        return _array_describe.statistics(np.asarray(values))
    if isinstance(values, pd.Categorical):
        texts = [shorten(str(value)) for value in values[:_TEXTS].dropna().tolist()]
        return nulls | text_statistics(texts)
    if isinstance(values, (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray)):
        return _array_describe.statistics(values.asi8.view(f"M8[{values.unit}]"))
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


def _size(obj: Any) -> int:
    if isinstance(obj, pd.api.extensions.ExtensionArray):
        return int(obj.nbytes)
    used = obj.memory_usage(deep=False)
    return int(used.sum()) if isinstance(used, pd.Series) else int(used)
