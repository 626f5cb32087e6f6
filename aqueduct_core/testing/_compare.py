"""The strict comparison that round-trip tests need: equal in type, value, order and sharing.

`==` is too kind for that: it takes `1` for `True` and `1.0`, ignores dtypes, orders and names, and finds
NaN different from itself.
"""

from __future__ import annotations

import array
import collections
import copyreg
import dataclasses
import enum
import math
import reprlib
import struct
from collections.abc import Callable, Iterator
from datetime import datetime, time
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

__all__ = [
    "Check",
    "Pairs",
    "assert_identical",
    "attributes",
    "by_content",
    "identity",
    "require",
    "short",
]

# A pair still to compare, with its path. Checks yield them, so that no nest is too deep to compare.
Pairs = Iterator[tuple[str, Any, Any]]
Check = Callable[[str, Any, Any], Pairs]


def assert_identical(actual: Any, expected: Any) -> None:
    """Assert that two values can't be told apart.

    Type-exact, dtype-exact, order-exact, equal NaNs by their bits; and where one list, dict, array or
    other changeable object stands in two places of one value, it does so in the other.

    Args:
        actual: What came back.
        expected: What went in.

    Raises:
        AssertionError: They differ; the text names the path.
    """
    same: dict[int, int] = {}
    back: dict[int, int] = {}
    alive: list[Any] = []  # checks yield objects that they have just made: no id may be used again
    stack = [("", actual, expected)]
    while stack:
        path, a, b = stack.pop()
        if type(a) is not type(b):
            _fail(path, f"{_name(type(a))} instead of {_name(type(b))}: {short(a)}, {short(b)}")
        if _can_change(a):
            known = id(b) in back
            alive += (a, b)
            if same.setdefault(id(a), id(b)) != id(b) or back.setdefault(id(b), id(a)) != id(a):
                _fail(path, "an object is shared differently")
            if known:
                continue
        stack.extend(_check_for(a)(path, a, b))


def _check_for(value: Any) -> Check:
    """The comparison for a value: its library's, or that of its kind in the standard library."""
    if isinstance(value, tuple):
        return _sequence  # those that have names for their members are made by libraries, too
    for base in type(value).__mro__:
        if base in _BUILTIN:
            return _BUILTIN[base]
        package = str(base.__module__).partition(".")[0]
        if package in ("numpy", "pandas", "pyarrow", "polars", "PIL"):
            from aqueduct_core.testing._compare_libraries import LIBRARIES

            return LIBRARIES[package]
    if dataclasses.is_dataclass(value) or hasattr(value, "__pydantic_fields_set__"):
        return attributes
    return by_content


def _has_state(value: Any) -> bool:
    """Whether two of its class are equal only if they are one: then what they consist of is compared."""
    plain: Any = type(value).__eq__
    return plain is object.__eq__ and not (isinstance(value, type) or callable(value))


def _can_change(value: Any) -> bool:
    kind: Any = type(value)
    if isinstance(value, enum.Enum | type) or callable(value):
        return False
    return kind.__hash__ is None or kind.__hash__ is object.__hash__


def _fail(path: str, reason: str) -> None:
    raise AssertionError(f"at value{path}: {reason}")


def short(value: Any) -> str:
    return reprlib.repr(value)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def require(ok: Any, path: str, what: str, a: Any, b: Any) -> None:
    if not ok:
        _fail(path, f"{what}: {short(a)} instead of {short(b)}")


def by_equality(path: str, a: Any, b: Any) -> Pairs:
    require(a is b or a == b, path, "value", a, b)
    return iter(())


def by_content(path: str, a: Any, b: Any) -> Pairs:
    """What two objects consist of, if nothing else says whether they are equal."""
    return _state(path, a, b) if _has_state(a) else by_equality(path, a, b)


def _by_repr(path: str, a: Any, b: Any) -> Pairs:
    require(repr(a) == repr(b), path, "value", a, b)
    return iter(())


def _float(path: str, a: float, b: float) -> Pairs:
    require(struct.pack(">d", a) == struct.pack(">d", b), path, "float", a, b)
    return iter(())


def _array(path: str, a: array.array[Any], b: array.array[Any]) -> Pairs:
    require(a.typecode == b.typecode, path, "typecode", a.typecode, b.typecode)
    require(a.tobytes() == b.tobytes(), path, "items", a, b)
    yield from _instance_dict(path, a, b)


def _complex(path: str, a: complex, b: complex) -> Pairs:
    yield path + ".real", a.real, b.real
    yield path + ".imag", a.imag, b.imag


