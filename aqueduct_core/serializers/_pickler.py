"""cloudpickle, made to keep or to refuse what it would change.

cloudpickle drops the cause, context and traceback of exceptions, turns memoryviews into bytes, files
into StringIOs and iterators of dicts and sets into those of lists, and forgets what a weak container
holds. NumPy forgets `nomask` and hard masks. Here each of these is kept or an error.
"""

from __future__ import annotations

import io
import pickle
import sys
import weakref
from collections import ChainMap, OrderedDict
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any

import cloudpickle

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers import _rebuild
from aqueduct_core.serializers._pickle_reasons import Refusal

__all__ = ["Pickler", "Unpickler"]

_LATE = ("__cause__", "__context__", "__suppress_context__", "__traceback__")
# Attributes that live in C and that the exceptions' own __reduce__ leaves out.
_MEMBERS = ("name", "obj", "path", "name_from")
_FRAMES = 1_000


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles with protocol 5, out of band where `buffer_callback` wants it.

    Attributes:
        modules: The modules of the classes and functions that were met.
    """

    def __init__(
        self, file: Any, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        cls = type(obj)
        self.modules.add(cls.__module__)
        if issubclass(cls, BaseException):
            return _reduce_exception(obj)
        reduce = _NUMPY.get(cls.__name__) if cls.__module__ in _NUMPY_MODULES else None
        if reduce is not None:
            return reduce(obj)
        if cls.__module__ == "itertools" and sys.version_info >= (3, 12):
            raise Refusal(obj)
        module = getattr(obj, "__module__", None)
        if type(module) is str:
            self.modules.add(module)
        return super().reducer_override(obj)


class Unpickler(pickle.Unpickler):
    """Loads pickles; a class that this process has already is left as it is.

    cloudpickle sets all attributes and methods of a class that it pickled by value again when it
    loads it, also if it is the very class of the running program.
    """

    def __init__(self, file: Any, buffers: Any = None) -> None:
        super().__init__(file, buffers=buffers)
        self._present: list[type] = []

    def find_class(self, module: str, name: str, /) -> Any:
        found = super().find_class(module, name)
        if module == "cloudpickle.cloudpickle":
            if name in ("_make_skeleton_class", "_make_skeleton_enum"):
                return partial(self._skeleton, found)
            if name == "_class_setstate":
                return partial(self._fill, found)
        return found

    def _skeleton(self, make: Callable[..., type], *arguments: Any) -> type:
        known = getattr(cloudpickle.cloudpickle, "_DYNAMIC_CLASS_TRACKER_BY_ID", {})
        present = any(isinstance(name, str) and name in known for name in arguments)
        found = make(*arguments)
        if present:
            self._present.append(found)
        return found

    def _fill(self, fill: Callable[[type, Any], type], cls: type, state: Any) -> type:
        return cls if any(cls is other for other in self._present) else fill(cls, state)


def _refuse(obj: Any) -> Any:
    raise Refusal(obj)


def _reduce_exception(error: BaseException) -> Any:
    reduced = error.__reduce_ex__(5)
    extras = {}
    for name in _LATE:
        value = getattr(error, name)
        if value is not None and value is not False:
            extras[name] = value
    if error.__cause__ is not None and not error.__suppress_context__:
        extras["__suppress_context__"] = False  # setting the cause sets this, too
    if isinstance(error, (AttributeError, NameError, ImportError)):
        extras.update(
            (name, value)
            for name in _MEMBERS
            if (value := getattr(error, name, None)) is not None and name not in vars(error)
        )
    if not extras or isinstance(reduced, str):
        return reduced
    make, arguments, state, items, pairs, setter = (*reduced, *[None] * 4)[:6]
    # Not given to the constructor: causes and contexts can lead back to this exception.
    packed = (state, setter, extras)
    return make, arguments, packed, items, pairs, _rebuild.exception_state


def _reduce_traceback(traceback: TracebackType) -> Any:
    entries = []
    step: TracebackType | None = traceback
    while step is not None and len(entries) < _FRAMES:
        code = step.tb_frame.f_code
        positions = [*code.co_positions()]
        index = step.tb_lasti // 2
        line, end_line, column, end_column = (
            positions[index] if 0 <= index < len(positions) else (None,) * 4
        )
        first = step.tb_lineno or line or 1
        entries.append(
            (
                code.co_filename,
                code.co_name,
                code.co_qualname,
                str(step.tb_frame.f_globals.get("__name__", "")),
                first,
                max(first, end_line or first),
                column or 0,
                end_column or 0,
            )
        )
        step = step.tb_next
    return _rebuild.traceback, (entries,)


def _reduce_file(file: io.TextIOWrapper) -> Any:
    for name in ("stdin", "stdout", "stderr"):
        if file is getattr(sys, name):
            return getattr, (sys, name)
    return _refuse(file)


def _reduce_weak(container: Any) -> Any:
    if len(container):
        raise Refusal(container)
    return _rebuild.empty_like, (type(container),)


def _reduce_memmap(array: Any) -> Any:
    import numpy as np

    return _rebuild.memmap, (np.ndarray.view(array, np.ndarray),)


def _reduce_masked(array: Any) -> Any:
    import numpy as np

    state = array.__dict__
    if type(array) is not np.ma.MaskedArray or state["_baseclass"] is not np.ndarray:
        return NotImplemented
    if state["_optinfo"] or state["_basedict"]:
        raise UnserializableError(
            "a masked array with attributes of its own can't be stored",
            hint="store the array and its attributes apart",
        )
    data = np.ndarray.view(array, np.ndarray)
    mask = None if state["_mask"] is np.ma.nomask else state["_mask"]
    return _rebuild.masked_array, (data, mask, state["_fill_value"], bool(state["_hardmask"]))


_NUMPY_MODULES = frozenset({"numpy", "numpy.ma", "numpy.ma.core"})
_NUMPY = {"memmap": _reduce_memmap, "MaskedArray": _reduce_masked}

_ITERATORS_THAT_CHANGE: tuple[Any, ...] = (
    {}.keys(),
    {}.values(),
    {}.items(),
    set(),
    OrderedDict(),
)

_REDUCERS: dict[type, Callable[[Any], Any]] = {
    TracebackType: _reduce_traceback,
    io.TextIOWrapper: _reduce_file,
    memoryview: _refuse,
    weakref.ReferenceType: _refuse,
    weakref.ProxyType: _refuse,
    weakref.CallableProxyType: _refuse,
    weakref.WeakMethod: _refuse,
    weakref.WeakSet: _reduce_weak,
    weakref.WeakKeyDictionary: _reduce_weak,
    weakref.WeakValueDictionary: _reduce_weak,
    **{type(iter(source)): _refuse for source in _ITERATORS_THAT_CHANGE},
    **{type(reversed(source)): _refuse for source in ({}, {}.values(), {}.items())},
}

Pickler.dispatch_table = ChainMap(_REDUCERS, cloudpickle.Pickler.dispatch_table)
