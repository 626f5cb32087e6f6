"""Classes that are pickled by value, with what cloudpickle leaves out of them."""

from __future__ import annotations

import typing
from types import MemberDescriptorType
from typing import Any

from aqueduct_core.serializers.pickle import _typing
from aqueduct_core.serializers.pickle._reasons import Refusal

__all__ = ["reduce_class"]

_WITH_SETTER = 6  # members of what a class by value is reduced to
_NAMESPACE = 3  # where its skeleton is told what it must know when it is made
_HEAP = 1 << 9  # the flag of classes that are made by a class statement


def reduce_class(cls: type, reduced: Any) -> Any:
    """Keep slots and qualified name; refuse what isn't made by Python code.

    Slots can't be added to a class that is there already, and without them its instances would have a
    `__dict__`.
    """
    if type(reduced) is not tuple or len(reduced) < _WITH_SETTER:
        return reduced  # by name, or one of the few that are made by a call
    if not cls.__flags__ & _HEAP:
        raise Refusal(cls)
    reduced = _typing.reduce_class(cls, reduced)
    make, arguments, (attributes, rest), *others = reduced
    if make.__name__ != "_make_skeleton_class":
        return reduced
    namespace = {**arguments[_NAMESPACE], "__qualname__": cls.__qualname__}
    slots = vars(cls).get("__slots__")
    named = typing.NamedTuple in getattr(cls, "__orig_bases__", ())  # it makes its own
    if isinstance(slots, (str, tuple, list, dict)) and not named:
        namespace["__slots__"] = slots
        attributes = {name: value for name, value in attributes.items() if not _is_slot(value, cls)}
    arguments = (*arguments[:_NAMESPACE], namespace, *arguments[_NAMESPACE + 1 :])
    return make, arguments, (attributes, rest), *others


def _is_slot(value: Any, cls: type) -> bool:
    return type(value) is MemberDescriptorType and value.__objclass__ is cls
