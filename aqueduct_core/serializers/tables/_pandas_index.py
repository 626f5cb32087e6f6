"""Indexes of pandas as columns of a table, and back.

| `"class"` | columns | also |
|---|---|---|
| `RangeIndex` | none | `range` |
| `MultiIndex` | the codes of each level | `levels`, `names`, `sortorder` |
| any other | the values | `values` (their spec), `freq` |

`name` is tagged. The codes of a level (as those of a categorical) point into an index, which is where
Arrow keeps the values of dictionaries if it can, and else an object of its own:

| form of codes | meaning |
|---|---|
| `{"codes": dtype, "index": spec}` | a dictionary column; its dictionary holds the index |
| `{"codes": dtype, "nested": i}` | an index of its own; the column has the codes |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.tables import _pandas_internals as internals
from aqueduct_core.serializers.tables._pandas_columns import decode_array, encode_array, has_column
from aqueduct_core.serializers.tables._pandas_context import Encoded, Reader, Writer, chunks_of
from aqueduct_core.serializers.tables._pandas_dtypes import (
    freq_from_json,
    freq_to_json,
    is_known_dtype,
)

__all__ = [
    "INDEX_CLASSES",
    "decode_codes",
    "decode_index",
    "encode_codes",
    "encode_index",
    "index_names_of",
    "is_known_index",
    "width_of",
]

INDEX_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        pd.Index,
        pd.RangeIndex,
        pd.MultiIndex,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.PeriodIndex,
        pd.IntervalIndex,
        pd.CategoricalIndex,
    )
}
_CLASSES = frozenset(INDEX_CLASSES.values())


def is_known_index(index: pd.Index) -> bool:
    """Whether an index is kept exactly: of a class and dtype of pandas itself."""
    kind = type(index)
    if kind not in _CLASSES:
        return False
    if kind is pd.RangeIndex:
        return True
    if kind is pd.MultiIndex:
        return all(map(is_known_index, index.levels))
    if kind is pd.CategoricalIndex:
        return is_known_index(index.categories)
    return is_known_dtype(index.dtype)


def encode_index(index: pd.Index, out: Writer, at: str) -> tuple[list[Any], dict[str, JSON]]:
    """The physical columns of an index, and its spec."""
    if type(index) is pd.MultiIndex:
        return _encode_levels(index, out, at)
    spec: dict[str, JSON] = {"class": type(index).__name__}
    if index.name is not None:
        spec["name"] = out.plain(index.name, f"{at}.name")
    if type(index) is pd.RangeIndex:
        spec["range"] = [index.start, index.stop, index.step]
        return [], spec
    encoded = encode_array(index.array, out, at)
    spec["values"] = encoded.spec
    freq = getattr(index, "freq", None)
    if freq is not None and type(index) is not pd.PeriodIndex:  # there it is in the dtype
        spec["freq"] = freq_to_json(freq, out, at)
    return ([] if encoded.array is None else [encoded.array]), spec


def index_names_of(index: pd.Index, width: int, taken: Sequence[str]) -> list[str]:
    """Physical names for the columns of an index: those that pandas itself gives them."""
    if not width:
        return []
    names, others = [], set(taken)
    for level in range(width):
        name = f"__index_level_{level}__"
        while name in others:
            name += "_"
        names.append(name)
    return names


def width_of(spec: Any) -> int:
    """How many physical columns an index has."""
    if spec["class"] == "MultiIndex":
        return len(spec["levels"])
    return int("values" in spec and has_column(spec["values"]))


def decode_index(spec: Any, columns: Sequence[Any], source: Reader) -> pd.Index:
    """The index of a spec; `columns` are its physical ones."""
    cls = INDEX_CLASSES[spec["class"]]
    name = source.plain(spec["name"]) if "name" in spec else None
    if cls is pd.RangeIndex:
        start, stop, step = map(_integer, spec["range"])
        return pd.RangeIndex(start, stop, step, name=name)
    if cls is pd.MultiIndex:
        return _decode_levels(spec, columns, source)
    values = decode_array(spec["values"], columns[0] if columns else None, source)
    index = _index_of(cls, values, name)
    if type(index) is not cls:
        raise CorruptArtifactError(f"the values of a {cls.__name__} make a {type(index).__name__}")
    if "freq" in spec:
        internals.set_freq(index, freq_from_json(spec["freq"], source))
    return index


def _index_of(cls: type, values: Any, name: Any) -> pd.Index:
    if isinstance(values, np.ndarray) and values.dtype.kind == "O":
        # Tuples stay tuples, and nothing is looked at to find a better dtype.
        return pd.Index(values, dtype=object, copy=False, name=name, tupleize_cols=False)
    if cls is pd.Index:
        return pd.Index(values, dtype=values.dtype, copy=False, name=name)
    return cls(values, copy=False, name=name)


def _integer(number: Any) -> int:
    if type(number) is not int:
        raise CorruptArtifactError(f"{number!r} is no bound of a range")
    return number


def _encode_levels(index: pd.MultiIndex, out: Writer, at: str) -> tuple[list[Any], dict[str, JSON]]:
    columns, levels = [], []
    for number, (codes, level) in enumerate(zip(index.codes, index.levels, strict=True)):
        encoded = encode_codes(np.asarray(codes), level, out, f"{at}.levels[{number}]")
        columns.append(encoded.array)
        levels.append(encoded.spec)
    spec: dict[str, JSON] = {"class": "MultiIndex", "levels": levels}
    spec["names"] = [out.plain(name, f"{at}.names[{i}]") for i, name in enumerate(index.names)]
    if index.sortorder is not None:
        spec["sortorder"] = int(index.sortorder)
    return columns, spec


def _decode_levels(spec: Any, columns: Sequence[Any], source: Reader) -> pd.MultiIndex:
    levels, codes = [], []
    for level, column in zip(spec["levels"], columns, strict=True):
        found, values = decode_codes(level, column, source)
        codes.append(found)
        levels.append(values)
    return pd.MultiIndex(
        levels,
        codes,
        sortorder=spec.get("sortorder"),
        names=[source.plain(name) for name in spec["names"]],
        copy=False,
        verify_integrity=False,  # codes were checked, and levels are as they were
    )


# --- codes


def encode_codes(codes: np.ndarray[Any, Any], values: pd.Index, out: Writer, at: str) -> Encoded:
    """Positions in an index (-1: missing) as a column that shows the values to other tools."""
    codes = np.ascontiguousarray(codes)
    spec: dict[str, JSON] = {"codes": codes.dtype.str}
    dictionary, inner = _dictionary(values, out, at)
    if dictionary is None:
        nested: Any = out.nest(values, at)
        return Encoded(pa.array(codes), {**spec, **nested})
    valid = codes >= 0
    nulls = len(codes) - int(np.count_nonzero(valid))
    bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    if nulls:
        codes = np.where(valid, codes, 0).astype(codes.dtype)  # polars wants valid ones below nulls
    arrow = pa.from_numpy_dtype(codes.dtype)
    indices = pa.Array.from_buffers(arrow, len(codes), [bits, pa.py_buffer(codes)], nulls)
    column = pa.DictionaryArray.from_arrays(indices, dictionary, safe=False)
    return Encoded(column, {**spec, "index": inner})


def _dictionary(values: pd.Index, out: Writer, at: str) -> tuple[Any, Any]:
    """The values of an index as the dictionary of a column, if that tells them whole."""
    if not _fits_dictionary(values, out.durable):
        return None, None
    columns, spec = encode_index(values, out, at)
    if type(values) is pd.RangeIndex:
        return pa.array(values.to_numpy()), spec
    if len(columns) != 1 or has_nested(spec):
        return None, None
    column = columns[0]
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return (column, spec) if isinstance(column, pa.Array) else (None, None)


def _fits_dictionary(values: pd.Index, durable: bool) -> bool:
    dtype = values.dtype
    if type(values) is pd.MultiIndex or (type(values) is pd.RangeIndex and durable):
        return False
    if not (isinstance(dtype, pd.StringDtype) or (dtype == np.dtype(object) and _all_str(values))):
        numbers = isinstance(dtype, pd.DatetimeTZDtype) or (
            isinstance(dtype, np.dtype) and dtype.kind in "iufmM" and dtype.isnative
        )
        return numbers and not durable
    # From Parquet, texts are found again by what they are.
    return not durable or (values.is_unique and not values.hasnans)


def _all_str(values: pd.Index) -> bool:
    return set(map(type, values)) == {str}


def has_nested(spec: Any) -> bool:
    """Whether a spec refers to objects stored beside the table."""
    if isinstance(spec, dict):
        return "nested" in spec or any(map(has_nested, spec.values()))
    return isinstance(spec, list) and any(map(has_nested, spec))


def decode_codes(spec: Any, column: Any, source: Reader) -> tuple[np.ndarray[Any, Any], pd.Index]:
    """The codes, and the index that they point into."""
    dtype = np.dtype(spec["codes"])
    if dtype.kind != "i":
        raise CorruptArtifactError(f"codes can't be of dtype {dtype}")
    if "index" in spec:
        chunks = chunks_of(column)
        dictionary = chunks[0].dictionary if chunks else pa.array([], column.type.value_type)
        values = decode_index(spec["index"], [dictionary][: width_of(spec["index"])], source)
        codes = source.numbers(_indices(column), dtype)
        if column.null_count:
            codes[column.is_null().to_numpy(zero_copy_only=False)] = -1
    else:
        values = source.nested(spec)
        codes = source.numbers(column, dtype)
    if not isinstance(values, pd.Index):
        raise CorruptArtifactError("what codes point into is no index")
    if codes.size and not (codes.min() >= -1 and codes.max() < len(values)):
        raise CorruptArtifactError(f"a code is outside of the {len(values)} values it points into")
    return codes, values


def _indices(column: Any) -> Any:
    if not isinstance(column, pa.ChunkedArray):
        return column.indices
    return pa.chunked_array([chunk.indices for chunk in column.chunks], column.type.index_type)
