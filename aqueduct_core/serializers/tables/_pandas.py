"""pandas objects as Arrow tables, and back, exactly.

`meta` of a frame: `kind`, `rows`, `columns` (`_pandas_axes`), `runs` (`[count, spec]` of neighbouring
columns with one spec, `_pandas_columns`), `index` and `index_names` (`_pandas_index`, and the physical
names of its columns, which follow those of the frame), and, unless usual, `attrs` and `unique` (the flag
`allows_duplicate_labels` is off). A series has `name` and one column; an index and an array standing alone
have just theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON, Sink, Source
from aqueduct_core.errors import AqueductError, ColumnNotFoundError, CorruptArtifactError
from aqueduct_core.serializers._dtypes import dtype_to_json
from aqueduct_core.serializers.tables import _pandas_axes as axes
from aqueduct_core.serializers.tables import _pandas_internals as internals
from aqueduct_core.serializers.tables import _retype
from aqueduct_core.serializers.tables._ipc_dense import EvenTable
from aqueduct_core.serializers.tables._pandas_arrow import (
    arrow_of,
    from_arrow,
    pandas_metadata,
    settled,
)
from aqueduct_core.serializers.tables._pandas_columns import (
    arrow_type,
    decode_array,
    encode_array,
    has_column,
)
from aqueduct_core.serializers.tables._pandas_context import Columns, Reader, Writer
from aqueduct_core.serializers.tables._pandas_dtypes import (
    PANDAS_DTYPES,
    freq_from_json,
    freq_to_json,
    is_known_dtype,
)
from aqueduct_core.serializers.tables._pandas_frame import (
    WIDE,
    decode_columns_of,
    encode_blocks,
    even_block,
    even_rows,
)
from aqueduct_core.serializers.tables._pandas_index import (
    INDEX_CLASSES,
    decode_index,
    encode_index,
    index_names_of,
    is_known_index,
)

__all__ = [
    "accepts",
    "arrow_of",
    "decode",
    "decode_columns",
    "decode_mapped",
    "encode",
    "from_arrow",
    "is_as_stored",
    "select",
]

_INDEXES = frozenset(INDEX_CLASSES.values())
_VALUES = "values"  # the physical name of the column of what has no name
_MOST_COLUMNS = 10_000_000  # more than memory could hold the names of

_HOSTILE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    pa.ArrowException,
)
"""What building from inconsistent data raises, in NumPy, pandas, Arrow and here."""


def accepts(obj: Any, durable: bool) -> bool:
    """Whether an object is kept exactly in a table (in Parquet, if `durable`)."""
    kind = type(obj)
    if kind is pd.DataFrame:
        arrays = [values for values, _ in internals.blocks_of(obj)]
        known = all(_is_known(values, durable) for values in arrays)
        return known and _is_known_row_index(obj.index, durable) and is_known_index(obj.columns)
    if kind is pd.Series:
        return _is_known(obj.array, durable) and _is_known_row_index(obj.index, durable)
    if kind in _INDEXES:
        return _is_known_row_index(obj, durable)
    if not isinstance(obj, pd.api.extensions.ExtensionArray) or obj.ndim != 1:
        return False
    if not (isinstance(obj.dtype, np.dtype) or type(obj.dtype) in PANDAS_DTYPES):
        return False
    return kind is _class_of(obj.dtype) and _is_known(obj, durable)


def encode(obj: Any, sink: Sink, durable: bool) -> tuple[Any, dict[str, JSON]]:
    """The table of an object, and what rebuilds the object from it.

    It is a `pyarrow.Table`, or, unless `durable`, an `EvenTable`.
    """
    out = Writer(sink, durable)
    if isinstance(obj, pd.DataFrame):
        return _encode_frame(obj, out)
    if isinstance(obj, pd.Series):
        return _encode_series(obj, out)
    if isinstance(obj, pd.Index):
        columns, spec = encode_index(obj, out, "")
        names = index_names_of(obj, len(columns), [])
        meta: dict[str, JSON] = {"kind": "index", "rows": len(obj), "index": spec}
        meta["index_names"] = list(names)
        return _table(columns, names, None, len(obj), durable), meta
    return _encode_array(obj, out)


def decode(table: pa.Table, meta: Any, source: Source, base: memoryview | None) -> Any:
    """The object that `encode` was given.

    Args:
        table: Its table.
        meta: What `encode` returned with it.
        source: Gives nested objects.
        base: The writable private memory that the table's buffers lie in, if it is mapped.
    """
    return _guarded(lambda: _decode(Columns(table), meta, Reader(source, base), None))


def decode_mapped(meta: Any, source: Source) -> Any:
    """The frame of a mapped Arrow file as one block; None if it isn't one of many even columns."""
    runs, rows = meta["runs"], meta["rows"]
    if len(runs) != 1 or meta["index_names"] or "container" in meta:
        return None
    width, spec = runs[0]
    if not (type(width) is type(rows) is int and isinstance(spec, str)):
        return None
    if not (WIDE <= width <= _MOST_COLUMNS and rows > 0):
        return None
    base = source.view()
    return _guarded(lambda: _decode_even(base, width, spec, rows, meta, Reader(source, base)))


