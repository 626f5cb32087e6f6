"""Functions as bytes: pickled with everything of the user's own that they need.

Functions, classes and modules of the user's own go by value, those of installed packages by name.
Whoever loads such a function needs the packages, and none of the user's files.
"""

from __future__ import annotations

import functools
import io
import linecache
import os
import pickle
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

import cloudpickle
from cloudpickle import cloudpickle as tracker

from aqueduct_core.dag._code import references
from aqueduct_core.dag._functions import OperatorFunction
from aqueduct_core.dag._modules import is_own_module, is_own_name
from aqueduct_core.dag._references import by_reference
from aqueduct_core.serializers import _rebuild
from aqueduct_core.serializers.pickle._pickler import Pickler, Unpickler
from aqueduct_core.serializers.pickle._typing import HINTS

__all__ = ["PickledFunction", "by_value", "pickle_function"]

_REGISTERING = threading.RLock()  # cloudpickle's list of modules that go by value is global
_CACHED = type(functools.lru_cache(len))
_INSTALLING = threading.Lock()
_LARGE = 4_096  # smaller buffers stay in the pickle

Lines = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class PickledFunction:
    """A function of the user, pickled.

    Attributes:
        head: The pickle.
        buffers: Its out-of-band buffers: arrays that the function refers to.
    """

    head: bytes | memoryview
    buffers: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        size = sum(memoryview(item).nbytes for item in (self.head, *self.buffers))
        return f"<PickledFunction: {size:,} bytes>"

    def load(self) -> Callable[..., Any]:
        """The function; imports the packages that it needs."""
        found = Unpickler(io.BytesIO(self.head), self.buffers).load()
        _show_lines(found["lines"])
        function: Callable[..., Any] = found["function"]
        return _with_modules(function, found["imports"]) if found["imports"] else function

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if protocol < 5:
            return pickled_function, (bytes(self.head), [bytearray(item) for item in self.buffers])
        return pickled_function, (
            pickle.PickleBuffer(self.head),
            [pickle.PickleBuffer(item) for item in self.buffers],
        )


def pickled_function(head: Any, buffers: Any) -> PickledFunction:
    """Rebuilds a `PickledFunction`; its name stands in stored pickles, so it stays."""
    return PickledFunction(head, tuple(buffers))


def pickle_function(
    function: Any,
    *,
    modules: Mapping[str, Collection[str]],
    imports: Collection[ModuleType],
    classes: Mapping[type, str],
    lines: Lines,
) -> tuple[PickledFunction, set[str]]:
    """Pickle a function; returns it with the modules of everything that was met.

    Args:
        function: Anything that can be called.
        modules: What of the user's modules is needed, by name: attributes.
        imports: The user's modules that it imports when it runs.
        classes: The user's classes that it refers to, with their ids.
        lines: The lines of its source, by file and first line, for tracebacks.

    Raises:
        Exception: Whatever pickling raises for what can't be pickled.
    """
    file = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    content = {
        "function": function,
        "imports": {module.__name__: module for module in imports},
        "lines": lines,
    }

    def keep(buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < _LARGE:
            return True
        buffers.append(buffer)
        return False

    with by_value(classes) as register:
        pickler = _FunctionPickler(file, keep, register, modules)
        pickler.dump(content)
    return PickledFunction(file.getvalue(), tuple(map(_copy, buffers))), pickler.modules


def _copy(buffer: pickle.PickleBuffer) -> bytes | bytearray:
    """The bytes as they are now: the array may be changed before the version is saved."""
    view = buffer.raw()
    return bytes(view) if view.readonly else bytearray(view)


@contextmanager
def by_value(classes: Mapping[type, str]) -> Iterator[Callable[[str], None]]:
    """While it lasts, modules that are given to what it yields are pickled by value.

    Args:
        classes: Ids for classes, instead of cloudpickle's random ones. What one function makes is
            an instance of the class that another one knows, also if they were published in
            different processes, as long as the class is the same.
    """
    with _REGISTERING:
        for cls, name in classes.items():
            tracker._DYNAMIC_CLASS_TRACKER_BY_CLASS[cls] = name
            tracker._DYNAMIC_CLASS_TRACKER_BY_ID[name] = cls
        before = cloudpickle.list_registry_pickle_by_value()

        def register(name: Any) -> None:
            module = sys.modules.get(name) if type(name) is str else None
            if module is not None and name != "__main__" and is_own_module(module):
                cloudpickle.register_pickle_by_value(module)

        try:
            yield register
        finally:
            for name in cloudpickle.list_registry_pickle_by_value() - before:
                cloudpickle.unregister_pickle_by_value(sys.modules[name])


class _FunctionPickler(Pickler):
    """Pickles what is the user's own by value.

    Args:
        file: Where to.
        keep: Says which buffers stay in the pickle.
        register: Makes a module go by value.
        wanted: What of the user's modules is needed.
    """

    def __init__(
        self,
        file: Any,
        keep: Callable[[pickle.PickleBuffer], bool],
        register: Callable[[str], None],
        wanted: Mapping[str, Collection[str]],
    ) -> None:
        super().__init__(file, keep)
        self._register = register
        self._wanted = wanted

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, ModuleType):
            return self._module(obj)
        if type(obj) is _CACHED and is_own_name(obj.__module__):
            parameters = obj.cache_parameters()
            arguments = (obj.__wrapped__, parameters["maxsize"], parameters["typed"])
            return _rebuild.lru_cache, arguments, vars(obj)
        if isinstance(obj, OperatorFunction):
            return (
                SimpleNamespace,
                (),
                {"local": obj.local},
            )  # only that is used inside of operators
        if isinstance(obj, type):
            self._register(obj.__module__)
        elif type(obj) is FunctionType:
            self._register(obj.__module__)
            return self._function(obj)
        elif type(obj) in HINTS:
            self._register(obj.__module__)
        return super().reducer_override(obj)

    def _module(self, module: ModuleType) -> Any:
        if not is_own_module(module):
            return NotImplemented
        wanted = self._wanted.get(module.__name__, ())
        state = {name: vars(module)[name] for name in sorted(wanted) if name in vars(module)}
        # The attributes come after the module itself: modules may refer to each other.
        return make_module, (module.__name__,), state, None, None, fill_module

    def _function(self, function: FunctionType) -> Any:
        if by_reference(function):
            return super().reducer_override(function)
        reduced = super().reducer_override(function)
        if not isinstance(reduced, tuple):
            return reduced
        slots = reduced[2][1]
        # cloudpickle overlooks what the body of a class inside the function refers to.
        slots["__globals__"].update(_class_globals(function, slots["__globals__"]))
        slots["_cloudpickle_submodules"] = [
            module for module in slots["_cloudpickle_submodules"] if not is_own_module(module)
        ]
        return reduced


