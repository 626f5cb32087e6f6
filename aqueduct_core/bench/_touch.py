"""Reading values as their consumers would, and how large they are; no library is imported for it.

What is mapped is in memory only when it has been read: without a byte of every page, loading would
cost nothing.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

__all__ = ["size_of", "touch"]

_PAGE = 4096


def touch(value: Any) -> int:
    """Read a byte of every page of what a value's library keeps outside of Python's own objects."""
    if _is(value, "PIL.Image", "Image"):
        # Eight pixels of each row: a row is three or four pages long.
        return int(value.resize((8, value.height), 0).height)
    return sum(_touch_bytes(buffer) for buffer in _buffers(value))


def size_of(value: Any) -> int:
    """About how many bytes a value takes in memory."""
    if _is(value, "PIL.Image", "Image"):
        return int(value.width * value.height * len(value.getbands()))
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if _is(value, "pandas", "DataFrame"):
        return int(value.memory_usage(index=True, deep=False).sum())
    known = not hasattr(value, "estimators_")  # of a model, the buffers are but a part
    found = sum(memoryview(buffer).nbytes for buffer in _buffers(value)) if known else 0
    try:
        return found or len(pickle.dumps(value, 5))
    except Exception:  # noqa: BLE001 - whatever the value's own pickling raises: nobody knows then
        return sys.getsizeof(value)


def _buffers(value: Any) -> Iterator[Any]:
    """The memory that a value consists of, without copying any."""
    if isinstance(value, bytes | bytearray | memoryview):
        yield memoryview(value).cast("B")
    elif isinstance(value, dict):
        yield from _of_members(value.values())
    elif isinstance(value, list | tuple):
        yield from _of_members(value)
    elif hasattr(value, "estimators_"):  # forests of scikit-learn
        for tree in getattr(value.estimators_, "flat", value.estimators_):
            yield from _of_members([tree.tree_.value, tree.tree_.threshold])
    else:
        for (module, name), found in _LIBRARIES.items():
            if _is(value, module, name):
                yield from found(value)


def _of_members(members: Any) -> Iterator[Any]:
    # Plain members are objects of the heap, made while loading: the first of them tells.
    if any(type(member).__module__ != "builtins" for member in islice(members, 1)):
        for member in members:
            yield from _buffers(member)


def _of_array(array: Any) -> Iterator[Any]:
    if array.dtype.hasobject or not array.nbytes:
        return
    if not array.flags.forc:
        array = array.copy()  # reads all of it
    yield memoryview(array.reshape(-1, order="A").view("u1"))


def _of_pandas(values: Any) -> Iterator[Any]:
    """The arrays behind one column, or one block of columns."""
    if _is(values, "numpy", "ndarray"):
        yield from _of_array(values)
    elif hasattr(values, "_pa_array"):
        yield from _buffers(values._pa_array)
    elif hasattr(values, "_mask"):
        yield from _of_array(values._data)
        yield from _of_array(values._mask)
    elif _is(getattr(values, "_ndarray", None), "numpy", "ndarray"):
        yield from _of_array(values._ndarray)
    elif hasattr(values, "codes"):
        yield from _of_array(values.codes)


def _of_arrow(value: Any) -> Iterator[Any]:
    for column in getattr(value, "columns", [value]):
        for chunk in column.chunks:
            yield from (buffer for buffer in chunk.buffers() if buffer is not None)


def _of_frame(frame: Any) -> Iterator[Any]:
    for block in frame._mgr.blocks:
        yield from _of_pandas(block.values)


_LIBRARIES: dict[tuple[str, str], Callable[[Any], Iterator[Any]]] = {
    ("numpy", "ndarray"): _of_array,
    ("pandas", "DataFrame"): _of_frame,
    ("pandas", "Series"): lambda series: _of_pandas(series.array),
    ("pyarrow", "Table"): _of_arrow,
    ("pyarrow", "ChunkedArray"): _of_arrow,
    ("polars", "DataFrame"): lambda frame: _of_arrow(frame.to_arrow()),
}


def _touch_bytes(buffer: Any) -> int:
    view = memoryview(buffer)
    return sum(view[::_PAGE]) if view.nbytes else 0


def _is(value: Any, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)
