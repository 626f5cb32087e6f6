"""Objects that must be pickled together, because they share what can change.

An object without a tag is stored apart from the nest that it stands in, so a list that both refer to
would come back as two. Whether there is one is found out by following references, as the garbage
collector does.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from datetime import datetime, time
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["is_data", "shares"]

# What a pickle refers to by name, or keeps by value without anybody noticing.
_SKIPPED = (
    str,
    bytes,
    int,
    float,
    complex,
    type(None),
    type,
    ModuleType,
    BuiltinFunctionType,
    CodeType,
)
# Libraries whose objects hold their data in memory of their own.
_DATA = frozenset({"numpy", "pandas", "pyarrow", "polars", "PIL"})
_BYTES = (bytes, bytearray)


def is_data(value: Any) -> bool:
    """Whether a value is bytes, an array, a table or an image, which refer to nothing else."""
    if type(value) in _BYTES:
        return True
    if str(type(value).__module__).partition(".")[0] not in _DATA:
        return False
    return not _holds_objects(value)


def _holds_objects(value: Any) -> bool:
    """Whether it is an array of anything, which the garbage collector can't look into."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, (numpy.ndarray, numpy.void)):
        return False
    return value.dtype.hasobject and value.dtype.kind in "OV"


def shares(members: Iterable[Any], known: set[int]) -> tuple[bool, bool]:
    """Whether any of these objects refer to what is known, and whether they share anything.

    Args:
        members: Objects that will be pickled.
        known: The ids of what is stored otherwise.
    """
    met: set[int] = set()
    among = False
    for member in members:
        found = _reached(member)
        if not found.isdisjoint(known):
            return True, True
        among = among or not found.isdisjoint(met)
        met |= found
    return False, among


def _reached(start: Any) -> set[int]:
    """The ids of all that can change and belongs to an object, itself included."""
    seen = {id(start)}
    changeable = {id(start)}
    level = [start]
    kept = [level]  # so that no id is used twice
    while level:
        found = []
        for value in gc.get_referents(*_followed(level)):
            kind = type(value)
            # Not isinstance(), which would ask proxies for what they stand for.
            if id(value) in seen or issubclass(kind, _SKIPPED):
                continue
            seen.add(id(value))
            found.append(value)
            hashed: Any = kind.__hash__
            if hashed is None or (hashed is object.__hash__ and kind is not FunctionType):
                changeable.add(id(value))
        level = found
        kept.append(level)
    return changeable


def _followed(values: list[Any]) -> list[Any]:
    """What to look into: of a function only what it closes over, not the module it is in."""
    found: list[Any] = []
    for value in values:
        if type(value) is FunctionType:
            found += [value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__]
        elif isinstance(value, datetime | time):
            found.append([value.tzinfo])
        else:
            found.append(value)
            if _holds_objects(value):
                found.append(value.tolist())
    return found
