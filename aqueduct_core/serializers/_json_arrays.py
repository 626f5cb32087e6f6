"""Many small arrays (and byte strings) of one nest in one part, each where it can be used as it lies.

The text holds, beside the value, what is in the part:

    {"kinds": [["<f8", [16, 16], "C"], ["bytes", 1200]], "of": [0, 0, 1, 0]}

The fourth is an array of the first kind. Each starts at the next multiple of 64 bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import prod
from typing import Any

from aqueduct_core.abc import Sink
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._tags_base import TAG, Build, corrupt, field
from aqueduct_core.serializers._tags_encode import Encoder

__all__ = ["ArrayReader", "ArrayWriter"]

_PART = "arrays"
_MOST = 1 << 20  # bytes; larger ones get a part of their own
_JOINED = 1 << 14  # bytes; up to here one more copy is cheaper than one more buffer
_SHORT = 256  # bytes of a byte string that base64 makes only a little longer
_ALIGNMENT = 64
_PADDING = [bytes(n) for n in range(_ALIGNMENT)]


class ArrayWriter:
    """Collects the arrays of one value.

    Attributes:
        count: How many arrays there are, byte strings not counted.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kinds: dict[tuple[Any, ...], int] = {}
        self._of: list[int] = []
        self._pieces: list[Any] = []
        self._known: dict[int, int] = {}
        self._describe: Any = None

    def builders(self) -> dict[type, Build]:
        """The builders for the types it takes."""
        found: dict[type, Build] = {bytes: self._bytes}
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            from aqueduct_core.serializers._dtypes import dtype_to_json

            self._describe = dtype_to_json
            found[numpy.ndarray] = self._array
        return found

    def table(self) -> dict[str, Any] | None:
        """What is in the part, if anything is."""
        if not self._of:
            return None
        return {"kinds": [list(kind) for kind in self._kinds], "of": self._of}

    def write(self, sink: Sink) -> None:
        """Write the part."""
        buffers: list[Any] = []
        small: list[Any] = []
        for piece in self._pieces:
            size = len(piece)
            if size > _JOINED:
                if small:
                    buffers.append(b"".join(small))
                    small = []
                buffers.append(piece)
            else:
                small.append(piece)
            if padding := -size % _ALIGNMENT:
                small.append(_PADDING[padding])
        if small:
            buffers.append(b"".join(small))
        sink.write(*buffers, part=_PART)

    def _array(self, value: Any, _encoder: Encoder) -> Any:
        index = self._known.get(id(value))
        if index is not None:
            return {TAG: "array", "index": index}
        size = value.nbytes
        flags = value.flags
        order = "C" if flags.c_contiguous else "F"
        if size > _MOST or (order == "F" and not flags.f_contiguous):
            return None
        try:
            dtype = self._describe(value.dtype)
        except UnserializableError:
            return None
        if type(dtype) is not str:
            return None
        if size <= _JOINED:
            data = value.tobytes(order)
        else:
            data = memoryview(value.reshape(-1, order=order).view("u1"))
        index = self._known[id(value)] = self._add((dtype, value.shape, order), data)
        self.count += 1
        return {TAG: "array", "index": index}

    def _bytes(self, value: bytes, _encoder: Encoder) -> Any:
        from aqueduct_core.serializers._tags_base import LEAVES

        size = len(value)
        if size <= _SHORT:
            return LEAVES[bytes](value, _encoder)
        if size > _MOST:
            return None
        return {TAG: "array", "index": self._add(("bytes", size), value)}

    def _add(self, kind: tuple[Any, ...], data: Any) -> int:
        number = self._kinds.get(kind)
        if number is None:
            number = self._kinds[kind] = len(self._kinds)
        index = len(self._of)
        self._of.append(number)
        self._pieces.append(data)
        return index


class ArrayReader:
    """Gives the arrays of one part, each once.

    Args:
        table: What `ArrayWriter.table` said.
        view: Gives the bytes of a part.

    Raises:
        CorruptArtifactError: The table isn't one, or doesn't fit the part.
    """

    def __init__(self, table: Any, view: Callable[[str], memoryview]) -> None:
        if not isinstance(table, dict):
            corrupt("the table of arrays is missing")
        kinds = [_kind(kind) for kind in field({TAG: "arrays", **table}, "kinds", list)]
        of = field({TAG: "arrays", **table}, "of", list)
        sizes = [size + -size % _ALIGNMENT for size, _make in kinds]
        try:
            if of and (not set(map(type, of)) <= {int} or min(of) < 0):
                corrupt("the table of arrays holds what is not an index")
            starts = []
            position = 0
            for number in of:
                starts.append(position)
                position += sizes[number]
        except IndexError as error:
            raise CorruptArtifactError(
                "the table of arrays names a kind that isn't there"
            ) from error
        self._view = view(_PART) if position else memoryview(bytearray())
        if len(self._view) != position:
            corrupt("the part of arrays is not as long as its table says")
        self._makes = [make for _size, make in kinds]
        self._of = of
        self._starts = starts
        self._made: list[Any] = [None] * len(of)

    def __call__(self, index: int) -> Any:
        """The array of an index."""
        if not 0 <= index < len(self._made):
            corrupt("it refers to an array that isn't there")
        made = self._made[index]
        if made is None:
            start = self._starts[index]
            made = self._made[index] = self._makes[self._of[index]](self._view, start)
        return made


def _kind(kind: Any) -> tuple[int, Callable[[memoryview, int], Any]]:
    """The size of one thing in the part, and how to make it."""
    if not isinstance(kind, list) or not kind or type(kind[0]) is not str:
        corrupt("the table of arrays is damaged")
    if kind[0] == "bytes":
        if len(kind) != 2 or type(kind[1]) is not int or kind[1] < 0:
            corrupt("the table of arrays is damaged")
        return _bytes_kind(kind[1])
    if len(kind) != 3 or not isinstance(kind[1], list) or kind[2] not in ("C", "F"):
        corrupt("the table of arrays is damaged")
    return _array_kind(*kind)


def _bytes_kind(size: int) -> tuple[int, Callable[[memoryview, int], Any]]:
    return size, lambda view, start: bytes(view[start : start + size])


def _array_kind(
    text: str, shape: list[Any], order: Any
) -> tuple[int, Callable[[memoryview, int], Any]]:
    import numpy as np

    from aqueduct_core.serializers._dtypes import dtype_from_json

    dtype = dtype_from_json(text)
    if len(shape) > 64 or not all(type(side) is int and 0 <= side < 2**63 for side in shape):
        corrupt("this is not the shape of an array")
    size = prod(shape) * dtype.itemsize
    # NumPy adds up all sides but the empty ones.
    if size > _MOST or prod(side or 1 for side in shape) * max(dtype.itemsize, 1) >= 2**63:
        corrupt("an array is larger than any that is written here")
    array = np.ndarray
    if size == 0:
        return 0, lambda _view, _start: np.zeros(shape, dtype, order)
    if order == "C":
        return size, lambda view, start: array(shape, dtype, view, start)
    return size, lambda view, start: array(shape, dtype, view, start, None, "F")
