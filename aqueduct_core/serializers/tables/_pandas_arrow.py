"""What other tools see: plain Arrow tables of pandas objects, and pandas objects of any table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.errors import ConversionError
from aqueduct_core.serializers.tables._pandas_axes import unique_names

__all__ = ["arrow_of", "from_arrow", "pandas_metadata", "settled"]

_COPIED = 0.25  # of a table's bytes that may be copied to have each column in one chunk
_SHORT = 1 << 16  # rows of a chunk, on average, below which chunks cost more than a copy

_UNFIT = (pa.ArrowException, TypeError, ValueError, OverflowError)


def settled(columns: list[Any], rows: int) -> list[Any]:
    """Columns in one chunk each where that costs little: else the table goes into several batches."""
    chunked = [column for column in columns if isinstance(column, pa.ChunkedArray)]
    if not chunked:
        return columns
    split = [column for column in chunked if column.num_chunks > 1]
    if split:
        most = max(column.num_chunks for column in split)
        whole = sum(column.nbytes for column in columns)
        if sum(c.nbytes for c in split) > _COPIED * whole and rows >= most * _SHORT:
            return columns
    return [
        _one_chunk(column) if isinstance(column, pa.ChunkedArray) else column for column in columns
    ]


def _one_chunk(column: pa.ChunkedArray) -> Any:
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks == 0:
        return pa.array([], column.type) if not _is_odd(column.type) else column
    if _is_odd(column.type):
        return column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
    return column.combine_chunks()


def _is_odd(kind: pa.DataType) -> bool:
    """Types whose chunks Arrow can't always make or put together."""
    return isinstance(kind, pa.BaseExtensionType) or any(
        test(kind)
        for test in (pa.types.is_dictionary, pa.types.is_union, pa.types.is_run_end_encoded)
    )


def pandas_metadata(
    index: pd.Index, columns: pd.Index | None, index_names: Sequence[str]
) -> dict[bytes, bytes] | None:
    """What `pandas.read_parquet` looks at to find the index, and whether labels are numbers."""
    numbered = columns is not None and columns.dtype.kind in "iu" and len(columns) > 0
    plain = type(index) is pd.RangeIndex and index.name is None
    if plain and not numbered and (index.start, index.step) == (0, 1):
        return None
    described: list[JSON] = []
    entries: list[JSON] = []
    if type(index) is pd.RangeIndex:
        name = index.name if isinstance(index.name, str) else None
        described.append(
            {"kind": "range", "name": name}
            | {"start": index.start, "stop": index.stop, "step": index.step}
        )
    for physical, label in zip(index_names, index.names, strict=False):
        described.append(physical)
        name = label if isinstance(label, str) else None
        entry = {"name": name, "field_name": physical, "metadata": None}
        entries.append({**entry, "pandas_type": "object", "numpy_type": "object"})
    kind = "int64" if numbered else "unicode"
    labels = {"name": None, "field_name": None, "pandas_type": kind, "metadata": None}
    labels["numpy_type"] = kind if numbered else "object"
    document = {
        "index_columns": described,
        "column_indexes": [labels],
        "columns": entries,
        "creator": {"library": "aqueduct_core", "version": "1"},
        "pandas_version": pd.__version__,
    }
    return {b"pandas": json.dumps(document).encode()}


def arrow_of(obj: Any) -> pa.Table:
    """A plain Arrow table of a pandas object, as other libraries expect it.

    The index stays as `pyarrow.Table.from_pandas` keeps it. Values that Arrow has no type for become
    dense numbers (sparse), pairs of numbers (complex) or text.
    """
    frame = _frame_of(obj)
    if not frame.columns.is_unique or type(frame.columns) is pd.MultiIndex:
        frame = frame.set_axis(pd.Index(unique_names(frame.columns.tolist())), axis=1)
    try:
        return pa.Table.from_pandas(frame)
    except _UNFIT:
        fitting = [_fitting(frame.iloc[:, i]) for i in range(frame.shape[1])]
        plain = pd.DataFrame(dict(enumerate(fitting)), index=_fitting_index(frame.index))
        plain.columns = frame.columns
        return pa.Table.from_pandas(plain)


def _frame_of(obj: Any) -> pd.DataFrame:
    if isinstance(obj, pd.DataFrame):
        return obj
    if isinstance(obj, pd.MultiIndex):
        return obj.to_frame(index=False, allow_duplicates=True)
    if isinstance(obj, pd.Series):
        series = obj
    else:
        series = pd.Series(obj, name=getattr(obj, "name", None), copy=False)
        if isinstance(obj, pd.Index):
            series.index = pd.RangeIndex(len(obj))
    label = "values" if series.name is None else series.name
    return pd.DataFrame({0: series}, copy=False).set_axis([str(label)], axis=1)


def _fitting(series: pd.Series) -> pd.Series:
    """The same column if Arrow takes it, else its nearest plain form."""
    dtype = series.dtype
    if isinstance(dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    try:
        pa.Array.from_pandas(series)
    except _UNFIT:
        if series.dtype.kind == "c":
            values = series.to_numpy()
            pairs = pa.StructArray.from_arrays(
                [pa.array(values.real.astype("f8")), pa.array(values.imag.astype("f8"))],
                names=["real", "imag"],
            )
            array = pd.arrays.ArrowExtensionArray(pairs)
        elif series.dtype.kind == "f":
            array = series.to_numpy().astype("f8")
        else:
            gone = np.asarray(series.isna())
            cells = [None if g else str(v) for g, v in zip(gone, series.tolist(), strict=True)]
            array = pd.array(cells, dtype="str")
        return pd.Series(array, index=series.index, name=series.name)
    return series


def _fitting_index(index: pd.Index) -> pd.Index:
    if isinstance(index, pd.MultiIndex):
        return index.set_levels([_fitting_index(level) for level in index.levels])
    return pd.Index(_fitting(index.to_series()).array, name=index.name)


def from_arrow(table: pa.Table, target: type) -> Any:
    """A pandas object of any Arrow table.

    Args:
        table: The table; what pandas noted in its schema about the index is honoured.
        target: `pandas.DataFrame` or `pandas.Series`.

    Raises:
        ConversionError: The table has not just one column, as a series needs, or another class is asked.
    """
    if target not in (pd.DataFrame, pd.Series):
        raise ConversionError(
            f"a table can't be loaded as {target.__name__}",
            hint="ask for pandas.DataFrame or pandas.Series",
        )
    try:
        frame = table.to_pandas()
    except _UNFIT as error:
        raise ConversionError(
            f"pandas can't hold this table: {error}", hint="load it as pyarrow.Table"
        ) from error
    if target is pd.DataFrame:
        return frame
    if frame.shape[1] != 1:
        raise ConversionError(
            f"a table of {frame.shape[1]} columns is no series",
            hint="load it as pandas.DataFrame, or name one column with columns=[...]",
        )
    return frame.iloc[:, 0]
