"""Everything else: cloudpickle, buffers out of band, as the last resort."""

from __future__ import annotations

import io
import pickle
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
    IncompatibleEnvironmentError,
    UnserializableError,
)
from aqueduct_core.serializers.pickle._describe import preview
from aqueduct_core.serializers.pickle._pickler import Pickler, Unpickler
from aqueduct_core.serializers.pickle._proof import KEPT, SMALL, prove
from aqueduct_core.serializers.pickle._reasons import (
    Refusal,
    class_name,
    explain,
    locate,
    through,
)

__all__ = ["PickleSerializer", "why_unpicklable"]

_ALIGN = 64
_CODE = str(sys.implementation.cache_tag)
_INLINE = 4_096  # smaller buffers stay in the pickle: mapping them costs more than copying


class PickleSerializer:
    """Any object at all, as a pickle (protocol 5, by cloudpickle).

    The last resort, and the only unsafe one: to load a pickle is to run what it says. Large buffers
    inside the object (arrays) are stored next to the pickle as they lie in memory, and mapped back.

    Pickles of up to 1 MiB, besides their buffers, are loaded back and compared before they are stored: what
    doesn't load, or loads as something else, is an `UnserializableError`. Of larger ones this is done for
    the first object of each class, and for all of it, up to 64 MiB, if that is too large to be tried
    alone and its class wasn't proved before. Beyond what other
    pickles keep, these keep the notes, cause, context and traceback of exceptions (the traceback prints
    the same; its frames hold no variables), whatever their constructors take; masks, fill values and
    attributes of arrays; images as the files that they came from, with all frames; and the slots of
    classes that are stored by value. Open files, locks, generators, memoryviews, weak references and
    the like are refused with the path to them.

    What a pickle can't promise:

    - Functions and classes of importable modules are stored as their names: whoever loads them gets
      what the installed package has by then. Those of `__main__` and of functions are stored as code
      for this version of Python.
    - Attributes of classes and modules, context variables and the content of caches
      (`functools.lru_cache`) are not part of the values that use them.
    - A class with a `__reduce__` or `__getstate__` of its own keeps what that says. If such a class has
      an `==`, it is asked; otherwise what the method leaves out is left out.
    - `is` holds inside one stored object, not between the object and what is outside of it.
    """

    name = "pickle"
    version = 1
    types: tuple[type | str, ...] = (object,)
    safe = False
    artifact = "object"
    suffix = ".pkl"

    def dump(self, obj: Any, sink: Sink, /) -> Mapping[str, JSON]:
        if type(obj) is object:
            raise Refusal(obj)
        try:
            with ExitStack() as stack:
                target = _Target(sink, stack)
                pickler = target.take(obj)
        except Exception as error:
            ours = isinstance(error, AqueductError) and not isinstance(error, UnserializableError)
            if ours or isinstance(error, MemoryError):
                raise
            raise why_unpicklable(obj, error) from error
        head = target.head.getvalue() if target.head is not None else None
        buffers = [buffer.raw() for buffer in target.buffers]
        prove(obj, head, buffers, pickler)
        if head is not None and len(head) <= SMALL:
            sink.write(head)
        meta: dict[str, JSON] = {
            "class": class_name(type(obj)),
            "python": platform.python_version(),
            "packages": _versions(pickler.modules),
        }
        if pickler.code:
            meta["code"] = _CODE
        if buffers:
            meta["buffers"] = [[buffer.nbytes, buffer.readonly] for buffer in buffers]
            sink.write(*_aligned(buffers), part="buffers")
        return meta

    def load(self, source: Source, /) -> Any:
        if source.meta.get("code", _CODE) != _CODE:
            # Byte code of another Python may well load, and then crash the interpreter.
            raise IncompatibleEnvironmentError(
                f"the pickled {source.meta.get('class')} holds functions as code for Python "
                f"{source.meta.get('python')}, and this is Python {platform.python_version()}",
                hint="load it with that Python; functions of importable modules are stored by name "
                "and load with any",
            )
        buffers = _mapped(source)
        with source.open() as file:
            try:
                return Unpickler(file, buffers).load()
            except (AqueductError, MemoryError):
                raise
            except (pickle.UnpicklingError, EOFError) as error:
                raise CorruptArtifactError(f"the pickle can't be read: {error}") from error
            except Exception as error:
                raise _not_here(source.meta, error) from error

    def describe(self, obj: Any, budget: Budget, /) -> Mapping[str, JSON]:
        return {"class": class_name(type(obj)), "preview": preview(obj, budget)}


