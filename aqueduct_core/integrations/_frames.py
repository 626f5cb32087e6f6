"""Arrow arrays as columns of pandas that keep every value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        return array.to_pandas(types_mapper=_NULLABLE.get)
    return array.to_pandas()