def select(meta: Any, columns: Sequence[Any]) -> list[str]:
    """The physical columns that are needed for some columns of a frame.

    Raises:
        ColumnNotFoundError: A column isn't there.
    """
    places = axes.locate(_axis(meta), columns)
    names = axes.physical_names(meta["columns"])
    specs = _specs(meta)
    needed = [names[place] for place in dict.fromkeys(places) if has_column(specs[place])]
    return needed + list(meta["index_names"])


def is_as_stored(meta: Any) -> bool:
    """Whether the physical columns are those of `arrow_of`, so that batches can be read from them."""
    axis = meta.get("columns")
    if meta.get("kind") != "frame" or "names" not in axis or meta["index_names"]:
        return False
    return all(_is_shown(spec) for _, spec in meta["runs"])


def _is_shown(spec: Any) -> bool:
    if not isinstance(spec, dict):
        # Not floats: what is NaN here is null there.
        return isinstance(spec, str) and spec[:2] in ("<i", "<u", "|i", "|u", "<M", "<m")
    if spec["kind"] == "masked":
        return bool(spec["dtype"] != "boolean")
    return spec["kind"] in ("string", "arrow", "tz") and "cells" not in spec


def decode_columns(
    table: pa.Table, meta: Any, source: Source, base: memoryview | None, columns: Sequence[Any]
) -> Any:
    """Like `decode`, for a table of the columns that `select` told; only these, in this order."""
    places = axes.locate(_axis(meta), columns)
    return _guarded(lambda: _decode(Columns(table), meta, Reader(source, base), places))


def _axis(meta: Any) -> Any:
    if meta.get("kind") != "frame":
        raise ColumnNotFoundError(
            f"a stored pandas {meta.get('kind')} has no columns to choose from"
        )
    return meta["columns"]


def _is_known(values: Any, durable: bool) -> bool:
    dtype = values.dtype
    if not is_known_dtype(dtype):
        return False
    if durable and isinstance(dtype, pd.ArrowDtype):
        return _retype.holds(pa.table({_VALUES: values.__arrow_array__()}))
    return True


def _is_known_row_index(index: pd.Index, durable: bool) -> bool:
    if not is_known_index(index):
        return False
    return not isinstance(index.dtype, pd.ArrowDtype) or _is_known(index.array, durable)


def _class_of(dtype: Any) -> type:
    """The class of arrays of a dtype that `decode_array` makes."""
    if not isinstance(dtype, np.dtype):
        made: type = dtype.construct_array_type()
        return made
    times: type = pd.arrays.DatetimeArray if dtype.kind == "M" else pd.arrays.TimedeltaArray
    return times


# --- saving


def _encode_frame(frame: pd.DataFrame, out: Writer) -> tuple[pa.Table | EvenTable, dict[str, JSON]]:
    axis = axes.axis_to_json(frame.columns, out)
    names = axes.physical_names(axis)
    even = None if out.durable else even_rows(frame)
    if even is None:
        arrays, specs = encode_blocks(frame, out)
    else:
        arrays, specs = [], [dtype_to_json(even.dtype)] * len(names)
    index_columns, index = encode_index(frame.index, out, ".index")
    index_names = index_names_of(frame.index, len(index_columns), names)
    meta: dict[str, JSON] = {"kind": "frame", "rows": len(frame), "columns": axis}
    meta["runs"] = [[len(list(run)), spec] for spec, run in groupby(specs)]
    meta |= {"index": index, "index_names": list(index_names)}
    _add_state(meta, frame, out)
    about = pandas_metadata(frame.index, frame.columns, index_names)
    if even is not None:
        return EvenTable(names, arrow_type(even.dtype, False), even, about), meta
    there = [i for i, array in enumerate(arrays) if array is not None]
    if len(there) < len(arrays):
        names = [names[i] for i in there]
        arrays = [arrays[i] for i in there]
    table = _table(arrays + index_columns, names + index_names, about, len(frame), out.durable)
    return table, meta


def _encode_series(series: pd.Series, out: Writer) -> tuple[pa.Table, dict[str, JSON]]:
    encoded = encode_array(series.array, out, "")
    index_columns, index = encode_index(series.index, out, ".index")
    label = series.name
    name = axes.unique_names([_VALUES if label is None else label])[0]
    index_names = index_names_of(series.index, len(index_columns), [name])
    meta: dict[str, JSON] = {"kind": "series", "rows": len(series), "values": encoded.spec}
    meta |= {"index": index, "index_names": list(index_names)}
    if label is not None:
        meta["name"] = out.plain(label, ".name")
    _add_state(meta, series, out)
    about = pandas_metadata(series.index, None, index_names)
    values = [] if encoded.array is None else [encoded.array]
    names = [name][: len(values)] + index_names
    return _table(values + index_columns, names, about, len(series), out.durable), meta


