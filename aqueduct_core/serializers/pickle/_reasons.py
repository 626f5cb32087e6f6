"""Why a value can't be pickled, and where in the whole the culprit is.

Only called once pickling has failed: the members of the value are then tried one by one, within a
budget, and the first that fails is looked into further.
"""

from __future__ import annotations

import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from time import thread_time
from typing import Any

from aqueduct_core.errors import UnserializableError

__all__ = [
    "LEFT_OUT",
    "REOPEN",
    "Refusal",
    "attributes_of",
    "class_name",
    "explain",
    "locate",
    "through",
]

_SECONDS = 2.0
_ATTEMPTS = 500
_ATOMS = (type(None), bool, int, float, complex, str, bytes, bytearray, type(...))

_RUNS = "it is a function that is running right now"
_OPEN = "it is open in this process only"
_LIST = "store list(value) instead"
REOPEN = "leave it out of the state (define __getstate__), and open it again where it is used"
LEFT_OUT = "leave it out of the state (define __getstate__ and __setstate__)"
_FILE = "store the file's path, or its content"
_WEAK = "it only points to an object that something else must keep alive"
_STRONG = "store the object that it points to"
_RELIST = "a pickle would bring it back as an iterator over a list"
_PROCESS = "it belongs to this process"
_C = "its state is in C, and Python can't pickle it"
_PLAIN = "store what you need of its objects in a tuple or a dict"
_ANOTHER = "in another process, another module has that name"
_IMPORTED = "move what you need from it into a module that can be imported"

# Class name: what it is, why it can't be stored, the way out.
_KINDS: dict[str, tuple[str, str, str]] = {
    "builtins.generator": ("a generator", _RUNS, _LIST),
    "builtins.async_generator": ("an asynchronous generator", _RUNS, "collect its items in a list"),
    "builtins.coroutine": ("a coroutine", _RUNS, "await it and store its result"),
    "builtins.frame": ("a frame", _RUNS, "store the values that you need from it"),
    "_io.TextIOWrapper": ("an open file", _OPEN, _FILE),
    "_io._BufferedIOBase": ("an open file", _OPEN, _FILE),
    "_io._RawIOBase": ("an open file", _OPEN, _FILE),
    "tempfile._TemporaryFileWrapper": ("an open file", _OPEN, _FILE),
    "_socket.socket": ("a socket", _OPEN, REOPEN),
    "_ssl._SSLContext": ("a TLS context", _OPEN, REOPEN),
    "_thread.lock": ("a lock", _PROCESS, LEFT_OUT),
    "_thread.RLock": ("a lock", _PROCESS, LEFT_OUT),
    "_multiprocessing.SemLock": ("a lock", _PROCESS, LEFT_OUT),
    "_thread._local": ("thread-local data", _PROCESS, LEFT_OUT),
    "threading.Thread": ("a thread", _PROCESS, "store what it computes"),
    "subprocess.Popen": ("a running process", _PROCESS, "store its output"),
    "sqlite3.Connection": ("a database connection", _OPEN, REOPEN),
    "sqlite3.Cursor": ("a database cursor", _OPEN, "store its rows: cursor.fetchall()"),
    "sqlite3.Row": ("a row of a database cursor", "it belongs to its cursor", "store dict(row)"),
    "mmap.mmap": ("a memory map", _OPEN, "store bytes(value)"),
    "weakref.ReferenceType": ("a weak reference", _WEAK, _STRONG),
    "weakref.ProxyType": ("a weak proxy", _WEAK, _STRONG),
    "weakref.CallableProxyType": ("a weak proxy", _WEAK, _STRONG),
    "weakref.WeakMethod": ("a weak reference", _WEAK, _STRONG),
    "_weakrefset.WeakSet": ("a weak set", _WEAK, "store set(value)"),
    "weakref.WeakKeyDictionary": ("a weak dictionary", _WEAK, "store dict(value)"),
    "weakref.WeakValueDictionary": ("a weak dictionary", _WEAK, "store dict(value)"),
    "builtins.memoryview": ("a memoryview", "it only points into other memory", "store bytes(value)"),
    "builtins.dict_keyiterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.dict_valueiterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.dict_itemiterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.dict_reversekeyiterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.dict_reversevalueiterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.dict_reverseitemiterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.set_iterator": ("an iterator over a set", _RELIST, _LIST),
    "collections.odict_iterator": ("an iterator over a dict", _RELIST, _LIST),
    "builtins.odict_iterator": ("an iterator over a dict", _RELIST, _LIST),
    "_contextvars.ContextVar": ("a context variable", "its identity is its meaning", "store .get()"),
    "_contextvars.Context": ("a context", _PROCESS, "store the values in it"),
    "_contextvars.Token": ("a token of a context variable", _PROCESS, "store its value"),
    "_asyncio.Future": ("a future", _PROCESS, "store its result"),
    "asyncio.futures.Future": ("a future", _PROCESS, "store its result"),
    "logging.Handler": ("a logging handler", "it holds a lock and a stream", LEFT_OUT),
    "concurrent.futures._base.Executor": ("a pool of workers", _PROCESS, LEFT_OUT),
    "weakref.finalize": ("a finalizer", _PROCESS, LEFT_OUT),
    "_hashlib.HASH": ("a running hash", _C, "store its digest"),
    "_hashlib.HMAC": ("a running hash", _C, "store its digest"),
    "zlib.Compress": ("a compressor", _C, "store the bytes that it makes"),
    "zlib.Decompress": ("a decompressor", _C, "store the bytes that it makes"),
    "_bz2.BZ2Compressor": ("a compressor", _C, "store the bytes that it makes"),
    "_lzma.LZMACompressor": ("a compressor", _C, "store the bytes that it makes"),
    "_queue.SimpleQueue": ("a queue", _PROCESS, "store a list of what is in it"),
    "_struct.Struct": ("a compiled struct format", _C, "store its format: value.format"),
    "_csv.Dialect": ("a dialect of CSV", _C, "store its name, or its class"),
    "re.Match": ("a match", _C, "store what it found: value.span(), value.groups()"),
    "functools.KeyWrapper": ("a key for sorting", _C, "store the function that it compares with"),
    "posix.DirEntry": ("an entry of a folder", _PROCESS, "store its path: value.path"),
    "random.SystemRandom": ("a source of the system's randomness", "it has no state", LEFT_OUT),
    "numpy.busdaycalendar": ("a calendar", _C, "store its weekmask and its holidays"),
    "_ctypes._Pointer": ("a C pointer", "it is an address in this process", "store what it points to"),
    "builtins.object": ("a bare object()", "all it has is its identity", "use an enum member or a string"),
}  # fmt: skip


