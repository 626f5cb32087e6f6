"""One NumPy array as a part, and back: a `.npy` file whose data is 64-byte aligned.

The file's own header is for other programs. What we load is told by the meta (see `_dtypes`), for
the header knows neither metadata nor unions, alignment flags or overlapping fields.

A `StringDType` array keeps its text in the arena of its dtype, so it is three files: the UTF-8 text
of all items end to end, their lengths in bytes (int64), and, only if any is missing, which are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from aqueduct_core.abc import JSON, Sink, Source
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._dtypes import dtype_from_json, dtype_to_json, is_string_dtype

__all__ = ["read", "write"]

_MAGIC = b"\x93NUMPY"
_ALIGN = 64
_CHUNK = 1 << 18  # bytes that are copied at a time from an array that isn't contiguous
_HEADER_LIMIT = 9_000  # np.load parses no header above 10,000 bytes unless told to
_EMPTY_ITEMS = 1 << 32  # items of no bytes: their number is bounded by nothing else
_TEXT_ITEMS = 1 << 14  # strings that are converted at a time


def write(array: np.ndarray[Any, Any], sink: Sink, part: str = "data") -> dict[str, JSON]:
    """Write a plain array as a part; what is returned is for `read`.

    Raises:
        UnserializableError: Its dtype has no portable form.
    """
    dtype = array.dtype
    if is_string_dtype(dtype):
        return _write_strings(array, sink, part)
    meta: dict[str, JSON] = {"dtype": dtype_to_json(dtype), "shape": array.shape}
    if not dtype.itemsize and array.size > _EMPTY_ITEMS:
        raise UnserializableError(
            f"an array of {array.size} items of no bytes each can't be stored",
            path=".shape",
            hint="store its shape and dtype instead",
        )
    flags = array.flags
    fortran = _is_fortran(array)
    if fortran:
        meta["order"] = "F"
    header = _header(dtype, fortran, array.shape)
    if not array.nbytes:
        sink.write(header, part=part)
    elif flags.c_contiguous:
        sink.write(header, array.reshape(-1).view(np.uint8).data, part=part)
    elif flags.f_contiguous:
        sink.write(header, array.T.reshape(-1).view(np.uint8).data, part=part)
    else:
        _stream(array, "F" if fortran else "C", header, sink, part)
    return meta


def read(source: Source, meta: Mapping[str, Any], part: str = "data") -> np.ndarray[Any, Any]:
    """The array that `write` put into a part: writable, and an alias of the mapped bytes.

    Raises:
        CorruptArtifactError: The part doesn't hold such an array.
    """
    dtype = dtype_from_json(meta.get("dtype"), trusted=source.trusted)
    shape = _shape(meta.get("shape"), part)
    if is_string_dtype(dtype):
        return _read_strings(source, dtype, shape, meta, part)
    return _map(source.view(part), dtype, shape, _order(meta, part), part)


def _stream(array: np.ndarray[Any, Any], order: Any, header: bytes, sink: Sink, part: str) -> None:
    if array.dtype.names is not None:
        # As bytes: a copy by field would put whatever is in memory between the fields.
        array = array.view(np.dtype((np.void, array.itemsize)))
    each: Any = ["readonly", "contig"]  # the stubs misspell the second one
    chunks: Any = np.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[each],
        buffersize=max(1, _CHUNK // array.itemsize),
        order=order,
    )
    with sink.open(part) as file:
        file.write(header)
        for chunk in chunks:
            file.write(chunk.view(np.uint8).data)


def _map(
    view: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any, part: str
) -> np.ndarray[Any, Any]:
    start = _data_start(view, part)
    items = prod(shape)
    if items * dtype.itemsize != view.nbytes - start:
        raise _corrupt(
            f"an array of shape {shape} and dtype {dtype} takes {items * dtype.itemsize} bytes, "
            f"but there are {view.nbytes - start}",
            part,
        )
    if not dtype.itemsize and items > _EMPTY_ITEMS:
        raise _corrupt(f"an array of shape {shape} has too many items", part)
    try:
        return np.ndarray(shape, dtype, buffer=view, offset=start, order=order)
    except (ValueError, TypeError, OverflowError) as error:
        raise _corrupt(f"an array of shape {shape} can't be made: {error}", part) from error


def _data_start(view: memoryview, part: str) -> int:
    head = bytes(view[:12])
    if len(head) < 12 or head[:6] != _MAGIC or head[6] not in (1, 2, 3):
        raise _corrupt("this is no .npy file", part)
    width = 2 if head[6] == 1 else 4
    start = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    if start > view.nbytes:
        raise _corrupt("the .npy file is cut short", part)
    return start


def _header(dtype: np.dtype[Any], fortran: bool, shape: tuple[int, ...]) -> bytes:
    if dtype.names is None:
        return _format_header(repr(dtype.str), fortran, shape)
    header = _format_header(_fields(dtype), fortran, shape)
    if len(header) > _HEADER_LIMIT:
        header = _format_header(repr(f"|V{dtype.itemsize}"), fortran, shape)
    return header


def _fields(dtype: np.dtype[Any]) -> str:
    if dtype.kind != "V":
        return repr(dtype.str)
    try:
        return repr(dtype.descr)
    except ValueError:  # fields that overlap or are out of order: others see the bytes
        return repr(f"|V{dtype.itemsize}")


@lru_cache(maxsize=256)
def _format_header(descr: str, fortran: bool, shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    version = 1 if text.isascii() and len(text) < 60_000 else 3
    width = 2 if version == 1 else 4
    encoded = text.encode()
    padding = -(8 + width + len(encoded) + 1) % _ALIGN
    body = encoded + b" " * padding + b"\n"
    return _MAGIC + bytes((version, 0)) + len(body).to_bytes(width, "little") + body


def _is_fortran(array: np.ndarray[Any, Any]) -> bool:
    flags = array.flags
    return not flags.c_contiguous and (flags.f_contiguous or _lies_fortran(array))


def _lies_fortran(array: np.ndarray[Any, Any]) -> bool:
    """Whether `array.copy(order="K")` would be Fortran ordered (and not C ordered)."""
    if not array.size:
        return False
    steps = [abs(step) for step, n in zip(array.strides, array.shape, strict=True) if n > 1]
    return steps == sorted(steps) and steps != sorted(steps, reverse=True)


def _write_strings(array: np.ndarray[Any, Any], sink: Sink, part: str) -> dict[str, JSON]:
    lengths = np.empty(array.size, np.int64)
    missing = np.zeros(array.size, np.bool_)
    marked = _missing_value(array.dtype)
    flat = array.reshape(-1)
    total = 0
    encoded: list[bytes] = []
    for start in range(0, array.size, _TEXT_ITEMS):
        items = flat[start : start + _TEXT_ITEMS].tolist()
        for index, item in enumerate(items, start):
            if item is marked:
                missing[index] = True
                items[index - start] = ""
        texts = [item.encode() for item in items]
        lengths[start : start + len(texts)] = [len(text) for text in texts]
        encoded.append(b"".join(texts))
        total += len(encoded[-1])
    sink.write(_format_header("'|u1'", False, (total,)), *encoded, part=part)
    meta: dict[str, JSON] = {"dtype": dtype_to_json(array.dtype), "shape": array.shape}
    if _is_fortran(array):  # that of the array; the text is in C order all the same
        meta["order"] = "F"
    write(lengths, sink, f"{part}.lengths")
    if missing.any():
        write(missing, sink, f"{part}.missing")
        meta["missing"] = True
    return meta


def _read_strings(
    source: Source, dtype: Any, shape: tuple[int, ...], meta: Mapping[str, Any], part: str
) -> np.ndarray[Any, Any]:
    view = source.view(part)
    text = view[_data_start(view, part) :]
    items = prod(shape)
    lengths_part = f"{part}.lengths"
    lengths = _map(source.view(lengths_part), np.dtype("<i8"), (items,), "C", lengths_part)
    if items and (lengths.min() < 0 or lengths.max() > text.nbytes):
        raise _corrupt("a string is longer than the text", lengths_part)
    if int(lengths.sum()) != text.nbytes:
        raise _corrupt("the strings don't add up to the text", lengths_part)
    flat = np.empty(items, dtype)
    position = 0
    for start in range(0, items, _TEXT_ITEMS):
        values = []
        for length in lengths[start : start + _TEXT_ITEMS].tolist():
            values.append(_decode(text[position : position + length], part))
            position += length
        flat[start : start + len(values)] = values
    if meta.get("missing") is True:
        missing_part = f"{part}.missing"
        missing = _map(source.view(missing_part), np.dtype("|b1"), (items,), "C", missing_part)
        marked = _missing_value(dtype)
        if marked is _NO_MARK:
            raise _corrupt("strings are missing, but the dtype knows no missing ones", part)
        one = np.empty((), object)
        one[()] = marked  # as it is, also if it is a tuple, which would be taken apart
        flat[np.flatnonzero(missing)] = one
    return np.asarray(flat.reshape(shape), order=_order(meta, part))


_NO_MARK = object()


def _missing_value(dtype: Any) -> Any:
    return getattr(dtype, "na_object", _NO_MARK)


def _decode(text: memoryview, part: str) -> str:
    try:
        return str(text, "utf-8")
    except UnicodeDecodeError as error:
        raise _corrupt(f"a string is not UTF-8: {error}", part) from error


def _order(meta: Mapping[str, Any], part: str) -> Any:
    order = meta.get("order", "C")
    if order not in ("C", "F"):
        raise _corrupt(f"the memory order {order!r} is neither C nor F", part)
    return order


def _shape(node: Any, part: str) -> tuple[int, ...]:
    if not isinstance(node, (list, tuple)) or not all(type(n) is int and n >= 0 for n in node):
        raise _corrupt(f"{str(node)[:100]!r} is not the shape of an array", part)
    return tuple(node)


def _corrupt(message: str, part: str) -> CorruptArtifactError:
    return CorruptArtifactError(message, part=part)
