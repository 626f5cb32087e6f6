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
from types import CodeType, FunctionType, ModuleType, TracebackType
from typing import Any

import cloudpickle

from aqueduct_core.serializers import _rebuild
from aqueduct_core.serializers.pickle._classes import reduce_class
from aqueduct_core.serializers.pickle._exceptions import reduce_exception, reduce_traceback
from aqueduct_core.serializers.pickle._images import is_image, reduce_image
from aqueduct_core.serializers.pickle._numpy import reduce_numpy
from aqueduct_core.serializers.pickle._reasons import Refusal
from aqueduct_core.serializers.pickle._typing import (
    ALIAS,
    PARAMETERS,
    annotated,
    reduce_alias,
    reduce_forward,
    reduce_parameter,
)

__all__ = ["Pickler", "Unpickler"]

_MOVED = {"pathlib._local": "pathlib"}  # what Python 3.13 alone says of paths
_FILE_NAME = 10  # its place among the arguments of CodeType, since Python 3.11


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles with protocol 5, out of band where `buffer_callback` wants it.

    Attributes:
        modules: The modules of the classes and functions that were met.
        code: Whether functions are in it as code, which only this version of Python can run.
        firsts: The first object of each class that is pickled as the class says.
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
        self.firsts: dict[type, Any] = {}
        self._boxes: dict[int, list[Any]] = {}

    def reducer_override(self, obj: Any) -> Any:
        cls = type(obj)
        if cls in self.firsts:
            return NotImplemented
        self.modules.add(str(cls.__module__))
        if issubclass(cls, type) or cls is FunctionType:
            return self._definition(obj)
        if cls is ALIAS:
            return reduce_alias(obj, self._boxes)
        if issubclass(cls, BaseException):
            return reduce_exception(obj)
        reduced = reduce_numpy(obj)
        if reduced is not None:
            return reduced
        if is_image(cls):
            return reduce_image(obj)
        if cls.__name__ == "MonthDayNano" and cls.__module__ == "builtins":  # it is pyarrow's
            return _rebuild.month_day_nano, (tuple(obj),)
        if cls.__module__ == "itertools" and sys.version_info >= (3, 12):
            raise Refusal(obj)
        if cls is CodeType:
            self.code = True
        elif cls is ModuleType:
            return self._module(obj)
        elif cls.__name__ in _DICTS_OF_KEYS and cls.__module__ == "scipy.sparse._dok":
            return _reduce_sparse(obj)
        self.firsts[cls] = obj
        return NotImplemented

    def _definition(self, obj: Any) -> Any:
        """What a class or function is reduced to."""
        module = obj.__module__  # can be anything: None, or a property of the metaclass
        if type(module) is str:
            self.modules.add(module)
            if module not in sys.modules and "." in module:
                _look_up(module)
        if type(obj) is _ARRAY_CLASS:
            return _rebuild.array_of_c, (obj._type_, obj._length_, obj.__module__)
        if isinstance(obj, type):
            known = vars(obj).get("__pydantic_generic_metadata__", {})
            if known.get("args"):  # pydantic keeps the classes of its models with parameters itself
                return operator.getitem, (known["origin"], known["args"])
            return reduce_class(obj, super().reducer_override(obj))
        try:
            return super().reducer_override(obj)
        except Exception:  # whatever its annotations raise, if it was one of them
            copy = annotated(obj)
            if copy is None:
                raise
        return super().reducer_override(copy)

    def _module(self, obj: ModuleType) -> Any:
        if obj.__name__ in ("__main__", "__mp_main__"):
            raise Refusal(obj)
        return NotImplemented


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
        # Held meanwhile: one that nobody has any more could end while its successor is made.
        held = [known.get(name) for name in arguments if isinstance(name, str)]
        found = make(*arguments)
        if any(found is other for other in held):
            self._present.append(found)
        return found

    def _fill(self, fill: Callable[[type, Any], type], cls: type, state: Any) -> type:
        return cls if any(cls is other for other in self._present) else fill(cls, state)


def _look_up(module: str) -> None:
    """Have a package import what it imports when it is asked for: without it, its classes seem unfindable.

    Arrays can be of `numpy.rec.recarray` without anybody having imported `numpy.rec`.
    """
    package, *rest = module.split(".")
    found: Any = sys.modules.get(package)
    for name in rest:
        found = getattr(found, name, None)


def _refuse(obj: Any) -> Any:
    raise Refusal(obj)


def _reduce_code(code: CodeType) -> Any:
    make, arguments = cloudpickle.Pickler.dispatch_table[CodeType](code)
    # Tracebacks name the file, and show its lines.
    return make, (*arguments[:_FILE_NAME], code.co_filename, *arguments[_FILE_NAME + 1 :])


def _reduce_file(file: io.TextIOWrapper) -> Any:
    for name in ("stdin", "stdout", "stderr"):
        if file is getattr(sys, name):
            return getattr, (sys, name)
    return _refuse(file)


def _reduce_sparse(matrix: Any) -> Any:
    # A dict that keeps its entries in another one: by default they would be stored as its own, too.
    return copyreg.__newobj__, (type(matrix),), vars(matrix)  # type: ignore[attr-defined]  # pickle's own


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


_DICTS_OF_KEYS = frozenset({"dok_array", "dok_matrix"})
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
    TracebackType: reduce_traceback,
    io.TextIOWrapper: _reduce_file,
    memoryview: _refuse,
    weakref.ReferenceType: _refuse,
    weakref.ProxyType: _refuse,
    weakref.CallableProxyType: _refuse,
    weakref.WeakMethod: _refuse,
    weakref.finalize: _refuse,
    weakref.WeakSet: _reduce_weak,
    weakref.WeakKeyDictionary: _reduce_weak,
    weakref.WeakValueDictionary: _reduce_weak,
    **{type(iter(source)): _refuse for source in _ITERATORS_THAT_CHANGE},
    **{type(reversed(source)): _refuse for source in _ITERATORS_THAT_CHANGE[:3]},
}