@dataclass(slots=True)
class _Target:
    """Where a pickle is written: small ones to memory, larger ones on into the sink, too.

    Memory holds what is proved before it counts as stored. The sink's file is closed by `stack`: an error that leaves it throws the file away.
    """

    sink: Sink
    stack: ExitStack
    head: io.BytesIO | None = field(default_factory=io.BytesIO)
    buffers: list[pickle.PickleBuffer] = field(default_factory=list)
    _file: Any = None

    def take(self, obj: Any) -> Pickler:
        """Pickle an object; returns the pickler for what it has seen."""
        pickler = Pickler(self, self._keep)
        pickler.dump(obj)
        return pickler

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        if self.head is not None:
            end = self.head.tell() + length
            if end > SMALL and self._file is None:
                self._file = self.stack.enter_context(self.sink.open())
                self._file.write(self.head.getvalue())
            if end <= KEPT:
                self.head.write(data)
            else:
                self.head = None
        if self._file is not None:
            self._file.write(data)
        return length

    def _keep(self, buffer: pickle.PickleBuffer) -> bool:
        if buffer.raw().nbytes < _INLINE:
            return True
        self.buffers.append(buffer)
        return False


def _aligned(buffers: Sequence[memoryview]) -> list[Any]:
    padded: list[Any] = []
    for buffer in buffers:
        padded.append(buffer)
        padding = -buffer.nbytes % _ALIGN
        if padding and buffer is not buffers[-1]:
            padded.append(bytes(padding))
    return padded


def _mapped(source: Source) -> list[memoryview]:
    """The buffers of a pickle, as slices of the mapped part."""
    lengths = source.meta.get("buffers", [])
    if not lengths:
        return []
    view = source.view("buffers")
    found, start = [], 0
    for entry in lengths:
        length, readonly = entry
        if type(length) is not int or length < 0 or start + length > view.nbytes:
            raise CorruptArtifactError("a buffer of the pickle is cut short", part="buffers")
        buffer = view[start : start + length]
        found.append(buffer.toreadonly() if readonly else buffer)
        start += length + -length % _ALIGN
    return found


def why_unpicklable(obj: Any, error: Exception) -> UnserializableError:
    """The error that says where in an object the reason lies that pickling it raised `error`."""
    if isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError):
        return UnserializableError(
            f"{class_name(type(obj))} holds objects in objects too deep to be pickled "
            f"(Python's recursion limit is {sys.getrecursionlimit()})",
            hint="store chained objects as a list of their contents, or raise the limit with "
            "sys.setrecursionlimit() while saving",
        )
    path, variable, leaf, cause = locate(obj, _fails_to_pickle, error)
    if isinstance(cause, UnserializableError):
        return UnserializableError(
            through(variable) + cause.message, path=path + cause.path, hint=cause.hint
        )
    reason, hint = explain(leaf, cause)
    return UnserializableError(through(variable) + reason, path=path, hint=hint)


def _fails_to_pickle(obj: Any) -> Exception | None:
    try:
        Pickler(_Nowhere(), _drop).dump(obj)
    except Exception as error:  # noqa: BLE001  # it is what we look for
        return error
    return None


class _Nowhere:
    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _drop(_: pickle.PickleBuffer) -> bool:
    return False


def _versions(modules: set[str]) -> dict[str, JSON]:
    """The versions of the packages that a pickle needs, as far as they say so themselves."""
    found: dict[str, JSON] = {}
    for package in sorted({module.partition(".")[0] for module in modules if module}):
        if package in sys.stdlib_module_names:
            continue
        version = getattr(sys.modules.get(package), "__version__", None)
        if isinstance(version, str):
            found[package] = version[:100]
    return found


def _not_here(meta: Mapping[str, Any], error: Exception) -> AqueductError:
    """The error for a pickle whose code is missing, or isn't what it was."""
    saved = meta.get("packages")
    saved = saved if isinstance(saved, dict) else {}
    versions = [f"Python {meta.get('python')}", *(f"{name} {saved[name]}" for name in saved)]
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        wanted = f"{package}=={saved[package]}" if package in saved else package
        reason, hint = f"the module {error.name!r} isn't installed", f"install {wanted}"
    elif isinstance(error, (AttributeError, ImportError)):
        reason = f"its code has changed since: {error}"
        hint = _pins(saved) or "load it with the version of the code that saved it"
    else:
        reason = f"its class can't be rebuilt: {type(error).__name__}: {error}"
        hint = _pins(saved) or "load it with the version of the code that saved it"
    return IncompatibleEnvironmentError(
        f"the pickled {meta.get('class')} can't be loaded: {reason} (it was saved with "
        f"{', '.join(versions)})",
        hint=hint,
    )


def _pins(saved: Mapping[str, Any]) -> str:
    """What to install to have the versions that saved it."""
    pins = []
    for name, version in saved.items():
        if name not in sys.modules:
            continue
        here = getattr(sys.modules[name], "__version__", None)
        if here != version:
            pins.append(f"{name}=={version} (here: {here})")
    return "install " + ", ".join(pins) if pins else ""