class Refusal(UnserializableError):
    """A value that is refused for what it is, not for what is in it."""

    def __init__(self, obj: Any) -> None:
        reason, hint = explain(obj, None)
        super().__init__(reason, hint=hint)
        self.obj = obj


# In tracebacks it has the name that one can catch it by.
Refusal.__module__ = UnserializableError.__module__
Refusal.__qualname__ = UnserializableError.__qualname__


def explain(obj: Any, error: BaseException | None) -> tuple[str, str]:
    """Why this very object can't be stored, in words, and the way out."""
    cls = type(obj)
    if isinstance(obj, type):
        why = "nobody finds it under its name, and it isn't made by Python code"
        return f"the class {class_name(obj)} can't be stored: {why}", _PLAIN
    if isinstance(obj, types.ModuleType):
        return f"the module {obj.__name__!r} can't be stored: {_ANOTHER}", _IMPORTED
    for base in cls.__mro__:
        name = f"{base.__module__}.{base.__qualname__}"
        if name in _KINDS and (base is not object or cls is object):
            what, why, hint = _KINDS[name]
            return f"{what} ({class_name(cls)}) can't be stored: {why}", hint
    if cls.__module__ == "itertools":
        return f"an iterator ({class_name(cls)}) can't be stored: Python gave up pickling it", _LIST
    if hasattr(cls, "__next__"):
        return f"an iterator ({class_name(cls)}) can't be stored: {_tell(error)}", _LIST
    return (
        f"{class_name(cls)} can't be pickled: {_tell(error)}",
        "give its class a __reduce__ or __getstate__, register a serializer, or store its parts",
    )


def locate(
    obj: Any, fails: Callable[[Any], BaseException | None], error: BaseException
) -> tuple[str, str, Any, BaseException]:
    """The innermost member that fails.

    Args:
        obj: The value that fails.
        fails: Tells why a member fails, or None if it doesn't.
        error: Why `obj` fails.

    Returns:
        Its path, the variable of a function that leads to it (or ""), itself, and why it fails.
    """
    # Processor time of this thread: on a busy machine the same is found as on an idle one.
    deadline, attempts = thread_time() + _SECONDS, 0
    seen = {id(obj)}
    kept = []  # so that no id is used twice
    steps: list[str] = []
    while not (isinstance(error, Refusal) and error.obj is obj):
        for step, child in _children(obj):
            if isinstance(child, _ATOMS) or id(child) in seen:
                continue
            seen.add(id(child))
            kept.append(child)
            attempts += 1
            if attempts > _ATTEMPTS or thread_time() > deadline:
                return (*_told(steps), obj, error)
            found = fails(child)
            if found is not None:
                steps.append(step)
                obj, error = child, found
                break
        else:
            break
    return (*_told(steps), obj, error)


def through(variable: str) -> str:
    """The way through a function's variables, as the beginning of a sentence."""
    return f"{variable}: " if variable else ""


def class_name(cls: type) -> str:
    """`package.Class`, or `Class` alone for builtins."""
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


def attributes_of(obj: Any) -> Mapping[str, Any]:
    """What an object has in its `__dict__`, without making one.

    A partial function has none until somebody asks, and is pickled in another way from then on.
    """
    if isinstance(obj, partial):
        state: Any = partial.__reduce__(obj)[2]
        found = state[3]
    else:
        found = getattr(obj, "__dict__", None)
    return found if isinstance(found, Mapping) else {}


