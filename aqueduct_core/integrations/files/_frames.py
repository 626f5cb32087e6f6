"""Arrow tables as DataFrames that keep every value, and values as Arrow tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.errors import ConversionError, LossyTypeError
from aqueduct_core.integrations._frames import frame_of, to_pandas
from aqueduct_core.serializers.tables._libraries import adapter_of
from aqueduct_core.serializers.tables._moments import with_moments

__all__ = ["arrow_of", "frame_from", "is_plain", "is_table"]

_PANDAS = b"pandas"  # what pandas writes into a schema, to get back its index and dtypes
_SAFE = {str, bytes, int, float, bool, date, Decimal}  # one of these alone is kept as it is
_TABLES = ("pandas.DataFrame", "polars.DataFrame", "polars.LazyFrame", "pyarrow.Table")


def frame_from(table: pa.Table) -> pd.DataFrame:
    """A DataFrame: as it was, if pandas wrote the file, else column by column."""
    if _PANDAS not in (table.schema.metadata or {}):
        return frame_of(table.column_names, [_series(column) for column in table.columns])
    frame = table.to_pandas()
    for name in table.column_names:
        column = table.column(name)
        whole = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
        if whole and column.null_count and name in frame and frame[name].dtype.kind in "fO":
            series = to_pandas(column)
            series.index = frame.index
            frame[name] = series  # else numbers with a NULL among them would be floats
    return frame


def is_plain(schema: pa.Schema) -> bool:
    """Whether the frame of a table is that of its columns, one by one, whatever rows it has."""
    told = json.loads((schema.metadata or {}).get(_PANDAS, b"{}"))
    counted = all(
        isinstance(index, dict) and (index["start"], index["step"]) == (0, 1)
        for index in told.get("index_columns", [])
    )
    names = [column["name"] for column in told.get("columns", [])]
    return counted and names == schema.names[: len(names)] and all(map(_is_plain, schema.types))


def _is_plain(kind: pa.DataType) -> bool:
    types = pa.types
    tests: list[Callable[[pa.DataType], bool]] = [
        types.is_integer,
        types.is_float32,
        types.is_float64,
        types.is_boolean,
        types.is_string,
        types.is_large_string,
        types.is_binary,
        types.is_date32,
        types.is_time64,
        types.is_timestamp,
        types.is_decimal128,
    ]
    return any(test(kind) for test in tests)


def is_table(value: Any) -> bool:
    """Whether a value is a table of some library."""
    kind = type(value)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}" in _TABLES


def arrow_of(value: Any, *, index: bool) -> pa.Table:
    """A table of any library as an Arrow table.

    Args:
        value: The table.
        index: Whether an index of pandas may come along as columns; otherwise one that is more than
            the numbers of rows is refused.

    Raises:
        LossyTypeError: Arrow has no type for a column.
    """
    if not is_table(value):
        raise LossyTypeError(
            f"a {type(value).__name__} is no table",
            hint="save a DataFrame, an Arrow table, or choose another format",
        )
    try:
        if isinstance(value, pd.DataFrame):
            table = _from_pandas(value, index=index)
            # Their columns come first, then the levels of an index that is more than numbers of rows.
            levels = [value.index.get_level_values(at) for at in range(value.index.nlevels)]
            columns = [value.iloc[:, at] for at in range(value.shape[1])] + levels
            for at, column in enumerate(columns[: table.num_columns]):
                if isinstance(column.dtype, np.dtype) and column.dtype.hasobject:
                    kept = with_moments(table.column(at), column)
                    table = table.set_column(at, table.field(at), kept)
                    _check_objects(table.field(at).name, pd.Series(column.array), kept)
            return table
        found: pa.Table = adapter_of(type(value))[1].arrow_of(value)
    except (pa.ArrowException, ConversionError, TypeError, ValueError) as error:
        if isinstance(error, LossyTypeError):
            raise
        raise LossyTypeError(
            f"the table can't be kept: {error}",
            hint="turn the column into one type, such as text, before it is saved",
        ) from error
    return found


def _from_pandas(frame: pd.DataFrame, *, index: bool) -> pa.Table:
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise LossyTypeError(
            f"the column {twice!r} is there twice", hint="rename one: frame.columns = [...]"
        )
    if not index:
        odd = [name for name in frame.columns if not isinstance(name, str)]
        if odd:
            raise LossyTypeError(
                f"the name of the column {odd[0]!r} is {type(odd[0]).__name__}, not text",
                hint="rename it: frame.columns = frame.columns.map(str)",
            )
        counted = pd.RangeIndex(len(frame))
        if not frame.index.equals(counted) or frame.index.names != [None]:
            raise LossyTypeError(
                "the index of the DataFrame is more than the numbers of its rows",
                hint="frame.reset_index() makes it a column; reset_index(drop=True) drops it",
            )
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    return pa.Table.from_pandas(frame)


def _check_objects(name: Any, series: pd.Series, column: pa.ChunkedArray) -> None:
    """Refuse objects that Arrow would change to make one type of them.

    It turns text into bytes beside bytes, moments into days beside days, tuples into lists, and
    adds members to dictionaries.
    """
    there = series.notna() if not pa.types.is_nested(column.type) else ~_missing(series)
    values = series[there].tolist()
    kinds = {type(value) for value in values}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= _SAFE):
        return
    back = column.filter(pa.array(there.to_numpy(dtype=bool))).to_pylist()
    for value, kept in zip(values, back, strict=True):
        plain = value.tolist() if hasattr(value, "tolist") else value
        if type(plain) is not type(kept) or plain != kept:
            raise LossyTypeError(
                f"the column {name!r} has {value!r:.60} in it, of which {kept!r:.60} would be kept",
                hint="give the column values of one type before it is saved",
            )


def _missing(series: pd.Series) -> pd.Series:
    return series.map(lambda value: value is None or value is pd.NA).astype(bool)


def _series(column: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_nested(column.type) or pa.types.is_decimal(column.type):
        return pd.Series(pd.array(column, dtype=pd.ArrowDtype(column.type)))
    return to_pandas(column)
