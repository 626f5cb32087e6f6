"""From the column that `_pandas_objects` made back to Python objects."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.tables._pandas_context import Reader, chunks_of

__all__ = ["decode_cells", "object_array"]

_MISSING: dict[str, Any] = {"none": None, "nan": np.nan, "na": pd.NA, "nat": pd.NaT}
_SCALARS = frozenset({str, int, bool, float})


def object_array(values: Iterable[Any], size: int) -> np.ndarray[Any, Any]:
    """A 1-D array of objects, lists among them taken as they are."""
    return np.fromiter(values, dtype=object, count=size)


def decode_cells(spec: Any, column: Any, source: Reader) -> np.ndarray[Any, Any]:
    """The objects that `encode_cells` was given, as a 1-D array."""
    if spec["cells"] == "nested":
        cells = source.nested(spec)
        if type(cells) is not list:
            raise CorruptArtifactError("the cells of a column are no list")
        return object_array(cells, len(cells))
    parts = [_decode_chunk(spec, chunk, source) for chunk in chunks_of(column)]
    values = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, object), *parts])
    if "missing" in spec:
        _fill_missing(values, spec["missing"], column, source)
    return values


def _fill_missing(values: np.ndarray[Any, Any], missing: Any, column: Any, source: Reader) -> None:
    if missing == "none":
        return  # nulls are None already
    absent = column.is_null().to_numpy(zero_copy_only=False) if len(column) else []
    if isinstance(missing, str):
        values[absent] = _MISSING[missing]
        return
    codes = source.nested(missing["codes"])
    values[absent] = object_array((_MISSING[name] for name in missing["kinds"]), -1)[codes]


def _decode_chunk(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    decode = _DECODERS.get(spec["cells"])
    if decode is None:
        raise CorruptArtifactError(f"{spec['cells']!r} is no form of cells")
    values: np.ndarray[Any, Any] = decode(spec, chunk, source)
    return values


def _by_arrow(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    """Strings, bytes and nulls: Arrow makes the objects."""
    values = chunk.to_numpy(zero_copy_only=False)
    return values if values.dtype == object else np.full(len(chunk), None, object)


def _by_numpy(kind: str, width: pa.DataType | None = None) -> Callable[..., np.ndarray[Any, Any]]:
    """Numbers and times: NumPy makes the objects."""
    dtype = np.dtype(kind)

    def decode(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
        if width is not None:
            chunk = chunk.view(width).cast(pa.int64())
        values = source.numbers(chunk, dtype).astype(object)
        if chunk.null_count:
            values[chunk.is_null().to_numpy(zero_copy_only=False)] = None
        return values

    return decode


def _by_pylist(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    return object_array(chunk.to_pylist(), len(chunk))


def _uuid_cells(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    cells = (None if raw is None else uuid.UUID(bytes=raw) for raw in chunk.to_pylist())
    return object_array(cells, len(chunk))


def _decimal_cells(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    if pa.types.is_decimal(chunk.type):
        return _by_pylist(spec, chunk, source)
    cells = (None if text is None else Decimal(text) for text in chunk.to_pylist())
    return object_array(cells, len(chunk))


def _scalar_cells(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    from aqueduct_core.serializers.tables._pandas_columns import decode_array

    return object_array(decode_array(spec["items"], chunk, source), len(chunk))


def _list_cells(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    make = tuple if spec["cells"] == "tuple" else list
    items = decode_cells(spec["items"], chunk.values, source).tolist()
    return _cut(chunk, lambda start, end: make(items[start:end]))


def _array_cells(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    from aqueduct_core.serializers.tables._pandas_columns import decode_array

    items = decode_array(spec["items"], chunk.values, source)
    return _cut(chunk, lambda start, end: items[start:end])


def _cut(chunk: pa.Array, cell: Callable[[int, int], Any]) -> np.ndarray[Any, Any]:
    ends = chunk.offsets.to_pylist()
    absent = chunk.is_null().to_pylist()
    spans = zip(absent, ends, ends[1:], strict=False)
    return object_array((None if a else cell(s, e) for a, s, e in spans), len(chunk))


def _json_cells(spec: Any, chunk: pa.Array, source: Reader) -> np.ndarray[Any, Any]:
    texts = chunk.drop_null().to_pylist()
    # One parse of all cells together is several times faster than one of each.
    nodes = json.loads("[" + ",".join(texts) + "]")
    if len(nodes) != len(texts):
        raise CorruptArtifactError("a cell is not one JSON value")
    if not _SCALARS.issuperset(map(type, nodes)):
        nodes = source.plain(nodes)
    cells = iter(nodes)
    if not chunk.null_count:
        return object_array(cells, len(chunk))
    absent = chunk.is_null().to_pylist()
    return object_array((None if gone else next(cells) for gone in absent), len(chunk))


_DECODERS: dict[str, Callable[..., np.ndarray[Any, Any]]] = {
    "null": _by_arrow,
    "str": _by_arrow,
    "bytes": _by_arrow,
    "int": _by_numpy("<i8"),
    "float": _by_numpy("<f8"),
    "bool": _by_pylist,
    "date": _by_numpy("<M8[D]", pa.int32()),
    "datetime": _by_numpy("<M8[us]"),
    "timedelta": _by_numpy("<m8[us]"),
    "time": _by_pylist,
    "uuid": _uuid_cells,
    "decimal": _decimal_cells,
    "scalar": _scalar_cells,
    "list": _list_cells,
    "tuple": _list_cells,
    "ndarray": _array_cells,
    "json": _json_cells,
}