def _class_globals(function: FunctionType, known: Mapping[str, Any]) -> dict[str, Any]:
    waiting = [item for item in function.__code__.co_consts if isinstance(item, CodeType)]
    for code in waiting:  # grows meanwhile
        waiting += [item for item in code.co_consts if isinstance(item, CodeType)]
    if not any("__qualname__" in code.co_names for code in waiting):
        return {}  # there is no class inside
    space = function.__globals__
    names = references(function.__code__).names
    return {
        name: space[name]
        for name in names
        if name in space and name not in known and name[:2] != "__"
    }


class OwnModule(ModuleType):
    """A module of the user's as far as it was packaged with a function."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"module {self.__name__!r} was packaged without {name!r}: it isn't used where the "
            "function that was published could be seen to use it, or can't be pickled"
        )

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # For whoever sends what an operator made to other processes, joblib for example.
        content = {name: value for name, value in vars(self).items() if name[:2] != "__"}
        return make_module, (self.__name__,), content, None, None, fill_module


def make_module(name: str) -> ModuleType:
    """Rebuilds a module; its name stands in stored pickles, so it stays."""
    return OwnModule(name)


def fill_module(module: ModuleType, state: Mapping[str, Any]) -> None:
    """Gives a module its attributes; its name stands in stored pickles, so it stays."""
    vars(module).update(state)


def _with_modules(
    function: Callable[..., Any], modules: Mapping[str, ModuleType]
) -> Callable[..., Any]:
    """The function with these modules there to be imported while it runs."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _importable(modules):
            return function(*args, **kwargs)

    return call


_importing: dict[str, list[ModuleType | None]] = {}


@contextmanager
def _importable(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    # Taken back afterwards: what the function returns must not be pickled by names that only it knows.
    # Meanwhile whoever sends it to other processes, by cloudpickle, sends the modules along.
    with _INSTALLING:
        for name, module in modules.items():
            _importing.setdefault(name, []).append(sys.modules.get(name))
            sys.modules[name] = module
            cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        with _INSTALLING:
            for name, module in modules.items():
                before = _importing[name].pop()
                if not _importing[name] and name in cloudpickle.list_registry_pickle_by_value():
                    cloudpickle.unregister_pickle_by_value(module)
                if before is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = before


_shown: dict[str, tuple[int, int] | None] = {}


def _show_lines(lines: Lines) -> None:
    """Let tracebacks show the source as it was when the function was published."""
    for file, pieces in lines.items():
        seen = _seen_at(file)
        if _shown.get(file) != seen:  # edited: what stands around them is elsewhere now
            linecache.cache.pop(file, None)
            _shown[file] = seen
        shown = linecache.getlines(file)
        wanted = list(shown)
        for first, text in pieces.items():
            piece = text.splitlines(keepends=True)
            wanted += ["\n"] * (first - 1 + len(piece) - len(wanted))
            wanted[first - 1 : first - 1 + len(piece)] = piece
        if wanted != shown:
            linecache.cache[file] = (sum(map(len, wanted)), None, wanted, file)


def _seen_at(file: str) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # typed into a notebook, or from another machine
        return None
    return found.st_mtime_ns, found.st_size
