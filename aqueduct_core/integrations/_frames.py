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
# What is written where a value is missing; of integers, a mask says where that is.
_MISSING = {
    **{kind: 0 for kind in _NULLABLE if kind != pa.bool_()},
    pa.float32(): np.nan,
    pa.float64(): np.nan,
    **{pa.timestamp(unit): np.datetime64("NaT", unit) for unit in ("s", "ms", "us", "ns")},
}


def frame_of(names: Sequence[str], columns: Sequence[Any]) -> pd.DataFrame:
    """A DataFrame of columns by position, since a result may repeat a name."""
    frame = pd.DataFrame(dict(enumerate(columns)), copy=False)
    frame.columns = pd.Index(list(names), dtype=None if names else object)
    return frame


def to_frame(table: Any) -> pd.DataFrame:
    """An Arrow table as a DataFrame."""
    return frame_of(table.column_names, [to_pandas(array) for array in table.columns])


def to_pandas(array: Any, *, takes: bool = False) -> pd.Series:
    """A chunked array: integers stay integers, whether or not some are NULL.

    What is a Series already stays as it is.

    Args:
        array: The array.
        takes: Whether nobody else needs it any more: its memory may become that of the column.
    """
    if isinstance(array, pd.Series):
        return array
    kind = array.type
    types = pa.types
    if any(test(kind) for test in (types.is_date, types.is_time, types.is_decimal, types.is_list)):
        return pd.Series(pd.array(array, dtype=pd.ArrowDtype(kind)))
    if takes and array.num_chunks == 1:
        taken = _taken(array.chunk(0))
        if taken is not None:
            return pd.Series(taken, copy=False)
    if array.null_count and kind in _NULLABLE:
        return pd.Series(_nullable(array, _NULLABLE[kind]), copy=False)
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


def _taken(array: Any) -> Any:
    """The values where they are, if that is memory that can be written to."""
    kind = array.type
    buffer = array.buffers()[1] if kind in _MISSING else None
    if buffer is None or not buffer.is_mutable:
        return None
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    dtype = np.dtype(kind.to_pandas_dtype())
    values = np.frombuffer(buffer, dtype, len(array), array.offset * dtype.itemsize)
    if missing is None:
        return values
    values[missing] = _MISSING[kind]
    if kind not in _NULLABLE:
        return values
    return _NULLABLE[kind].construct_array_type()(values, missing)
