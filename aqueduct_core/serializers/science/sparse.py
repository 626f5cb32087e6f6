"""SciPy's sparse arrays and matrices: the arrays that they are made of, mapped when loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError

__all__ = ["SparseSerializer"]

_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data",),
    "dia": ("data", "offsets"),
}
# What SciPy keeps in their __dict__; anything else was added to them.
_ATTRIBUTES = frozenset(
    {"_shape", "maxprint", "data", "indices", "indptr", "coords", "offsets", "has_canonical_format"}
    | {"_has_sorted_indices", "_has_canonical_format"}
)
_CLASSES = {
    f"{layout}_{kind}": getattr(sp, f"{layout}_{kind}")
    for layout in _MEMBERS
    for kind in ("array", "matrix")
}


class SparseSerializer:
    """Sparse arrays and matrices in the layouts CSR, CSC, BSR, COO and DIA.

    What comes back has the same class, shape, dtypes of data and indices, order of entries, explicit
    zeros and duplicates. LIL and DOK, which are made of Python objects, are left to pickle: convert them first.
    """

    name = "scipy.sparse"
    version = 1
    types: tuple[type | str, ...] = tuple(f"scipy.sparse.{name}" for name in _CLASSES)
    artifact = "array"

    def accepts(self, obj: Any, /) -> bool:
        if _CLASSES.get(type(obj).__name__) is not type(obj) or obj.dtype.hasobject:
            return False
        return not vars(obj).keys() - _ATTRIBUTES

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        layout = obj.format
        members = {name: getattr(obj, name) for name in _MEMBERS[layout]}
        meta: dict[str, JSON] = {
            "class": type(obj).__name__,
            "shape": [int(length) for length in obj.shape],
            "members": {name: sink.nest(array, f".{name}") for name, array in members.items()},
        }
        if layout == "coo":
            meta["coords"] = [
                sink.nest(array, f".coords[{axis}]") for axis, array in enumerate(obj.coords)
            ]
            meta["canonical"] = bool(obj.has_canonical_format)
        return meta

    def load(self, source: Source, /) -> Any:
        meta = source.meta
        made, shape = _CLASSES.get(meta["class"]), tuple(meta["shape"])
        if made is None or not all(type(length) is int and length >= 0 for length in shape):
            raise CorruptArtifactError(f"there is no sparse {meta['class']!r:.40} of this shape")
        layout = str(meta["class"])[:3]
        members = {name: source.nested(meta["members"][name]) for name in _MEMBERS[layout]}
        coords = [source.nested(index) for index in meta.get("coords", [])]
        for array in (*members.values(), *coords):
            _require(type(array) is np.ndarray, "something in it is no array")
        _check(layout, shape, members, coords, deep=not source.vouched)
        return _assembled(made, shape, members, coords, meta)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        """Shape, dtype, layout and how many entries are stored."""
        return {
            "shape": [int(length) for length in obj.shape],
            "dtype": str(obj.dtype),
            "layout": obj.format,
            "stored": int(obj.nnz),
        }


def _assembled(
    made: Any,
    shape: tuple[int, ...],
    members: Mapping[str, Any],
    coords: list[Any],
    meta: Mapping[str, Any],
) -> Any:
    # Not through the constructors: they make indices smaller where they can.
    found = made.__new__(made)
    empty = made((1,) * len(shape), dtype=members["data"].dtype)
    found.__dict__.update(empty.__dict__)
    found._shape = shape
    for name, array in members.items():
        setattr(found, name, array)
    if coords:
        found.coords = tuple(coords)
        found.has_canonical_format = meta.get("canonical") is True
    return found


def _check(
    layout: str,
    shape: tuple[int, ...],
    members: Mapping[str, Any],
    coords: list[Any],
    *,
    deep: bool,
) -> None:
    """Refuse what SciPy's compiled code would follow out of its arrays."""
    data = members["data"]
    if layout == "coo":
        _require(len(coords) == len(shape) and data.ndim == 1, "it has other dimensions")
        for axis, array in zip(shape, coords, strict=True):
            _require(
                array.shape == data.shape and array.dtype.kind == "i", "its coordinates differ"
            )
            if deep and array.size:
                _require(
                    int(array.min()) >= 0 and int(array.max()) < axis, "a coordinate is outside"
                )
        return
    if layout == "dia":
        offsets = members["offsets"]
        _require(len(shape) == 2 and data.ndim == 2, "it has other dimensions")
        _require(
            offsets.shape == data.shape[:1] and offsets.dtype.kind == "i", "its offsets differ"
        )
        return
    indices, indptr = members["indices"], members["indptr"]
    rows, columns = _axes(layout, shape, data)
    _require(indices.ndim == indptr.ndim == 1 and len(indptr) == rows + 1, "its pointers differ")
    _require(indices.dtype.kind == indptr.dtype.kind == "i", "its indices are no integers")
    _require(len(indices) == len(data), "its data differ from its indices")
    if deep:
        # Subtraction could overflow; comparison can't.
        rising = indptr[0] == 0 and bool((indptr[1:] >= indptr[:-1]).all())
        _require(rising and int(indptr[-1]) <= len(indices), "its pointers lead astray")
        inside = not indices.size or (int(indices.min()) >= 0 and int(indices.max()) < columns)
        _require(inside, "an index is outside")


def _axes(layout: str, shape: tuple[int, ...], data: Any) -> tuple[int, int]:
    """The lengths of what pointers and indices count."""
    if layout == "bsr":
        _require(len(shape) == 2 and data.ndim == 3 and min(data.shape[1:]) > 0, "it has no blocks")
        across = [length // block for length, block in zip(shape, data.shape[1:], strict=True)]
        return across[0], across[1]
    _require(len(shape) in (1, 2) and data.ndim == 1, "it has other dimensions")
    if len(shape) == 1:
        return 1, shape[0]
    return (shape[0], shape[1]) if layout == "csr" else (shape[1], shape[0])


def _require(ok: bool, what: str) -> None:
    if not ok:
        raise CorruptArtifactError(f"this is no sparse array: {what}")
