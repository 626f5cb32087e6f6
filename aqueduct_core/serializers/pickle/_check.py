"""Whether what a pickle brings back is what went in.

Two object graphs are walked side by side. A class that says how it is pickled (`__reduce__`,
`__getstate__`) is trusted with its content, unless its own `==` disagrees; everything that Python
pickles by default is looked into, and so are the attributes that builtin classes forget.
"""

from __future__ import annotations

import copyreg
import pathlib
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import islice
from typing import Any

from aqueduct_core.serializers._rebuild import Together
from aqueduct_core.serializers.pickle._images import is_kept
from aqueduct_core.serializers.pickle._reasons import attributes_of, class_name

__all__ = ["difference"]

_NODES = 50_000
_PLAIN: frozenset[type] = frozenset({bool, int, str, bytes})
_ATOMS = (bool, int, str, bytes, bytearray)
_HOOKS = ("__reduce_ex__", "__reduce__", "__getstate__")
_MISSING = object()
_BOUND = (types.MethodType, types.BuiltinMethodType)
_NAMED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (types.FunctionType, ("__name__", "__qualname__", "__doc__", "__defaults__", "__kwdefaults__")),
    (_BOUND, ("__self__",)),
    (partial, ("func", "args", "keywords")),
    (slice, ("start", "stop", "step")),
)
_EMPTY_CLASS = frozenset({"__module__", "__doc__", "__dict__", "__weakref__", "__qualname__"}) | {
    "__static_attributes__",
    "__firstlineno__",
    "__slotnames__",
}
_WEAK = (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)


def difference(
    original: Any, copy: Any, reload: Callable[[Any], Any], nodes: int = _NODES
) -> tuple[str, str] | None:
    """Where and how `copy` differs from `original`; None if no difference was found.

    Args:
        original: What was pickled.
        copy: What came back.
        reload: Pickles and loads any object, to ask its `==` about two copies.
        nodes: How many objects are looked at, at most.
    """
    stack = [("", original, copy)]
    seen: set[int] = set()
    looked = 0
    while stack and looked < nodes:
        path, a, b = stack.pop()
        if a is b or id(a) in seen:
            continue
        looked += 1
        if type(a) in _PLAIN and type(b) is type(a) and a == b:
            continue
        seen.add(id(a))
        reason = _differs(a, b, reload)
        if reason is not None:
            return path, reason
        members = ((path + step, x, y) for step, x, y in _members(a, b))
        stack.extend(islice(members, nodes))
    return None


def _differs(a: Any, b: Any, reload: Callable[[Any], Any]) -> str | None:
    if type(a) is not type(b) and not _are_made_each_time(type(a), type(b)):
        name, other = class_name(type(a)), class_name(type(b))
        return f"{name} comes back as {'another class of that name' if name == other else other}"
    if isinstance(a, _BOUND) or is_kept(a):
        return None  # told by what they are bound to; kept by a format of their own
    if isinstance(a, (list, tuple, dict, set, frozenset, deque)) and len(a) != len(b):
        return f"{len(a)} members go in, {len(b)} come back"
    if isinstance(a, _ATOMS):
        plain = type(a).__eq__ in {base.__eq__ for base in _ATOMS}
        return "it comes back with another value" if plain and a != b else None
    if isinstance(a, (float, complex)):
        return None if repr(a) == repr(b) else "it comes back with another value"
    array = _array_class()
    if array is not None and isinstance(a, array):
        return _array_differs(a, b)
    lost = _lost_attributes(a, b)
    if lost:
        return f"its attribute {lost[0]!r} is lost: {class_name(type(a))} doesn't pickle it"
    if _pickler_of(a) is not object and _is_unequal(a, b, reload):
        return f"what comes back doesn't equal it: {class_name(type(a))} doesn't pickle all of it"
    return None


def _are_made_each_time(one: type, other: type) -> bool:
    """Whether an object's class is made together with it, and so was that of its copy."""
    if _is_found(one) or one.__qualname__ != other.__qualname__:
        return False
    if one.__module__ != other.__module__ or one.__bases__ != other.__bases__:
        return False
    return not (vars(one).keys() | vars(other).keys()) - _EMPTY_CLASS


def _is_found(cls: type) -> bool:
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is not None


def _members(a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, (list, tuple, deque)):
        items = zip(_plainly(a), _plainly(b), strict=True)
        yield from ((f"[{index}]", x, y) for index, (x, y) in enumerate(items))
    elif isinstance(a, dict):
        for (key, x), (other, y) in zip(dict.items(a), dict.items(b), strict=True):
            yield f".keys()[{_short(key)}]", key, other
            yield f"[{_short(key)}]", x, y
    elif isinstance(a, types.MappingProxyType):
        yield "", dict(a), dict(b)
    elif isinstance(a, BaseException):
        yield from _of_exception(a, b)
    elif _is_object_array(a):
        yield "", a.ravel().tolist(), b.ravel().tolist()
    else:
        yield from _named_members(a, b)
    if _shows_state(a):
        x, y = _state(a), _state(b)
        yield from ((f".{name}", x[name], y[name]) for name in x if name in y)


