"""What NumPy forgets when it pickles: attributes of its subclasses, `nomask`, hard masks, long long."""

from __future__ import annotations

import copyreg
import pickle
import sys
from collections.abc import Callable, Mapping
from typing import Any

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers import _rebuild

__all__ = ["reduce_numpy"]

_MODULES = frozenset({"numpy", "numpy.ma", "numpy.ma.core"})
# What NumPy itself puts into the __dict__ of its subclasses; anything else is the user's.
_OF_MEMMAP = frozenset({"_mmap", "filename", "offset", "mode"})
_OF_MATRIX = frozenset({"_getitem"})
_OF_MASKED = frozenset(
    {"_mask", "_fill_value", "_hardmask", "_sharedmask", "_isfield", "_baseclass"}
)


def reduce_numpy(obj: Any) -> Any:
    """How an object of NumPy is pickled; None if it isn't one that needs help."""
    cls = type(obj)
    if cls.__module__ in _MODULES and cls.__name__ in _REDUCERS:
        return _REDUCERS[cls.__name__](obj)
    if cls.__module__ == "numpy.dtypes":
        return _reduce_dtype(obj)
    return _reduce_subclass(obj) if _forgets_attributes(cls) else None


def _reduce_dtype(dtype: Any) -> Any:
    import numpy as np

    from aqueduct_core.serializers._dtypes import dtype_to_json, same_dtype

    # NumPy pickles long and longlong, which have the same size, as one.
    if dtype.names is not None:
        changed = not same_dtype(pickle.loads(pickle.dumps(dtype)), dtype)  # noqa: S301  # our own bytes
    else:
        changed = dtype.isbuiltin and dtype.char != "T" and np.dtype(dtype.str).char != dtype.char
    if not changed:
        return NotImplemented
    try:
        return _rebuild.dtype, (dtype_to_json(dtype),)
    except UnserializableError:
        return NotImplemented  # fields of objects


def _reduce_memmap(array: Any) -> Any:
    import numpy as np

    own = _without(array.__dict__, _OF_MEMMAP)
    return _with_attributes(_rebuild.memmap, (np.ndarray.view(array, np.ndarray),), own)


def _reduce_masked(array: Any) -> Any:
    import numpy as np

    state = array.__dict__
    if type(array) is not np.ma.MaskedArray:
        return NotImplemented
    data = np.ndarray.view(array, state["_baseclass"])
    mask = None if state["_mask"] is np.ma.nomask else state["_mask"]
    arguments = (data, mask, state["_fill_value"], bool(state["_hardmask"]))
    own = _without(state, _OF_MASKED)
    for name in ("_optinfo", "_basedict"):
        if not own[name]:
            del own[name]
    return _with_attributes(_rebuild.masked_array, arguments, own)


def _reduce_masked_void(record: Any) -> Any:
    # A record of its own copies nothing: it is a view of an array with one item.
    import numpy as np

    fields = (np.ndarray.view(record, np.ndarray), np.asarray(record._mask))
    return _rebuild.masked_void, (*fields, record._fill_value, bool(record._hardmask))


def _reduce_limits(limits: Any) -> Any:
    return type(limits), (limits.dtype,)


def _forgets_attributes(cls: Any) -> bool:
    """Whether this is a class of arrays that leaves pickling to NumPy."""
    numpy = sys.modules.get("numpy")
    if numpy is None or cls is numpy.ndarray or not issubclass(cls, numpy.ndarray):
        return False
    hooks = ("__reduce__", "__reduce_ex__", "__setstate__")
    return all(getattr(cls, hook) is getattr(numpy.ndarray, hook) for hook in hooks)


def _reduce_subclass(array: Any) -> Any:
    import numpy as np

    own = _without(getattr(array, "__dict__", {}), _OF_MATRIX)
    for name in copyreg._slotnames(type(array)):  # type: ignore[attr-defined]  # pickle's own
        if hasattr(array, name):
            own[name] = getattr(array, name)
    if not own:
        return NotImplemented
    arguments = (type(array), np.ndarray.view(array, np.ndarray))
    return _with_attributes(_rebuild.array_subclass, arguments, own)


def _with_attributes(
    make: Callable[..., Any], arguments: tuple[Any, ...], own: Mapping[str, Any]
) -> Any:
    if not own:
        return make, arguments
    return make, arguments, own, None, None, _rebuild.array_attributes


def _without(state: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in names}


_REDUCERS: dict[str, Callable[[Any], Any]] = {
    "memmap": _reduce_memmap,
    "MaskedArray": _reduce_masked,
    "mvoid": _reduce_masked_void,
    "finfo": _reduce_limits,
}
