"""Classes of the user: what makes one different from another."""

from __future__ import annotations

import enum
import functools
import inspect
import re
import sys
from collections.abc import Iterator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from aqueduct_core.dag._sources import syntax_of

__all__ = ["class_members", "class_token"]

# What Python and its library make of a class, from what is looked at anyway.
_MADE = frozenset(
    [
        "__abstractmethods__",
        "__annotate__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__classdictcell__",
        "__dataclass_fields__",
        "__dataclass_params__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__orig_bases__",
        "__parameters__",
        "__qualname__",
        "__static_attributes__",
        "__weakref__",
        "_abc_impl",
    ]
)
_PYDANTIC = "__pydantic_"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OWN_MODULE = re.compile(r"\b__main__\.")


def class_token(cls: type) -> str:
    """What a class is besides its members: its name, its annotations, what its source says.

    Models and the like are made of annotations and of calls that leave no other trace.
    """
    return f"{cls.__name__} {list(_annotations(cls))} {syntax_of(cls)}"


def class_members(cls: type) -> Iterator[tuple[str, Any]]:
    """The attributes of a class itself that say what it does, by name."""
    if issubclass(cls, enum.Enum):
        yield from ((f"member {member.name}", member.value) for member in cls)
    for name, value in sorted(vars(cls).items()):
        if name in _MADE or name.startswith(_PYDANTIC):
            continue
        if isinstance(value, (MemberDescriptorType, GetSetDescriptorType)):
            continue
        functions = list(_functions(value))
        if functions:
            yield from ((f"{name}{suffix}", function) for suffix, function in functions)
        elif not issubclass(cls, enum.Enum):
            yield name, value


def _functions(value: Any) -> Iterator[tuple[str, Any]]:
    """The functions behind a method, a property or the like."""
    if inspect.isfunction(value):
        yield "", value
    elif isinstance(value, (staticmethod, classmethod)):
        yield f":{type(value).__name__}", value.__func__
    elif isinstance(value, property):
        for kind in ("fget", "fset", "fdel"):
            if getattr(value, kind) is not None:
                yield f":{kind}", getattr(value, kind)
    elif isinstance(value, functools.cached_property):
        yield ":cached", value.func


def _annotations(cls: type) -> Iterator[str]:
    if sys.version_info >= (3, 14):
        import annotationlib

        found = annotationlib.get_annotations(cls, format=annotationlib.Format.STRING)
    else:
        found = vars(cls).get("__annotations__") or {}
    for name, annotation in found.items():
        yield f"{name}: {_text(annotation)}"


def _text(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__"):
        return annotation.__qualname__
    return _OWN_MODULE.sub("", _ADDRESS.sub("", repr(annotation)))