def _named_members(a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    """What objects of the interpreter's own classes refer to."""
    for kinds, names in _NAMED:
        if isinstance(a, kinds):
            yield from ((f".{name}", getattr(a, name), getattr(b, name)) for name in names)
    if type(a) is Together:
        for one, other in zip(a.values, b.values, strict=True):
            yield "", one, other


def _plainly(items: Any) -> Any:
    bases: tuple[Any, ...] = (list, tuple, deque)
    for base in bases:
        if isinstance(items, base):
            return base.__iter__(items)  # a subclass may iterate over something else
    return items


def _of_exception(a: BaseException, b: BaseException) -> Iterator[tuple[str, Any, Any]]:
    for name in ("args", "__cause__", "__context__", "__suppress_context__"):
        yield f".{name}", getattr(a, name), getattr(b, name)
    for cls in type(a).__mro__:
        for name, member in vars(cls).items() if cls.__module__ == "builtins" else ():
            if isinstance(member, types.MemberDescriptorType) and not name.startswith("_"):
                yield f".{name}", getattr(a, name, None), getattr(b, name, None)


def _shows_state(a: Any) -> bool:
    """Whether all attributes of a copy must be those of the original."""
    if isinstance(a, (type, types.ModuleType, types.MethodType, *_WEAK)):
        return False
    return _pickler_of(a) is object or isinstance(a, BaseException)


def _pickler_of(a: Any) -> type | None:
    """The class that says how this object is pickled; None if it was said from outside."""
    cls = type(a)
    if cls in copyreg.dispatch_table:
        return None
    for base in cls.__mro__:
        if base is not object and any(hook in vars(base) for hook in _HOOKS):
            return base
    return object


def _lost_attributes(a: Any, b: Any) -> list[str]:
    owner = _pickler_of(a)
    # A class of the user's that says how it is pickled may well leave something out on purpose.
    if owner is None or str(owner.__module__).partition(".")[0] not in _FORGETFUL:
        return []
    kept, cls = _state(b), type(a)
    return [name for name in _state(a) if name not in kept and not _is_cache(cls, name)]


def _is_cache(cls: type, name: str) -> bool:
    if issubclass(cls, pathlib.PurePath) and name in pathlib.PurePath.__slots__:
        return True  # texts that a path remembers once they were asked for
    return isinstance(getattr(cls, name, None), cached_property)


def _state(a: Any) -> dict[str, Any]:
    found = dict(attributes_of(a))
    for cls in type(a).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name in ("__dict__", "__weakref__"):
                continue
            hidden = name.startswith("__") and not name.endswith("__")
            real = f"_{cls.__name__.lstrip('_')}{name}" if hidden else name
            value = getattr(a, real, _MISSING)
            if value is not _MISSING:
                found[real] = value
    return found


def _is_unequal(a: Any, b: Any, reload: Callable[[Any], Any]) -> bool:
    own: Any = type(a).__eq__
    if own is object.__eq__:
        return False
    try:
        if (a == b) is not False:
            return False
        # Some values equal nothing, not even a copy of themselves (NaN inside): they say nothing.
        x, y = reload(a), reload(a)
        return (x == y) is True
    except Exception:  # noqa: BLE001  # an == that can't be asked (arrays inside) says nothing
        return False


def _array_class() -> Any:
    numpy = sys.modules.get("numpy")
    return None if numpy is None else numpy.ndarray


def _is_object_array(a: Any) -> bool:
    array = _array_class()
    return array is not None and isinstance(a, array) and a.dtype.char == "O"


def _array_differs(a: Any, b: Any) -> str | None:
    from aqueduct_core.serializers._dtypes import same_dtype

    if a.shape != b.shape or a.dtype != b.dtype:
        return f"an array of {a.dtype}{a.shape} comes back as {b.dtype}{b.shape}"
    if not same_dtype(a.dtype, b.dtype) and (a.dtype.metadata or b.dtype.metadata):
        return "the metadata of its dtype is lost"
    lost = {*getattr(a, "__dict__", ())} - {*getattr(b, "__dict__", ())}
    if lost:
        return f"its attribute {min(lost)!r} is lost: NumPy doesn't pickle it"
    if not a.dtype.hasobject and a.nbytes <= 1 << 20:
        array = _array_class()  # its own method: that of masked arrays fills in what is hidden
        if array.tobytes(a) != array.tobytes(b):
            return "its content comes back changed"
    return None


def _short(key: Any) -> str:
    text = repr(key) if isinstance(key, (str, bytes, int, float)) else f"<{class_name(type(key))}>"
    return text if len(text) <= 60 else text[:59] + "…"


# Classes of the interpreter and its library pickle what they know of, not what was added to them;
# models of pydantic leave out what is in slots, images of somebody's class what isn't Pillow's.
_FORGETFUL = frozenset(sys.stdlib_module_names) | {"pydantic", "PIL"}
