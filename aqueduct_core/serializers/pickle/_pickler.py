"""cloudpickle, made to keep or to refuse what it would change.

cloudpickle drops the cause, context and traceback of exceptions and, since 3.1.3, the file that a
function is from, turns memoryviews into bytes, files into StringIOs and iterators of dicts and sets
into those of lists, and forgets what a weak container holds. NumPy forgets `nomask` and hard masks. Here each of these is kept or an error.
"""

from __future__ import annotations

import copyreg
import ctypes
import functools
import io
import operator
import pickle
import sys
import typing
import weakref
from collections import OrderedDict
from collections.abc import Callable
from types import CodeType, FunctionType, TracebackType
from typing import Any

import cloudpickle

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers import _rebuild
from aqueduct_core.serializers.pickle._reasons import Refusal
from aqueduct_core.serializers.pickle._typing import (
    ALIAS,
    PARAMETERS,
    annotated,
    reduce_alias,
    reduce_class,
    reduce_forward,
    reduce_parameter,
)

__all__ = ["Pickler", "Unpickler"]

_MOVED = {"pathlib._local": "pathlib"}  # what Python 3.13 alone says of paths
_LATE = ("__cause__", "__context__", "__suppress_context__", "__traceback__")
# Attributes that live in C and that the exceptions' own __reduce__ leaves out.
_MEMBERS = ("name", "obj", "path", "name_from")
_FRAMES = 1_000
_FILE_NAME = 10  # its place among the arguments of CodeType, since Python 3.11


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles with protocol 5, out of band where `buffer_callback` wants it.

    Attributes:
        modules: The modules of the classes and functions that were met.
        code: Whether functions are in it as code, which only this version of Python can run.
    """

    def __init__(
        self, file: Any, buffer_callback: Callable[[pickle.PickleBuffer], Any] | None = None
    ) -> None:
        # A plain dict, rebuilt each time for what was registered since: cloudpickle's own ChainMap
        # costs more than all the rest of pickling a model.
        self.dispatch_table = {**copyreg.dispatch_table, **_REDUCERS}
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self.modules: set[str] = set()
        self.code = False
        self._ordinary: set[type] = set()
        self._boxes: dict[int, list[Any]] = {}

    def reducer_override(self, obj: Any) -> Any:
        cls = type(obj)
        if cls in self._ordinary:
            return NotImplemented
        self.modules.add(str(cls.__module__))
        if issubclass(cls, type) or cls is FunctionType:
            return self._definition(obj)
        if cls is ALIAS:
            return reduce_alias(obj, self._boxes)
        if issubclass(cls, BaseException):
            return _reduce_exception(obj)
        if cls.__module__ in _NUMPY_MODULES and cls.__name__ in _NUMPY:
            return _NUMPY[cls.__name__](obj)
        if cls.__module__ == "numpy.dtypes":
            return _reduce_dtype(obj)
        if cls.__module__ == "itertools" and sys.version_info >= (3, 12):
            raise Refusal(obj)
        if cls is CodeType:
            self.code = True
        elif _forgets_attributes(cls):
            return _reduce_subclass(obj)
        self._ordinary.add(cls)
        return NotImplemented

    def _definition(self, obj: Any) -> Any:
        """What a class or function is reduced to."""
        module = obj.__module__  # can be anything: None, or a property of the metaclass
        if type(module) is str:
            self.modules.add(module)
        if type(obj) is _ARRAY_CLASS:
            return operator.mul, (obj._type_, obj._length_)
        if isinstance(obj, type):
            return reduce_class(obj, super().reducer_override(obj))
        try:
            return super().reducer_override(obj)
        except Exception:  # whatever its annotations raise, if it was one of them
            copy = annotated(obj)
            if copy is None:
                raise
        return super().reducer_override(copy)


class Unpickler(pickle.Unpickler):
    """Loads pickles; a class that this process has already is left as it is.

    cloudpickle sets all attributes and methods of a class that it pickled by value again when it
    loads it, also if it is the very class of the running program.

    Args:
        file: What to read.
        buffers: The out-of-band buffers.
        elsewhere: Fail where another process would: at names in `__main__`.
    """

    def __init__(self, file: Any, buffers: Any = None, *, elsewhere: bool = False) -> None:
        super().__init__(file, buffers=buffers)
        self._present: list[type] = []
        self._elsewhere = elsewhere

    def find_class(self, module: str, name: str, /) -> Any:
        if self._elsewhere and module in ("__main__", "__mp_main__"):
            raise AttributeError(f"no other process will find {name!r} in its __main__")
        found = super().find_class(_MOVED.get(module, module), name)
        if module == "cloudpickle.cloudpickle":
            if name in ("_make_skeleton_class", "_make_skeleton_enum"):
                return functools.partial(self._skeleton, found)
            if name == "_class_setstate":
                return functools.partial(self._fill, found)
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


def _reduce_code(code: CodeType) -> Any:
    make, arguments = cloudpickle.Pickler.dispatch_table[CodeType](code)
    # Tracebacks name the file, and show its lines.
    return make, (*arguments[:_FILE_NAME], code.co_filename, *arguments[_FILE_NAME + 1 :])


def _reduce_traceback(traceback: TracebackType) -> Any:
    entries: list[Any] = []
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


def _reduce_cached(function: Any) -> Any:
    """A function with `lru_cache`: by name if another process can find it, else with what it wraps."""
    home: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        home = getattr(home, name, None)
    if home is function and function.__module__ != "__main__":
        return str(function.__qualname__)
    parameters = function.cache_parameters()
    arguments = (function.__wrapped__, parameters["maxsize"], parameters["typed"])
    return _rebuild.lru_cache, arguments, vars(function)


def _reduce_cached_property(cached: functools.cached_property[Any]) -> Any:
    # Before Python 3.12 it has a lock.
    return _rebuild.cached_property, (cached.func, cached.attrname)


def _reduce_partial_method(method: Any) -> Any:
    if type(method) is not functools.partialmethod:
        return method.__reduce_ex__(5)
    # From Python 3.14 on the default loses the arguments.
    return _rebuild.partial_method, (method.func, tuple(method.args), dict(method.keywords))


def _reduce_dtype(dtype: Any) -> Any:
    import numpy as np

    if not dtype.isbuiltin or dtype.char == "T" or np.dtype(dtype.str).char == dtype.char:
        return NotImplemented
    from aqueduct_core.serializers._dtypes import dtype_to_json

    # NumPy pickles long and longlong, which have the same size, as one.
    return _rebuild.dtype, (dtype_to_json(dtype),)


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


def _reduce_masked_void(record: Any) -> Any:
    # A record of its own copies nothing: it is a view of an array with one item.
    import numpy as np

    fields = (np.ndarray.view(record, np.ndarray), np.asarray(record._mask))
    return _rebuild.masked_void, (*fields, record._fill_value, bool(record._hardmask))


def _forgets_attributes(cls: Any) -> bool:
    """Whether this is a class of arrays that leaves pickling to NumPy."""
    numpy = sys.modules.get("numpy")
    if numpy is None or cls is numpy.ndarray or not issubclass(cls, numpy.ndarray):
        return False
    return cls.__reduce__ is numpy.ndarray.__reduce__ and hasattr(cls, "__dict__")


def _reduce_subclass(array: Any) -> Any:
    lost = getattr(array, "__dict__", {}).keys() - {"_getitem"}  # a matrix' own
    if lost:
        raise UnserializableError(
            f"the attribute {min(lost)!r} would be lost: NumPy doesn't pickle those of "
            f"{type(array).__qualname__}",
            hint="give the class a __reduce__ and __setstate__, or store the attributes apart",
        )
    return NotImplemented


_NUMPY_MODULES = frozenset({"numpy", "numpy.ma", "numpy.ma.core"})
_NUMPY = {"memmap": _reduce_memmap, "MaskedArray": _reduce_masked, "mvoid": _reduce_masked_void}

_ITERATORS_THAT_CHANGE: tuple[Any, ...] = (
    {}.keys(),
    {}.values(),
    {}.items(),
    set(),
    OrderedDict(),
)

_ARRAY_CLASS = type(ctypes.c_int * 1)  # each array class is made on demand, and made again

_REDUCERS: dict[type, Callable[[Any], Any]] = {
    **cloudpickle.Pickler.dispatch_table,
    **dict.fromkeys(PARAMETERS, reduce_parameter),
    **({typing.ForwardRef: reduce_forward} if sys.version_info >= (3, 14) else {}),
    functools.partialmethod: _reduce_partial_method,
    functools.cached_property: _reduce_cached_property,
    type(functools.lru_cache(len)): _reduce_cached,
    CodeType: _reduce_code,
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
    **{type(reversed(source)): _refuse for source in _ITERATORS_THAT_CHANGE[:3]},
}
