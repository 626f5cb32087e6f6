"""What other tools see: plain Arrow tables of pandas objects, and pandas objects of any table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.errors import ConversionError, UnserializableError
from aqueduct_core.serializers.tables import _pandas_internals as internals
from aqueduct_core.serializers.tables._pandas_axes import unique_names
from aqueduct_core.serializers.tables._pandas_context import Writer
from aqueduct_core.serializers.tables._pandas_objects import encode_cells

__all__ = ["arrow_of", "from_arrow", "pandas_metadata", "settled"]

_COPIED = 0.25  # of a table's bytes that may be copied to have each column in one chunk
_DOUBLE = 8  # bytes
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
    if not _is_odd(column.type):
        return column.combine_chunks()
    if not pa.types.is_dictionary(column.type):
        return column
    try:
        return column.unify_dictionaries()
    except pa.ArrowInvalid:  # it can't if an entry is null
        return column


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
    columns = {i: _fitting(frame.iloc[:, i].array) for i in range(frame.shape[1])}
    plain = pd.DataFrame(columns, index=_fitting_index(frame.index), copy=False)
    labels = frame.columns
    if not labels.is_unique or type(labels) is pd.MultiIndex or labels.dtype.kind == "O":
        labels = pd.Index(unique_names(labels.tolist()), name=_text_or_none(labels.name))
    plain.columns = labels
    return pa.Table.from_pandas(plain)


def _frame_of(obj: Any) -> pd.DataFrame:
    if isinstance(obj, pd.DataFrame):
        return obj
    if isinstance(obj, pd.MultiIndex):
        return obj.to_frame(index=False, allow_duplicates=True)
    if isinstance(obj, pd.Series):
        series = obj
    else:
        index = pd.RangeIndex(len(obj))
        values = obj.array if isinstance(obj, pd.Index) else obj
        name = getattr(obj, "name", None)
        series = pd.Series(values, index=index, name=name, dtype=values.dtype, copy=False)
    label = "values" if series.name is None else series.name
    return pd.DataFrame({0: series}, copy=False).set_axis([str(label)], axis=1)


def _fitting(values: Any) -> Any:
    """The same array if Arrow takes it, else its nearest plain form."""
    values = internals.plain_array(values)
    if isinstance(values, pd.arrays.SparseArray):
        values = values.to_dense()
    array = _fitting_array(values)
    return values if array is None else array


def _fitting_array(values: Any) -> Any:
    """What stands for an array in Arrow; None if it can itself."""
    # Arrow must never infer the types of objects: for some mixes of NumPy scalars it ends the process.
    kind = values.dtype.kind
    if isinstance(values, np.ndarray):
        if kind == "O":
            return _objects(values.tolist())
        if kind == "c":
            parts = [pa.array(part.astype("f8")) for part in (values.real, values.imag)]
            return _wrapped(pa.StructArray.from_arrays(parts, names=["real", "imag"]))
        if kind == "f" and values.dtype.itemsize > _DOUBLE:
            return values.astype("f8")
        if not values.dtype.isnative:
            return values.astype(values.dtype.newbyteorder("="))
        return values if kind in "biufmM" else _texts(values.tolist())
    if isinstance(values, pd.Categorical):
        within = values.categories
        known = isinstance(within.dtype, np.dtype) and within.dtype.kind != "O"
        return None if known or isinstance(within.dtype, pd.StringDtype) else _objects(list(values))
    if isinstance(values, pd.arrays.ArrowExtensionArray | pd.arrays.ArrowStringArray):
        return None
    if isinstance(values.dtype, pd.StringDtype):
        return _objects(values.to_numpy(object).tolist())
    try:
        pa.array(values[:0], from_pandas=True)
    except _UNFIT:
        return _texts(list(values))
    return None


def _objects(cells: list[Any]) -> Any:
    """Python objects as a typed column if they are of one type, else as text."""
    types = {type(cell) for cell in cells} - {type(None), type(pd.NA), type(pd.NaT)}
    if types == {int, float}:
        return pd.Series(
            [None if pd.isna(cell) else float(cell) for cell in cells], dtype="Float64"
        )
    try:
        encoded = encode_cells(cells, Writer(_Nowhere(), False), "")
    except UnserializableError:
        return _texts(cells)
    form = encoded.spec["cells"] if isinstance(encoded.spec, dict) else None
    if types == {dict} and form == "json":
        try:
            json.dumps(cells, allow_nan=False)  # so that all in them is plain, for Arrow to infer
            return _wrapped(pa.array(cells))
        except _UNFIT:
            return _wrapped(encoded.array)
    if form in ("json", "uuid", "scalar") or encoded.array is None:
        return _texts(cells)
    return _wrapped(encoded.array)


class _Nowhere:
    """A sink for what isn't to be stored."""

    def nest(self, obj: Any, at: str = "") -> int:
        if isinstance(obj, np.ndarray):
            return 0  # which missing value is which
        raise UnserializableError("only plain cells are typed here")


def _texts(cells: list[Any]) -> Any:
    # For some, such as arrays, whether they are missing has no single answer.
    texts = [None if pd.api.types.is_scalar(c) and pd.isna(c) else _text(c) for c in cells]
    return _wrapped(pa.array(texts, pa.large_string()))


def _text(cell: Any) -> str:
    try:
        return str(cell).encode("utf-8", "replace").decode()
    except ValueError:  # an integer of too many digits
        return f"<{type(cell).__name__}>"


def _wrapped(array: Any) -> Any:
    return pd.arrays.ArrowExtensionArray(array)


def _fitting_index(index: pd.Index) -> pd.Index:
    if type(index) is pd.RangeIndex:
        return index.rename(_text_or_none(index.name))
    if isinstance(index, pd.MultiIndex):
        frame = index.to_frame(index=False, allow_duplicates=True)
        columns = [_fitting(frame.iloc[:, i].array) for i in range(index.nlevels)]
        return pd.MultiIndex.from_arrays(columns, names=[_text_or_none(n) for n in index.names])
    values = _fitting(index.array)
    if isinstance(values.dtype, pd.ArrowDtype) and pa.types.is_nested(values.dtype.pyarrow_dtype):
        values = _texts(index.tolist())  # an index needs values that can be hashed
    return pd.Index(values, name=_text_or_none(index.name))


def _text_or_none(name: Any) -> Any:
    return name if name is None or isinstance(name, str) else str(name)


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
