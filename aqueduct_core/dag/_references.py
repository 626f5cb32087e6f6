"""What functions may refer to: by name, by value, or not at all."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import Any
from weakref import WeakKeyDictionary

from aqueduct_core.dag._artifacts import Artifact
from aqueduct_core.dag._functions import OperatorFunction
from aqueduct_core.dag._modules import is_own_name
from aqueduct_core.errors import GraphError

__all__ = ["by_reference", "is_handle", "refuse_handle", "unwrap_operator"]

_HEAP = 1 << 9  # the flag of classes that are made by a class statement
_AS_ARGUMENT = "give the function an argument for it, and pass it in the call"
_READ = (
    "operators get their data as arguments: make the query outside, and pass what it returns in the "
    "call"
)
# Rooms of this package whose objects belong around a workflow, and the way out.
_ROOMS = {
    "client": _READ,
    "integrations": _READ,
    "engines": _READ,
    "tracking": _READ,
    "store": "pass the value itself in the call; the workflow stores what its operators return",
}


def by_reference(obj: FunctionType | type) -> bool:
    """Whether whoever runs a function finds this under its name in an installed package."""
    if isinstance(obj, type) and not obj.__flags__ & _HEAP:
        return True
    module = obj.__module__
    if type(module) is not str or is_own_name(module):
        return False
    found: Any = sys.modules.get(module)
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


def unwrap_operator(value: Any) -> Any:
    """The plain function of a decorated one; anything else as it is."""
    return value.local if isinstance(value, OperatorFunction) else value


def is_handle(value: Any) -> bool:
    """Whether a value belongs around a workflow, not into its functions."""
    return isinstance(value, (Artifact, OperatorFunction)) or _room(type(value)) in _ROOMS


def refuse_handle(value: Any) -> None:
    """Refuse what has no meaning while an operator runs.

    Raises:
        GraphError: It is an artifact, an operator, or something of a client.
    """
    if isinstance(value, OperatorFunction):
        raise GraphError(
            f"{value.name!r} is an operator, and calling it inside of another one computes nothing",
            hint=f"call the plain function, {value.name}.local(...), or pass what "
            f"{value.name}(...) returns as an argument",
        )
    if isinstance(value, Artifact):
        raise GraphError(
            f"the artifact {value.name!r} has no value inside of an operator", hint=_AS_ARGUMENT
        )
    room = _room(type(value))
    if room in _ROOMS:
        own = type(value).__name__
        article = "an" if own[0] in "AEIOU" else "a"
        raise GraphError(f"{article} {own} stays outside of operators", hint=_ROOMS[room])


_rooms: WeakKeyDictionary[type, str] = WeakKeyDictionary()


def _room(kind: type) -> str:
    """The room of this package that a class, or one of its bases, is in; empty if there's none."""
    found = _rooms.get(kind)
    if found is None:
        modules = [str(cls.__module__).split(".") for cls in kind.__mro__]
        ours = (module[1] for module in modules if module[0] == "aqueduct_core" and module[1:])
        found = _rooms[kind] = next(ours, "")
    return found
