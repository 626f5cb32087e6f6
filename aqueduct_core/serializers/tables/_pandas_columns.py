"""One array of pandas or NumPy as one Arrow column, and back.

A spec is the descriptor of a NumPy dtype (see `_dtypes`), or an object with a `"kind"`:

| kind | column |
|---|---|
| `tz` | instants; `unit`, `zone` |
| `period` | ordinals; `freq` |
| `interval` | structs of `left` and `right`, each with its spec; `closed` |
| `category` | codes (see `_pandas_index`); `ordered` |
| `string` | text; `storage`, `na`, and `cells` if pandas keeps Python objects |
| `masked` | values with nulls; `dtype` |
| `arrow` | the column itself |
| `object` | see `_pandas_objects` |
| `sparse`, `array` | none: stored values and positions, or a whole array, are stored beside the table |

Times keep `NaT` as the number it is, below a null: other tools see the null, pandas gets its buffer
back as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aqueduct_core.abc import JSON
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers._dtypes import dtype_from_json, dtype_to_json
from aqueduct_core.serializers.tables import _pandas_internals as internals
from aqueduct_core.serializers.tables._pandas_cells import decode_cells
from aqueduct_core.serializers.tables._pandas_context import Encoded, Reader, Writer, missing
from aqueduct_core.serializers.tables._pandas_dtypes import (
    arrow_zone,
    freq_from_json,
    freq_to_json,
    period_dtype,
    text_dtype,
    text_form,
    zone_from_json,
)
from aqueduct_core.serializers.tables._pandas_objects import encode_cells
from aqueduct_core.serializers.tables._views import compacted

__all__ = [
    "arrow_type",
    "decode_array",
    "encode_array",
    "encode_sparse",
    "has_column",
    "number_dtype",
    "spread",
]

_NAT = np.iinfo(np.int64).min
_NUMBERS = "biufcmM"
_UNITS = ("s", "ms", "us", "ns")
_NAMED = {"b1": pa.uint8(), "f2": pa.float16(), "f4": pa.float32(), "f8": pa.float64()} | {
    f"{kind}{size}": getattr(pa, f"{'u' if kind == 'u' else ''}int{8 * size}")()
    for kind in "iu"
    for size in (1, 2, 4, 8)
}


def encode_array(values: Any, out: Writer, at: str) -> Encoded:
    """The column and the spec of a 1-D array."""
    values = internals.plain_array(values)
    if isinstance(values, np.ndarray):
        return _encode_numpy(values, out, at)
    return _encode_extension(values, out, at)


def has_column(spec: Any) -> bool:
    """Whether values with this spec stand in the table, not beside it."""
    if not isinstance(spec, dict):
        return True
    return spec.get("kind") not in ("sparse", "array") and spec.get("cells") != "nested"


# --- NumPy


@lru_cache(maxsize=256)
def arrow_type(dtype: np.dtype[Any], durable: bool) -> Any:
    """The Arrow type whose buffer is the buffer of this dtype; None if there is none.

    Booleans of Arrow are bits, so bytes are what is mapped; Parquet packs them anyway.
    """
    if dtype.kind in "mM":
        unit, count = np.datetime_data(dtype)
        if count != 1 or unit not in _UNITS:
            return pa.int64()
        return pa.timestamp(unit) if dtype.kind == "M" else pa.duration(unit)
    if dtype.kind == "b" and durable:
        return pa.bool_()
    other = pa.binary(dtype.itemsize) if dtype.kind in "fc" else None
    return _NAMED.get(f"{dtype.kind}{dtype.itemsize}", other)


def spread(values: np.ndarray[Any, Any], durable: bool) -> Any:
    """A contiguous native NumPy array as an Arrow array over the same memory; None if impossible."""
    arrow = arrow_type(values.dtype, durable)
    if arrow is None or values.dtype.kind in "mM":
        return None
    if arrow.id == pa.bool_().id:
        return pa.array(values)
    return pa.Array.from_buffers(arrow, values.size, [None, pa.py_buffer(values)], 0)


def _encode_numpy(values: np.ndarray[Any, Any], out: Writer, at: str) -> Encoded:
    if values.dtype.kind == "O":
        cells = encode_cells(values.tolist(), out, at)
        return Encoded(cells.array, {"kind": "object", **cells.spec})  # type: ignore[dict-item]  # specs of cells are dicts
    if values.dtype.kind not in _NUMBERS:
        return Encoded(None, {"kind": "array", **out.nest(values, at)})  # type: ignore[dict-item]  # the form is a dict
    spec = dtype_to_json(values.dtype)
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    values = np.ascontiguousarray(values)
    array = spread(values, out.durable)
    return Encoded(_times(values, out.durable) if array is None else array, spec)


def _times(values: np.ndarray[Any, Any], durable: bool, zone: str | None = None) -> pa.Array:
    arrow = arrow_type(values.dtype, durable)
    numbers = values.view(np.int64)
    if arrow.id == pa.int64().id:
        return spread(numbers, durable)
    valid = numbers != _NAT
    nulls = len(numbers) - int(np.count_nonzero(valid))
    bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
    if durable and arrow == pa.timestamp("s"):
        # Parquet knows no seconds. Of those too far away for milliseconds it gets the number.
        most = np.iinfo(np.int64).max // 1000
        if ((numbers < -most) | (numbers > most)).sum() != nulls:
            return spread(numbers, durable)
        with np.errstate(over="ignore"):
            numbers = numbers * 1000
        arrow = pa.timestamp("ms")
    if zone is not None:
        arrow = pa.timestamp(arrow.unit, zone)
    return pa.Array.from_buffers(arrow, len(numbers), [bits, pa.py_buffer(numbers)], nulls)


def number_dtype(spec: Any) -> np.dtype[Any]:
    """The dtype of a spec that is no more than one: of numbers or times."""
    dtype = dtype_from_json(spec)
    if dtype.kind not in _NUMBERS or dtype.subdtype is not None:
        raise CorruptArtifactError(f"{dtype} is no dtype of numbers or times")
    return dtype


def _decode_numpy(spec: Any, column: Any, source: Reader) -> np.ndarray[Any, Any]:
    dtype = number_dtype(spec)
    if dtype.kind == "b":
        return _decode_bools(column, source)
    native = dtype if dtype.isnative else dtype.newbyteorder("=")
    if dtype.kind in "mM":
        values = _decode_times(column, native, source)
    else:
        _refuse_nulls(column, source)
        values = source.numbers(column, native)
    return values if native is dtype else values.astype(dtype)


def _decode_bools(column: Any, source: Reader) -> np.ndarray[Any, Any]:
    if pa.types.is_boolean(column.type):
        return np.array(column.to_numpy(zero_copy_only=False), np.bool_)
    values = source.numbers(column, np.dtype(np.uint8))
    if values.size and values.max() > 1:
        raise CorruptArtifactError("a column of booleans holds other numbers than 0 and 1")
    return values.view(np.bool_)


def _decode_times(column: Any, dtype: np.dtype[Any], source: Reader) -> np.ndarray[Any, Any]:
    values = source.numbers(column, np.dtype(np.int64))
    scaled = dtype.str == "<M8[s]" and getattr(column.type, "unit", "s") == "ms"
    absent = None
    if column.null_count and (scaled or not source.mapped):
        absent = missing(column)
    if scaled:
        values //= 1000
    if absent is not None:
        values[absent] = _NAT
    return values.view(dtype)


def _refuse_nulls(column: Any, source: Reader) -> None:
    if not source.mapped and column.null_count:
        raise CorruptArtifactError("a column that can't have missing values has some")


# --- extension arrays


def _encode_extension(values: Any, out: Writer, at: str) -> Encoded:
    dtype = values.dtype
    if isinstance(dtype, pd.StringDtype):
        return _encode_string(values, dtype, out, at)
    if isinstance(dtype, pd.ArrowDtype):
        column = values.__arrow_array__()
        return Encoded(column if out.durable else compacted(column), {"kind": "arrow"})
    if isinstance(dtype, pd.DatetimeTZDtype):
        zone = out.plain(dtype.tz, f"{at}.dtype.tz")
        instants = np.ascontiguousarray(values.view("i8")).view(f"<M8[{dtype.unit}]")
        array = _times(instants, out.durable, arrow_zone(dtype.tz))
        return Encoded(array, {"kind": "tz", "unit": dtype.unit, "zone": zone})
    if isinstance(dtype, pd.CategoricalDtype):
        from aqueduct_core.serializers.tables._pandas_index import encode_codes

        codes = encode_codes(values.codes, values.categories, out, f"{at}.categories")
        spec = {"kind": "category", "ordered": bool(dtype.ordered), **codes.spec}  # type: ignore[dict-item]  # specs of codes are dicts
        return Encoded(codes.array, spec)
    if isinstance(dtype, pd.PeriodDtype):
        freq = freq_to_json(dtype.freq, out, at)
        ordinals = np.ascontiguousarray(values.view("i8"))
        return Encoded(spread(ordinals, out.durable), {"kind": "period", "freq": freq})
    if isinstance(dtype, pd.IntervalDtype):
        return _encode_interval(values, out, at)
    if isinstance(dtype, pd.SparseDtype):
        return Encoded(None, encode_sparse([values], out, [at])[0])
    return _encode_masked(values, out)


def decode_array(spec: Any, column: Any, source: Reader) -> Any:
    """The array of a spec: a NumPy array, or an extension array."""
    if not isinstance(spec, dict) or "kind" not in spec:
        return _decode_numpy(spec, column, source)
    decode = _DECODERS.get(spec["kind"])
    if decode is None:
        raise CorruptArtifactError(f"{spec['kind']!r} is no kind of column")
    return decode(spec, column, source)


def _decode_zoned(spec: Any, column: Any, source: Reader) -> Any:
    dtype = pd.DatetimeTZDtype(spec["unit"], zone_from_json(spec["zone"], source))
    instants = _decode_times(column, np.dtype(f"<M8[{dtype.unit}]"), source)
    return internals.zoned_array(instants, dtype)


def _decode_period(spec: Any, column: Any, source: Reader) -> Any:
    _refuse_nulls(column, source)
    dtype = period_dtype(freq_from_json(spec["freq"], source))
    return pd.arrays.PeriodArray(source.numbers(column, np.dtype(np.int64)), dtype=dtype)


def _encode_interval(values: Any, out: Writer, at: str) -> Encoded:
    sides: list[Encoded] = []
    freqs = []
    for name in ("left", "right"):
        side = getattr(values, name)
        sides.append(encode_array(side.array, out, f"{at}.{name}"))
        freqs.append(freq_to_json(getattr(side, "freq", None), out, f"{at}.{name}"))
    left, right = sides
    array = pa.StructArray.from_arrays([left.array, right.array], names=["left", "right"])
    spec: dict[str, Any] = {"kind": "interval", "closed": values.closed}
    spec |= {"left": left.spec, "right": right.spec}
    if any(freqs):
        spec["freqs"] = freqs
    return Encoded(array, spec)


def _decode_interval(spec: Any, column: Any, source: Reader) -> Any:
    sides = []
    for index, name in enumerate(("left", "right")):
        child = _child(column, index)
        side = decode_array(spec[name], child, source)
        if "freqs" in spec and spec["freqs"][index] is not None:
            side = pd.Index(side, copy=False)
            internals.set_freq(side, freq_from_json(spec["freqs"][index], source))
        sides.append(side)
    left, right = sides
    dtype = pd.IntervalDtype(left.dtype, spec["closed"])
    return pd.arrays.IntervalArray.from_arrays(left, right, dtype=dtype, closed=spec["closed"])


def _child(column: Any, index: int) -> Any:
    """One child of a column of structs, cut like its parent."""
    if not isinstance(column, pa.ChunkedArray):
        return column.field(index)
    kind = column.type.field(index).type
    return pa.chunked_array([chunk.field(index) for chunk in column.chunks], kind)


def _decode_category(spec: Any, column: Any, source: Reader) -> Any:
    from aqueduct_core.serializers.tables._pandas_index import decode_codes

    codes, categories = decode_codes(spec, column, source)
    dtype = pd.CategoricalDtype(categories, ordered=spec["ordered"])
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)


def _encode_string(values: Any, dtype: pd.StringDtype, out: Writer, at: str) -> Encoded:
    storage, missing = text_form(dtype)
    spec: dict[str, JSON] = {"kind": "string", "storage": storage, "na": missing}
    if storage == "pyarrow":
        return Encoded(values.__arrow_array__(), spec)
    cells = encode_cells(values.to_numpy(object).tolist(), out, at)
    return Encoded(cells.array, {**cells.spec, **spec})  # type: ignore[dict-item]  # specs of cells are dicts


def _decode_string(spec: Any, column: Any, source: Reader) -> Any:
    dtype = text_dtype([spec["storage"], spec["na"]])
    if spec.get("cells", "str") == "str":
        values = dtype.__from_arrow__(column)
        if type(values) is dtype.construct_array_type():
            return values
        return pd.array(values.to_numpy(object), dtype=dtype)  # pandas 2 takes the wrong class
    return pd.array(decode_cells(spec, column, source), dtype=dtype)


def _encode_masked(values: Any, out: Writer) -> Encoded:
    data, mask = internals.masked_parts(values)
    spec: JSON = {"kind": "masked", "dtype": values.dtype.name}
    if out.durable and data.dtype.kind == "b":
        return Encoded(pa.array(data, mask=mask), spec)
    nulls = int(np.count_nonzero(mask))
    bits = pa.py_buffer(np.packbits(~mask, bitorder="little")) if nulls else None
    arrow = arrow_type(data.dtype, out.durable)
    buffer = pa.py_buffer(np.ascontiguousarray(data))
    return Encoded(pa.Array.from_buffers(arrow, len(data), [bits, buffer], nulls), spec)


def _decode_masked(spec: Any, column: Any, source: Reader) -> Any:
    dtype = pd.api.types.pandas_dtype(spec["dtype"])
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    if not isinstance(numpy_dtype, np.dtype) or isinstance(dtype, np.dtype):
        raise CorruptArtifactError(f"{spec['dtype']!r} is no dtype with a mask")
    mask = missing(column)
    if numpy_dtype.kind == "b":
        filled = column.fill_null(False) if pa.types.is_boolean(column.type) else column
        return pd.arrays.BooleanArray(_decode_bools(filled, source), mask)
    values = source.numbers(column, numpy_dtype)
    if column.null_count and not source.mapped:
        values[mask] = 1  # what pandas itself puts below missing values
    return dtype.construct_array_type()(values, mask)


def encode_sparse(arrays: Sequence[Any], out: Writer, ats: Sequence[str]) -> list[JSON]:
    """The specs of sparse arrays. Those of one dtype share what is stored beside the table."""
    groups: dict[Any, list[int]] = {}
    for number, values in enumerate(arrays):
        groups.setdefault((values.dtype.subtype, values.dtype.subtype.num), []).append(number)
    specs: list[JSON] = [None] * len(arrays)
    for (subtype, _), members in groups.items():
        at = ats[members[0]]
        stored = [np.asarray(arrays[number].sp_values) for number in members]
        positions = [internals.sparse_positions(arrays[number]) for number in members]
        shared: dict[str, JSON] = {
            "kind": "sparse",
            "subtype": "O" if subtype.kind == "O" else dtype_to_json(subtype),
            "stored": out.nest(internals.one_series(stored, subtype), f"{at}.sp_values"),
            "positions": out.nest(np.concatenate(positions), f"{at}.sp_index"),
        }
        end = 0
        for number, part in zip(members, stored, strict=True):
            values, start, end = arrays[number], end, end + len(part)
            own: dict[str, JSON] = {"size": len(values), "index": values.kind}
            own["span"] = [start, end]
            starts = internals.block_starts(values)
            if starts is not None:
                own["blocks"] = out.nest(starts, f"{ats[number]}.sp_index")
            fill = out.plain(values.dtype.fill_value, f"{ats[number]}.fill_value")
            specs[number] = {**shared, **own, "fill": fill}
    return specs


def _decode_sparse(spec: Any, column: Any, source: Reader) -> Any:
    subtype = np.dtype(object) if spec["subtype"] == "O" else dtype_from_json(spec["subtype"])
    stored, positions = source.nested(spec["stored"]), source.nested(spec["positions"])
    if not isinstance(stored, pd.Series) or stored.dtype != subtype:
        raise CorruptArtifactError("the stored values of a sparse column are of another dtype")
    start, end = spec["span"]
    if not 0 <= start <= end <= len(stored) == len(positions):
        raise CorruptArtifactError("a sparse column has not as many values as positions")
    dtype = pd.SparseDtype(subtype, source.plain(spec["fill"]))
    values = internals.plain_array(stored.array)[start:end]
    where = positions[start:end]
    blocks = source.nested(spec["blocks"]) if "blocks" in spec else None
    return internals.sparse_array(values, where, spec["size"], dtype, spec["index"], blocks)


_DECODERS: dict[str, Any] = {
    "tz": _decode_zoned,
    "period": _decode_period,
    "interval": _decode_interval,
    "category": _decode_category,
    "string": _decode_string,
    "masked": _decode_masked,
    "arrow": lambda spec, column, source: pd.arrays.ArrowExtensionArray(column),
    "object": decode_cells,
    "sparse": _decode_sparse,
    "array": lambda spec, column, source: source.nested(spec),
}