def _told(steps: list[str]) -> tuple[str, str]:
    """The path up to the first function, and the way through its variables from there."""
    variables = (i for i, step in enumerate(steps) if step and step[0] not in ".[")
    first = next(variables, None)
    if first is None:
        return "".join(steps), ""
    path, rest = "".join(steps[:first]), steps[first:]
    text = rest[0]
    for step in rest[1:]:
        text += f", {step}" if step and step[0] not in ".[" else step
    return path, text


def _children(obj: Any) -> Iterator[tuple[str, Any]]:
    """What a pickle of `obj` holds directly, each with the step that leads there."""
    if isinstance(obj, types.FunctionType):
        yield from _of_function(obj)
    elif isinstance(obj, (list, tuple, deque)) and _is_plain(obj):
        yield from ((f"[{index}]", item) for index, item in enumerate(obj))
    elif isinstance(obj, (dict, types.MappingProxyType)) and _is_plain(obj):
        yield from _of_mapping(obj)
    elif isinstance(obj, (set, frozenset)) and _is_plain(obj):
        yield from ((".an_element", item) for item in obj)
    elif isinstance(obj, type):
        yield from ((f".__bases__[{i}]", base) for i, base in enumerate(obj.__bases__))
        yield from _attributes(vars(obj))
    elif isinstance(obj, types.MethodType):
        yield from ((".__self__", obj.__self__), (".__func__", obj.__func__))
    elif isinstance(obj, (staticmethod, classmethod)):
        yield ".__func__", obj.__func__
    elif isinstance(obj, property):
        yield from ((".fget", obj.fget), (".fset", obj.fset), (".fdel", obj.fdel))
    elif isinstance(obj, partial):
        yield from ((".func", obj.func), (".args", obj.args), (".keywords", obj.keywords))
    elif isinstance(obj, BaseException):
        yield from ((".args", obj.args), (".__cause__", obj.__cause__))
        yield from ((".__context__", obj.__context__), (".__traceback__", obj.__traceback__))
        yield from _attributes(vars(obj))
    elif (
        type(obj).__module__ == "numpy"
        and getattr(obj, "dtype", None) is not None
        and obj.dtype.char == "O"
    ):
        yield from (("[" + ", ".join(map(str, at)) + "]", x) for at, x in _cells(obj))
    else:
        yield from _of_object(obj)


def _is_plain(obj: Any) -> bool:
    return not hasattr(obj, "__dict__") or not vars(obj)


def _cells(array: Any) -> Any:
    import numpy as np

    return np.ndenumerate(array)


def _of_mapping(obj: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in obj.items():
        yield f"[{_short(key)}]", value
        yield f".keys()[{_short(key)}]", key


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    name = function.__qualname__.rpartition("<locals>.")[2]
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    for variable, cell in cells:
        if cell != types.CellType():  # an empty cell is a variable without a value
            yield f"closure variable {variable!r} of {name}", cell.cell_contents
    yield f"default arguments of {name}", function.__defaults__
    yield f"default arguments of {name}", function.__kwdefaults__
    yield from _attributes(vars(function))
    for variable in function.__code__.co_names:
        if variable in function.__globals__:
            value = function.__globals__[variable]
            yield f"global variable {variable!r} that {name} uses", value


def _of_object(obj: Any) -> Iterator[tuple[str, Any]]:
    try:
        reduced = obj.__reduce_ex__(5)
    except Exception:  # noqa: BLE001  # then there is nothing inside to look at: obj is the culprit
        return
    if not isinstance(reduced, tuple):
        return
    padded: tuple[Any, ...] = (*reduced, None, None, None, None)
    _, arguments, state, items, pairs, *_ = padded
    names = {id(value): name for name, value in getattr(obj, "__dict__", {}).items()}
    # The iterators that a map or a zip is made of have no name.
    unknown = "" if hasattr(type(obj), "__next__") else ".__reduce__()[1]"
    for argument in arguments or ():
        known = names.get(id(argument))
        if argument is not type(obj):
            yield (f".{known}" if known else unknown), argument
    yield from _of_state(state)
    yield from ((f"[{index}]", item) for index, item in enumerate(items or ()))
    yield from ((f"[{_short(key)}]", item) for key, item in pairs or ())
    yield ".__class__", type(obj)


def _of_state(state: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(state, dict):
        yield from _attributes(state)
    elif isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        yield from _attributes(state[0] or {})
        yield from _attributes(state[1])
    elif state is not None:
        yield ".__getstate__()", state


def _attributes(state: Mapping[Any, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in [*state.items()]:
        plain = isinstance(name, str) and name.isidentifier()
        yield (f".{name}" if plain else f".__dict__[{_short(name)}]"), value


def _short(key: Any) -> str:
    if isinstance(key, (str, bytes, int, float, tuple, type(None))):
        text = repr(key)
        return text if len(text) <= 60 else text[:59] + "…"
    return f"<{class_name(type(key))}>"


def _tell(error: BaseException | None) -> str:
    if error is None:
        return "its content would be lost"
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
