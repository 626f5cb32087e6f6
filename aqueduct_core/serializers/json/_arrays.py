"""Many small arrays (and byte strings) of one nest in one part, each where it can be used as it lies.

The text holds, beside the value, what is in the part:

    {"kinds": [["<f8", [16, 16], "C"], ["bytes", 1200]], "of": [0, 0, 1, 0]}

The fourth is an array of the first kind. Each starts at the next multiple of 64 bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from itertools import accumulate, chain, repeat
from math import prod
from operator import attrgetter, countOf
from typing import Any

from aqueduct_core.abc import Sink
from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.tagged._base import LEAVES, TAG, Build, corrupt, field
from aqueduct_core.serializers.tagged._encode import Encoder

__all__ = ["ArrayReader", "ArrayWriter"]

_PART = "arrays"
_MOST = 1 << 20  # bytes; larger ones get a part of their own
_JOINED = 1 << 14  # bytes; up to here one more copy is cheaper than one more buffer
_SHORT = 256  # bytes of a byte string that base64 makes only a little longer
_ALIGNMENT = 64
_PADDING = [bytes(n) for n in range(_ALIGNMENT)]
_FEW = 8  # arrays; from here on it pays to look at all of them at once
_shape_of, _dtype_of = attrgetter("shape"), attrgetter("dtype")


class ArrayWriter:
    """Collects the arrays of one value.

    Attributes:
        count: How many arrays there are, byte strings not counted.
    """

    def __init__(self) -> None:
        self.count = 0
        self._kinds: dict[tuple[Any, ...], int] = {}
        self._of: list[int] = []
        self._pieces: list[Any] = []  # arrays that lie in C's order, bytes, and views of bytes
        self._sizes: list[int] = []
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

    def bulk(self) -> dict[type, Callable[[Collection[Any]], list[Any]]]:
        """The quicker builder for many arrays at once."""
        numpy = sys.modules.get("numpy")
        return {} if numpy is None else {numpy.ndarray: self._arrays}

    def ids(self) -> Iterable[int]:
        """The ids of the arrays."""
        return self._known.keys()

    def table(self) -> dict[str, Any] | None:
        """What is in the part, if anything is."""
        if not self._of:
            return None
        return {"kinds": [list(kind) for kind in self._kinds], "of": self._of}

    def write(self, sink: Sink) -> None:
        """Write the part."""
        buffers: list[Any] = []
        small: list[Any] = []
        for piece, size in zip(self._pieces, self._sizes, strict=True):
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
        return self._arrays((value,))[0]

    def _arrays(self, values: Collection[Any]) -> list[Any]:
        """The nodes of arrays; None for those that are too large or too odd."""
        alike = self._alike(values) if len(values) > _FEW else None
        if alike is not None:
            return alike
        nodes: list[Any] = []
        known, of, pieces, sizes = self._known, self._of, self._pieces, self._sizes
        last_dtype = last_shape = last_order = number = None
        for value in values:
            index = known.get(id(value))
            if index is not None:
                nodes.append({TAG: "array", "index": index})
                continue
            size, flags = value.nbytes, value.flags
            order = "C" if flags.c_contiguous else "F" if flags.f_contiguous else None
            if order is None or size > _MOST:
                nodes.append(None)
                continue
            dtype, shape = value.dtype, value.shape
            # Most are of one kind, and what is said about it needs to be said once.
            if dtype is not last_dtype or shape != last_shape or order != last_order:
                number = self._kind(dtype, shape, order)
                last_dtype, last_shape, last_order = dtype, shape, order
            if number is None:
                nodes.append(None)
                continue
            index = known[id(value)] = len(of)
            of.append(number)
            piece = value if order == "C" else value.T
            pieces.append(piece if size <= _JOINED else piece.reshape(-1).view("u1").data)
            sizes.append(size)
            nodes.append({TAG: "array", "index": index})
            self.count += 1
        return nodes

    def _alike(self, values: Collection[Any]) -> list[Any] | None:
        """The nodes of small arrays of one kind that are met for the first time; else None."""
        first = next(iter(values))
        size, shape, dtype = first.nbytes, first.shape, first.dtype
        # The very same dtype: C's long and long long, say, only count as equal.
        if size > _JOINED or set(map(id, map(_dtype_of, values))) != {id(dtype)}:
            return None
        if countOf(map(_shape_of, values), shape) != len(values):
            return None
        begin, end = len(self._of), len(self._of) + len(values)
        found = dict(zip(map(id, values), range(begin, end), strict=True))
        if len(found) < len(values) or not found.keys().isdisjoint(self._known):
            return None
        padding = _PADDING[-size % _ALIGNMENT]
        padded = chain.from_iterable(zip(values, repeat(padding))) if padding else values
        try:
            piece = b"".join(padded)
        except TypeError:  # one doesn't lie in C's order
            return None
        number = self._kind(dtype, shape, "C")
        if number is None:
            return None
        self._known |= found
        self._of += [number] * len(values)
        self._pieces.append(piece)
        self._sizes.append(len(piece))
        self.count += len(values)
        return [{TAG: "array", "index": index} for index in range(begin, end)]

    def _kind(self, dtype: Any, shape: tuple[int, ...], order: str) -> int | None:
        try:
            text = self._describe(dtype)
        except UnserializableError:
            return None
        if type(text) is not str:
            return None
        return self._kinds.setdefault((text, shape, order), len(self._kinds))

    def _bytes(self, value: bytes, _encoder: Encoder) -> Any:
        size = len(value)
        if size <= _SHORT:
            return LEAVES[bytes](value, _encoder)
        if size > _MOST:
            return None
        self._of.append(self._kinds.setdefault(("bytes", size), len(self._kinds)))
        self._pieces.append(value)
        self._sizes.append(size)
        return {TAG: "array", "index": len(self._of) - 1}


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
        kinds = [_Kind(kind) for kind in field({TAG: "arrays", **table}, "kinds", list)]
        of = field({TAG: "arrays", **table}, "of", list)
        try:
            if of and (not set(map(type, of)) <= {int} or min(of) < 0):
                corrupt("the table of arrays holds what is not an index")
            self._kinds = [kinds[number] for number in of]
        except IndexError as error:
            raise CorruptArtifactError(
                "the table of arrays names a kind that isn't there"
            ) from error
        starts = [0, *accumulate(kind.step for kind in self._kinds)]
        self._view = view(_PART) if starts[-1] else memoryview(bytearray())
        if len(self._view) != starts[-1]:
            corrupt("the part of arrays is not as long as its table says")
        self._starts = starts
        self._made: list[Any] = [None] * len(of)

    def __call__(self, index: Any) -> Any:
        """The array of an index."""
        if type(index) is not int or not 0 <= index < len(self._made):
            corrupt("it refers to an array that isn't there")
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._make(self._kinds[index], self._starts[index])
        return made

    def make_all(self) -> None:
        """Make all arrays at once, which is quicker than one by one."""
        if len(set(self._kinds)) == 1 and self._kinds[0].dtype is not None and self._kinds[0].size:
            kind, view = self._kinds[0], self._view
            array, shape, dtype, order = kind.array, kind.shape, kind.dtype, kind.order
            starts = self._starts[:-1]
            self._made = [array(shape, dtype, view, start, None, order) for start in starts]
        else:
            self._made = list(map(self._make, self._kinds, self._starts))

    def _make(self, kind: _Kind, start: int) -> Any:
        if kind.dtype is None:
            return bytes(self._view[start : start + kind.size])
        if kind.size:
            return kind.array(kind.shape, kind.dtype, self._view, start, None, kind.order)
        return kind.array(kind.shape, kind.dtype, order=kind.order)


class _Kind:
    """What several things in the part have in common.

    Attributes:
        array: NumPy's class.
        size: Bytes of each.
        step: From one to the next.
        dtype: None for byte strings.
    """

    __slots__ = ("array", "dtype", "order", "shape", "size", "step")

    def __init__(self, kind: Any) -> None:
        if not isinstance(kind, list) or not kind or type(kind[0]) is not str:
            corrupt("the table of arrays is damaged")
        self.array: Any = None
        self.dtype: Any = None
        if kind[0] == "bytes":
            if len(kind) != 2 or type(kind[1]) is not int or not 0 <= kind[1] <= _MOST:
                corrupt("the table of arrays is damaged")
            self.size = kind[1]
        else:
            if len(kind) != 3 or not isinstance(kind[1], list) or kind[2] not in ("C", "F"):
                corrupt("the table of arrays is damaged")
            self._read_array(*kind)
        self.step = self.size + -self.size % _ALIGNMENT

    def _read_array(self, text: str, shape: list[Any], order: str) -> None:
        import numpy as np

        from aqueduct_core.serializers._dtypes import dtype_from_json

        if len(shape) > 64 or not all(type(side) is int and 0 <= side < 2**63 for side in shape):
            corrupt("this is not the shape of an array")
        self.array, self.order, self.shape = np.ndarray, order, tuple(shape)
        self.dtype = dtype_from_json(text)
        self.size = prod(shape) * self.dtype.itemsize
        # NumPy multiplies the sides that aren't empty even if another one is.
        extent = prod(side or 1 for side in shape) * max(self.dtype.itemsize, 1)
        if self.size > _MOST or extent >= 2**63:
            corrupt("an array is larger than any that is written here")
