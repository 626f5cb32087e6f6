"""NumPy arrays of every dtype but object, as `.npy` files that are mapped back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import ConversionError, CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._dtypes import dtype_to_json, is_string_dtype
from aqueduct_core.serializers.array import _npy
from aqueduct_core.serializers.array._describe import describe

__all__ = ["ArraySerializer"]

# What NumPy itself puts into the __dict__ of its subclasses; anything else is the user's.
_OWN_ATTRIBUTES = {
    "memmap": frozenset({"_mmap", "filename", "offset", "mode"}),
    "matrix": frozenset({"_getitem"}),
    "recarray": frozenset[str](),
    "chararray": frozenset[str](),
}
# What NumPy puts into that of masked arrays.
_OF_MASKED = frozenset(
    {"_mask", "_fill_value", "_hardmask", "_sharedmask", "_isfield", "_baseclass"}
    | {"_optinfo", "_basedict"}
)


class ArraySerializer:
    """NumPy arrays as a `.npy` file, mapped when loaded.

    Takes `numpy.ndarray`, `memmap`, `matrix`, `recarray`, `chararray` and `ma.MaskedArray`, of every
    dtype but object and the dtypes that other packages register; those, and arrays that somebody has
    added attributes to, are left to pickle.

    What comes back has the type, dtype (byte order, field offsets, titles, metadata), shape, memory
    order and bytes of what went in, NaN payloads included; a masked array has its mask, or
    `nomask`, its fill value and whether the mask is hard. Arrays that are not contiguous come back
    in the order that `copy(order="K")` would give them, or in C order if that is neither C nor
    Fortran. Loaded arrays alias a private mapping of the stored bytes: they are writable, and
    writing to them never changes the store. A `memmap` comes back as one that is mapped
    copy-on-write; a read-only array comes back writable.
    """

    name = "npy"
    version = 1
    plain = True
    types: tuple[type | str, ...] = ("numpy.ndarray",)
    artifact = "array"
    suffix = ".npy"

    def accepts(self, obj: Any, /) -> bool:
        if type(obj) is not np.ndarray:
            kind = _kind(obj)
            if kind is None or _own_attributes(obj, kind):
                return False
        if obj.dtype.hasobject and not is_string_dtype(obj.dtype):
            return False
        try:
            dtype_to_json(obj.dtype)
        except UnserializableError:
            return False
        return True

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        if type(obj) is np.ndarray:
            return _npy.write(obj, sink)
        kind = _kind(obj)
        if kind is None:
            raise UnserializableError(
                f"{type(obj).__module__}.{type(obj).__qualname__} is a subclass of ndarray that "
                "the npy format doesn't know",
                hint="store numpy.asarray(value), or allow pickle",
            )
        if kind == "masked":
            return _dump_masked(obj, sink)
        if kind == "masked constant":
            return {"class": kind}
        return {**_npy.write(_plain(obj), sink), "class": kind}

    def load(self, source: Source, /) -> Any:
        meta = source.meta
        kind = meta.get("class")
        if kind is None:
            return _npy.read(source, meta)
        if kind == "masked constant":
            return np.ma.masked
        if kind == "masked":
            return _load_masked(source)
        if not isinstance(kind, str) or kind not in _OWN_ATTRIBUTES:
            raise CorruptArtifactError(f"{kind!r} is no class of arrays")
        return _view_as(_npy.read(source, meta), kind)

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        return describe(obj, budget)


def _kind(obj: Any) -> str | None:
    """Which of NumPy's own array classes this is exactly; None for other people's."""
    cls = type(obj)
    if cls is np.ma.MaskedArray:
        return "masked" if _baseclass(obj) in (np.ndarray, np.matrix) else None
    if cls is np.memmap:
        return "memmap"
    if cls is np.matrix:
        return "matrix"
    if cls is np.recarray:
        return "recarray"
    if cls is type(np.ma.masked):
        return "masked constant"
    # By name: to touch the class is a deprecation warning in some versions of NumPy.
    if cls.__name__ == "chararray" and cls.__module__.partition(".")[0] == "numpy":
        return "chararray"
    return None


def _plain(array: Any) -> np.ndarray[Any, Any]:
    # Not array.view(): recarray and chararray have views of their own.
    return np.ndarray.view(array, np.ndarray)


def _view_as(array: np.ndarray[Any, Any], kind: str) -> Any:
    if kind == "recarray":
        return array.view(np.recarray)
    if kind == "matrix":
        if array.ndim != 2:
            raise CorruptArtifactError(f"a matrix has 2 dimensions, not {array.ndim}")
        return array.view(np.matrix)
    if kind == "chararray":
        if array.dtype.kind not in "SU":
            raise CorruptArtifactError(f"a chararray holds no {array.dtype}")
        return array.view(_chararray())
    mapped: Any = array.view(np.memmap)
    mapped.mode = "c"
    # What a memmap holds on to. Unless it is set, slices of a memmap are plain arrays.
    mapped._mmap = array.base
    return mapped


def _chararray() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found = getattr(np.char, "chararray", None)
    if found is None:
        raise ConversionError(
            "this is a numpy.char.chararray, which this version of NumPy no longer has",
            hint="install the NumPy that saved it, and save a plain array of strings",
        )
    return found


def _baseclass(obj: Any) -> type:
    found: type = obj.__dict__.get("_baseclass", np.ndarray)
    return found


def _dump_masked(obj: Any, sink: Sink) -> dict[str, JSON]:
    state = obj.__dict__
    data = _plain(obj)
    meta: dict[str, JSON] = {**_npy.write(data, sink), "class": "masked"}
    if _baseclass(obj) is np.matrix:
        meta["base"] = "matrix"
    if state["_mask"] is not np.ma.nomask:
        meta["mask"] = _npy.write(_plain(state["_mask"]), sink, "mask")
    # Not obj.fill_value: to read it is to set it.
    if state["_fill_value"] is not None:
        meta["fill"] = _npy.write(np.asarray(state["_fill_value"]), sink, "fill")
    if state["_hardmask"]:
        meta["hard"] = True
    return meta


def _load_masked(source: Source) -> Any:
    meta = source.meta
    data: Any = _npy.read(source, meta)
    if meta.get("base") == "matrix":
        data = _view_as(data, "matrix")
    mask: Any = np.ma.nomask
    if "mask" in meta:
        mask = _npy.read(source, _node(meta["mask"]), "mask")
        if mask.dtype != np.ma.make_mask_descr(data.dtype) or mask.shape != data.shape:
            raise CorruptArtifactError("the mask is not one for this array", part="mask")
    array: Any = np.ma.MaskedArray(data, mask=mask, copy=False, hard_mask=meta.get("hard") is True)
    if "fill" in meta:
        fill = _npy.read(source, _node(meta["fill"]), "fill")
        # NumPy itself gives one for each field to integers that have fields.
        whole = data.dtype.names is None or data.dtype.kind == "V"
        if (fill.ndim and whole) or fill.dtype.hasobject:
            raise CorruptArtifactError("the fill value is not one for this array", part="fill")
        # Not array.fill_value: once NumPy was asked for its default, that is of another dtype.
        array._fill_value = fill
    return array


def _node(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CorruptArtifactError("the description of a masked array is damaged")
    return value


def _own_attributes(obj: Any, kind: str) -> set[str]:
    """What a user added to an array of NumPy's own classes."""
    if kind == "masked constant":
        return set()
    if kind != "masked":
        return {*obj.__dict__} - _OWN_ATTRIBUTES[kind]
    known = _OWN_ATTRIBUTES["matrix"] if _baseclass(obj) is np.matrix else frozenset[str]()
    state = obj.__dict__
    names: set[str] = {*state["_optinfo"], *state["_basedict"], *state.keys() - _OF_MASKED}
    return names - known
