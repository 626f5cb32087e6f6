"""The tags of NumPy's scalars and dtypes; imported when one of them is met."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers._dtypes import dtype_from_json, dtype_to_json
from aqueduct_core.serializers.tagged._base import (
    READERS,
    TAG,
    Build,
    corrupt,
    field,
    frombase64,
    tobase64,
    unwarned,
)
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import Encoder

__all__ = ["find"]


def find(kind: type) -> tuple[Build, bool] | None:
    """The builder of one of its classes."""
    if issubclass(kind, np.dtype):
        return _dtype, False
    build = _BUILDS.get(kind)
    # A void of fields can be changed in place.
    return None if build is None else (build, kind in (np.void, np.record))


def _bool(value: Any, _encoder: Encoder) -> Any:
    return {TAG: "numpy.bool", "value": bool(value)}


def _int(value: Any, _encoder: Encoder) -> Any:
    return {TAG: f"numpy.{type(value).__name__}", "value": int(value)}


def _float(value: Any, encoder: Encoder) -> Any:
    plain = float(value)
    if not math.isfinite(plain):
        return _raw(value, encoder)
    return {TAG: f"numpy.{type(value).__name__}", "value": plain}


def _str(value: Any, encoder: Encoder) -> Any:
    # str() would go through NumPy, which drops what looks like padding.
    return {TAG: "numpy.str_", "value": encoder.node(str.__getitem__(value, slice(None)))}


def _bytes(value: Any, _encoder: Encoder) -> Any:
    return {TAG: "numpy.bytes_", "base64": tobase64(bytes.__getitem__(value, slice(None)))}


def _time(value: Any, _encoder: Encoder) -> Any:
    number = int(value.view(np.int64))
    return {TAG: f"numpy.{type(value).__name__}", "dtype": value.dtype.str, "value": number}


def _raw(value: Any, _encoder: Encoder) -> Any:
    """The bits of a scalar, with the dtype that tells what they are."""
    try:
        dtype = dtype_to_json(value.dtype)
    except UnserializableError:
        return None
    data = value.tobytes()
    if type(value) in (np.longdouble, np.clongdouble):
        data = _without_padding(value, data)
    return {TAG: "numpy.scalar", "dtype": dtype, "base64": tobase64(data)}


def _without_padding(value: Any, data: bytes) -> bytes:
    """80 bits in 12 or 16 bytes: the rest is whatever was in memory."""
    parts = 2 if type(value) is np.clongdouble else 1
    size = len(data) // parts
    if np.finfo(np.longdouble).nmant != 63 or np.little_endian is False:
        return data
    cut = [data[i * size : i * size + 10] + bytes(size - 10) for i in range(parts)]
    return b"".join(cut)


def _dtype(value: Any, _encoder: Encoder) -> Any:
    try:
        return {TAG: "numpy.dtype", "dtype": dtype_to_json(value)}
    except UnserializableError:
        return None


def _read_number(node: dict[str, Any], _decoder: Decoder) -> Any:
    kind = _NUMBERS[node[TAG]]
    plain = bool if kind is np.bool_ else int if issubclass(kind, np.integer) else float
    value = field(node, "value", plain)
    made = kind(value)
    if plain(made) != value:
        corrupt(f"{value!r} does not fit into a {kind.__name__}")
    return made


def _read_str(node: dict[str, Any], decoder: Decoder) -> Any:
    value = decoder.node(node.get("value"))
    if type(value) is not str:
        corrupt("this must be a text")
    return np.str_(value)


def _read_time(node: dict[str, Any], _decoder: Decoder) -> Any:
    # A dtype without a unit is deprecated since NumPy 2.5.
    dtype = unwarned(dtype_from_json, field(node, "dtype", str))
    if dtype.type is not _TIMES[node[TAG]]:
        corrupt(f"{dtype} is not the dtype of a {node[TAG]}")
    return unwarned(np.int64(field(node, "value", int)).view, dtype)


def _read_raw(node: dict[str, Any], decoder: Decoder) -> Any:
    dtype = dtype_from_json(node.get("dtype"), trusted=decoder.trusted)
    data = bytearray(frombase64(node))
    if dtype.itemsize != len(data) or dtype.subdtype is not None or dtype.char == "T":
        corrupt("these are not the bytes of a scalar of this dtype")
    return np.ndarray((), dtype, buffer=data)[()]


def _read_dtype(node: dict[str, Any], decoder: Decoder) -> Any:
    return dtype_from_json(node.get("dtype"), trusted=decoder.trusted)


_INTS = [np.dtype(char).type for char in "bBhHiIlLqQ"]
_FLOATS = [np.float16, np.float32, np.float64]
_TIMES: dict[str, Any] = {
    "numpy.datetime64": np.datetime64,
    "numpy.timedelta64": np.timedelta64,
}
_NUMBERS: dict[str, Any] = {
    "numpy.bool": np.bool_,
    **{f"numpy.{kind.__name__}": kind for kind in (*_INTS, *_FLOATS)},
}
_BUILDS: dict[type, Build] = {
    np.bool_: _bool,
    **dict.fromkeys(_INTS, _int),
    **dict.fromkeys(_FLOATS, _float),
    np.longdouble: _raw,
    np.complex64: _raw,
    np.complex128: _raw,
    np.clongdouble: _raw,
    np.str_: _str,
    np.bytes_: _bytes,
    np.datetime64: _time,
    np.timedelta64: _time,
    np.void: _raw,
    np.record: _raw,
}
READERS.update(
    {
        **dict.fromkeys(_NUMBERS, _read_number),
        **dict.fromkeys(_TIMES, _read_time),
        "numpy.str_": _read_str,
        "numpy.bytes_": lambda node, _decoder: np.bytes_(frombase64(node)),
        "numpy.scalar": _read_raw,
        "numpy.dtype": _read_dtype,
    }
)
