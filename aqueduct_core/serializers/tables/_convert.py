"""Loading a table as another library's: `store.get(ref, as_=polars.DataFrame)`."""

from __future__ import annotations

import sys
from typing import Any

import pyarrow as pa

from aqueduct_core.errors import ConversionError
from aqueduct_core.serializers.tables._libraries import adapter_of, named_adapter
from aqueduct_core.serializers.tables._moments import with_moments

__all__ = ["convert"]

_POSSIBLE = (
    "as_= takes pandas.DataFrame, pandas.Series, pyarrow.Table, pyarrow.RecordBatch, "
    "polars.DataFrame, polars.LazyFrame, polars.Series, numpy.ndarray and list"
)


def convert(value: Any, target: type) -> Any:
    """A loaded value as another class; itself if it is one already.

    Between tables of any library, NumPy arrays and lists of dicts. The columns of another library are
    the nearest that it has: this is a conversion, not a round trip.

    Raises:
        ConversionError: There is no way from the value's class to the target.
    """
    if type(value) is target:
        return value
    if not isinstance(target, type):
        raise ConversionError(f"as_= takes a class, not {target!r}", hint=_POSSIBLE)
    library = _library(target)
    if library == "numpy":
        return _to_numpy(value)
    if target is list:
        return _to_table(value, target).to_pylist()
    if library in ("pandas", "pyarrow", "polars"):
        return _build(_to_table(value, target), target, library)
    if isinstance(value, target):
        return value
    raise _impossible(value, target)


def _build(table: pa.Table, target: type, library: str) -> Any:
    try:
        return named_adapter(library).from_arrow(table, target)
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, ConversionError):
            raise
        raise ConversionError(
            f"a table can't become a {library}.{target.__name__}: {error}", hint=_POSSIBLE
        ) from error


def _to_table(value: Any, target: type) -> pa.Table:
    """Any tabular value as an Arrow table."""
    library = _library(type(value))
    try:
        if library == "numpy":
            return _from_numpy(value)
        if library:
            return adapter_of(type(value))[1].arrow_of(value)
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            table = pa.Table.from_pylist(value)
            columns = [
                with_moments(column, (row.get(name) for row in value))
                for name, column in zip(table.column_names, table.columns, strict=True)
            ]
            return pa.Table.from_arrays(columns, schema=table.schema)
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, ConversionError):
            raise
        raise ConversionError(
            f"the {type(value).__name__} can't become an Arrow table: {error}",
            hint="load it as what it is, without as_=",
        ) from error
    raise _impossible(value, target)


def _from_numpy(array: Any) -> pa.Table:
    if array.dtype.names:
        return pa.table({name: _column(array[name]) for name in array.dtype.names})
    if array.ndim == 1:
        return pa.table({"values": _column(array)})
    if array.ndim == 2:
        columns = range(array.shape[1])
        return pa.table({str(index): _column(array[:, index]) for index in columns})
    raise ConversionError(
        f"an array of {array.ndim} dimensions is not a table",
        hint="load it as numpy.ndarray and reshape it to two dimensions",
    )


def _column(values: Any) -> pa.Array:
    import numpy as np

    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    return pa.array(np.ascontiguousarray(np.ma.getdata(values)), mask=mask)


def _to_numpy(value: Any) -> Any:
    """A series as a vector, a table as a matrix."""
    import numpy as np

    if _library(type(value)) in ("pandas", "polars") and hasattr(value, "to_numpy"):
        return value.to_numpy()
    table = _to_table(value, np.ndarray)
    columns = [_vector(column) for column in table.columns]
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return columns[0]
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


def _vector(column: pa.ChunkedArray) -> Any:
    try:
        return column.to_numpy()
    except (pa.ArrowException, NotImplementedError) as error:
        raise ConversionError(
            f"a column of {column.type} can't become a NumPy array: {error}",
            hint="choose other columns with columns=[...]",
        ) from error


def _library(cls: type) -> str:
    """The table library, or NumPy, that a class comes from; empty for others."""
    for base in cls.__mro__:
        name = base.__module__.partition(".")[0]
        if name in ("pandas", "pyarrow", "polars", "numpy") and name in sys.modules:
            return name
    return ""


def _impossible(value: Any, target: type) -> ConversionError:
    return ConversionError(
        f"a {type(value).__module__}.{type(value).__qualname__} can't be loaded as "
        f"{target.__module__}.{target.__qualname__}",
        hint=_POSSIBLE,
    )