def _encode_array(values: Any, out: Writer) -> tuple[pa.Table, dict[str, JSON]]:
    encoded = encode_array(values, out, "")
    meta: dict[str, JSON] = {"kind": "array", "rows": len(values), "values": encoded.spec}
    if type(values) is pd.arrays.NumpyExtensionArray:
        meta["plain"] = True
    freq = getattr(values, "freq", None)
    if freq is not None and isinstance(values, (pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray)):
        meta["freq"] = freq_to_json(freq, out, "")
    columns = [] if encoded.array is None else [encoded.array]
    return _table(columns, [_VALUES][: len(columns)], None, len(values), out.durable), meta


def _add_state(meta: dict[str, JSON], obj: Any, out: Writer) -> None:
    if obj.attrs:
        meta["attrs"] = out.plain(obj.attrs, ".attrs")
    if not obj.flags.allows_duplicate_labels:
        meta["unique"] = True


def _table(columns: list[Any], names: list[str], about: Any, rows: int, durable: bool) -> pa.Table:
    if durable and not columns:
        columns, names = [pa.nulls(0)], [_VALUES]  # Parquet needs a column
    table = pa.Table.from_arrays(settled(columns, rows), names=names)
    return table if about is None else table.replace_schema_metadata(about)


# --- loading


def _guarded(decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except AqueductError:
        raise
    except _HOSTILE as error:
        text = f"{type(error).__name__}: {error}"
        raise CorruptArtifactError(f"the table and its description don't fit: {text}") from error


def _decode_even(
    base: memoryview, width: int, spec: str, rows: Any, meta: Any, source: Reader
) -> Any:
    block = even_block(base, spec, width, rows, source)
    if block is None:
        return None
    index = decode_index(meta["index"], [], source)
    _check_length("the index", index, rows)
    labels = axes.to_index(meta["columns"], source, None)
    if len(labels) != width:
        raise CorruptArtifactError(f"there are {len(labels)} labels for {width} columns")
    frame = internals.frame_of([(block, np.arange(width))], index, labels)
    return _with_state(frame, meta, source)


def _decode(columns: Columns, meta: Any, source: Reader, places: list[int] | None) -> Any:
    rows = meta["rows"]
    if type(rows) is not int or rows < 0:
        raise CorruptArtifactError(f"{rows!r} is no number of rows")
    kind = meta["kind"]
    if kind == "array":
        return _finished_array(_values(columns, meta, source), meta, source)
    levels = [columns.named(name) for name in meta["index_names"]]
    index = decode_index(meta["index"], levels, source)
    _check_length("the index", index, rows)
    if kind == "index":
        return index
    if kind == "series":
        values = _values(columns, meta, source)
        name = source.plain(meta["name"]) if "name" in meta else None
        made = pd.Series(values, index=index, dtype=values.dtype, name=name, copy=False)
    elif kind == "frame":
        names, specs = axes.physical_names(meta["columns"]), _specs(meta)
        if len(names) != len(specs):
            raise CorruptArtifactError(f"there are {len(names)} labels for {len(specs)} columns")
        wanted = range(len(names)) if places is None else places
        labels = axes.to_index(meta["columns"], source, places)
        if len(labels) != len(wanted):
            raise CorruptArtifactError(f"there are {len(labels)} labels for {len(wanted)} columns")
        blocks = decode_columns_of(columns, names, specs, wanted, source, rows)
        made = internals.frame_of(blocks, index, labels)
    else:
        raise CorruptArtifactError(f"{kind!r} is nothing that pandas has")
    return _with_state(made, meta, source)


def _with_state(made: Any, meta: Any, source: Reader) -> Any:
    if "attrs" in meta:
        made.attrs = source.plain(meta["attrs"])
    if meta.get("unique"):
        made.flags.allows_duplicate_labels = False
    return made


def _specs(meta: Any) -> list[Any]:
    specs: list[Any] = []
    for count, spec in meta["runs"]:
        if not 0 <= len(specs) + count <= _MOST_COLUMNS:
            raise CorruptArtifactError(f"{count!r} is no number of columns")
        specs += [spec] * count
    return specs


def _values(columns: Columns, meta: Any, source: Reader) -> Any:
    spec = meta["values"]
    column = columns.take(0) if has_column(spec) else None
    values = decode_array(spec, column, source)
    _check_length("the values", values, meta["rows"])
    return values


def _finished_array(values: Any, meta: Any, source: Reader) -> Any:
    if meta.get("plain"):
        values = pd.arrays.NumpyExtensionArray(values)
    elif isinstance(values, np.ndarray):
        values = pd.array(values, dtype=values.dtype, copy=False)
    if "freq" in meta:
        internals.set_freq(values, freq_from_json(meta["freq"], source))
    return values


def _check_length(what: str, values: Any, rows: int) -> None:
    if len(values) != rows:
        raise CorruptArtifactError(f"{what} has {len(values)} rows instead of {rows}")
