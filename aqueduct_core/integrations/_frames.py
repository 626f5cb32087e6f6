"""Arrow arrays as columns of pandas that keep every value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["frame_of", "to_frame", "to_pandas"]

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def frame_of(names: Sequence[str], columns: Sequence[Any]) -> pd.DataFrame:
    """A DataFrame of columns by position, since a result may repeat a name."""
    frame = pd.DataFrame(dict(enumerate(columns)), copy=False)
    frame.columns = pd.Index(list(names), dtype=None if names else object)
    return frame


def to_frame(table: Any) -> pd.DataFrame:
    """An Arrow table as a DataFrame."""
    return frame_of(table.column_names, [to_pandas(array) for array in table.columns])


def to_pandas(array: Any) -> pd.Series:
    """A chunked array: integers stay integers, whether or not some are NULL.

    What is a Series already stays as it is.
    """
    if isinstance(array, pd.Series):
        return array
    kind = array.type
    types = pa.types
    if any(test(kind) for test in (types.is_date, types.is_time, types.is_decimal, types.is_list)):
        return pd.Series(pd.array(array, dtype=pd.ArrowDtype(kind)))
    if array.null_count and kind in _NULLABLE:
        return pd.Series(_nullable(array, _NULLABLE[kind]))
    return array.to_pandas()


def _nullable(array: Any, dtype: Any) -> Any:
    """Values and which of them are missing, a chunk at a time: pandas would have all of them twice."""
    values = np.empty(len(array), dtype.numpy_dtype)
    missing = np.empty(len(array), np.bool_)
    anything, start = dtype.numpy_dtype.type(0).item(), 0
    for chunk in array.chunks:
        end = start + len(chunk)
        values[start:end] = chunk.fill_null(anything).to_numpy(zero_copy_only=False)
        missing[start:end] = chunk.is_null().to_numpy(zero_copy_only=False)
        start = end
    return dtype.construct_array_type()(values, missing)