def _moment(path: str, a: Any, b: Any) -> Pairs:
    require(a.replace(tzinfo=None) == b.replace(tzinfo=None), path, "time", a, b)
    require(a.fold == b.fold, path, "fold", a.fold, b.fold)
    yield path + ".tzinfo", a.tzinfo, b.tzinfo


def _sequence(path: str, a: Any, b: Any) -> Pairs:
    require(len(a) == len(b), path, "length", len(a), len(b))
    yield from _instance_dict(path, a, b)
    for index, (left, right) in enumerate(zip(a, b, strict=True)):
        yield f"{path}[{index}]", left, right


def _deque(path: str, a: Any, b: Any) -> Pairs:
    require(a.maxlen == b.maxlen, path, "maxlen", a.maxlen, b.maxlen)
    yield from _sequence(path, a, b)


def _mapping(path: str, a: Any, b: Any) -> Pairs:
    require(len(a) == len(b), path, "length", len(a), len(b))
    yield from _instance_dict(path, a, b)
    for (left, mine), (right, yours) in zip(a.items(), b.items(), strict=True):
        yield f"{path}.keys()[{short(right)}]", left, right
        yield f"{path}[{short(right)}]", mine, yours


def _defaultdict(path: str, a: Any, b: Any) -> Pairs:
    require(a.default_factory is b.default_factory, path, "factory", a, b)
    yield from _mapping(path, a, b)


def _chainmap(path: str, a: Any, b: Any) -> Pairs:
    yield path + ".maps", a.maps, b.maps


def _set(path: str, a: Any, b: Any) -> Pairs:
    require(len(a) == len(b), path, "length", len(a), len(b))
    left = sorted(a, key=_order)
    right = sorted(b, key=_order)
    for mine, yours in zip(left, right, strict=True):
        yield f"{path}.{{{short(yours)}}}", mine, yours


def _order(value: Any) -> tuple[str, str]:
    return _name(type(value)), _stable(value)


def _stable(value: Any) -> str:
    """A text that equal elements of sets share, whatever order their own sets iterate in."""
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(_stable, value))) + "}"
    if isinstance(value, tuple):
        return "(" + ",".join(map(_stable, value)) + ")"
    if isinstance(value, float) and math.isnan(value):
        return struct.pack(">d", value).hex()
    shown: Any = type(value).__repr__
    if shown is object.__repr__:
        return _stable(tuple(getattr(value, "__dict__", {}).items()))
    return repr(value)


def _instance_dict(path: str, a: Any, b: Any) -> Pairs:
    """What instances of subclasses carry beside their items."""
    left, right = getattr(a, "__dict__", None), getattr(b, "__dict__", None)
    if left or right:
        yield from _mapping(path + ".__dict__", left, right)


def attributes(path: str, a: Any, b: Any) -> Pairs:
    """What is in the `__dict__` and the slots of two objects."""
    yield from _instance_dict(path, a, b)
    missing = object()
    slots: list[str] = copyreg._slotnames(type(a))  # type: ignore[attr-defined]  # pickle's own
    for name in slots:
        left, right = getattr(a, name, missing), getattr(b, name, missing)
        if left is missing or right is missing:
            require(left is right, f"{path}.{name}", "presence", left, right)
        else:
            yield f"{path}.{name}", left, right


def _state(path: str, a: Any, b: Any) -> Pairs:
    if a is b:
        return
    left, right = a.__reduce_ex__(4), b.__reduce_ex__(4)
    if isinstance(left, str):  # the name of the one object that it is
        yield from identity(path, a, b)
        return
    yield from attributes(path, a, b)  # what their own pickling leaves out, too
    require(left[0] == right[0], path, "constructor", left[0], right[0])
    yield f"{path}.__reduce__()[1]", left[1], right[1]
    yield path, left[2] if len(left) > 2 else None, right[2] if len(right) > 2 else None


def _slice(path: str, a: slice, b: slice) -> Pairs:
    for name in ("start", "stop", "step"):
        yield f"{path}.{name}", getattr(a, name), getattr(b, name)


def identity(path: str, a: Any, b: Any) -> Pairs:
    require(a is b, path, "object", a, b)
    return iter(())


_BUILTIN: dict[type, Check] = {
    enum.Enum: identity,
    float: _float,
    complex: _complex,
    datetime: _moment,
    time: _moment,
    Decimal: _by_repr,  # equality can't tell 1.0 from 1.00, and raises for signalling NaNs
    list: _sequence,
    tuple: _sequence,
    collections.deque: _deque,
    array.array: _array,
    collections.defaultdict: _defaultdict,
    collections.ChainMap: _chainmap,
    dict: _mapping,
    set: _set,
    frozenset: _set,
    slice: _slice,
    SimpleNamespace: attributes,
}
