"""What is in a nest, in a few hundred bytes."""

from __future__ import annotations

import dataclasses
import math
import re
import reprlib
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from aqueduct_core.abc import JSON, Budget
from aqueduct_core.serializers.tagged._encode import ATOMS, class_name

__all__ = ["describe"]

_SAMPLE = 1_000  # members whose types are counted
_DEEPEST = 4
_LONGEST = 80
_ADDRESS = re.compile(r"x[0-9A-Fa-f]{6,}>$")  # ends what most classes have for a repr
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset})
_SIMPLE_KINDS = (*"biufc",)  # of dtypes that are told the same if they are equal
_GROUPS = (Mapping, *_CONTAINERS)


def describe(obj: Any, budget: Budget) -> dict[str, JSON]:
    """Class, length, the types of members, and a preview."""
    description: dict[str, JSON] = {"class": class_name(type(obj))}
    members = _members(obj)
    if members is not None:
        description["length"] = len(members)
        values = members.values() if isinstance(members, Mapping) else members
        seen = list(islice(values, _SAMPLE))
        counted = Counter(map(type, seen)).most_common(budget.rows)
        description["types"] = {class_name(kind): count for kind, count in counted}
        if len(members) > len(seen):
            description["sampled"] = len(seen)
    room = [max(budget.size // 4, 64)]
    description["preview"] = _preview(obj, budget.rows, 0, room)
    return description


def _members(obj: Any) -> Any:
    """The members of a container or of an object with fields."""
    kind = type(obj)
    if kind in ATOMS:
        return None
    if kind in _CONTAINERS or isinstance(obj, _GROUPS):
        return obj
    if hasattr(kind, "__len__") and hasattr(kind, "maxlen"):
        return obj
    if dataclasses.is_dataclass(obj) or hasattr(obj, "__pydantic_fields_set__"):
        return dict(getattr(obj, "__dict__", ())) or _slots(obj)
    return None


def _slots(obj: Any) -> dict[str, Any]:
    names = getattr(type(obj), "__slots__", ())
    return {name: getattr(obj, name) for name in names if hasattr(obj, name)}


def _preview(obj: Any, rows: int, depth: int, room: list[int]) -> JSON:
    """The value with its ends cut off; `room` is what may still be shown."""
    members = _members(obj)
    if members is None:
        text = _scalar(obj)
        room[0] -= len(text) + 4 if isinstance(text, str) else 8
        return text
    if depth >= _DEEPEST or room[0] <= 0:
        return f"{class_name(type(obj))} of {len(members)}"
    if isinstance(members, Mapping):
        shown: dict[str, JSON] = {}
        for key, value in islice(members.items(), rows):
            if room[0] <= 0:
                break
            name = _cut(key) if isinstance(key, str) else _cut(_text(key))
            room[0] -= len(name) + 6
            shown[name] = _preview(value, rows, depth + 1, room)
        if len(members) > len(shown):
            shown["…"] = f"{len(members) - len(shown)} more"
        return shown
    items: list[JSON] = []
    for value in islice(members, rows):
        if room[0] <= 0:
            break
        items.append(_preview(value, rows, depth + 1, room))
    if len(members) > len(items):
        items.append(f"… {len(members) - len(items)} more")
    return items


def _scalar(obj: Any) -> JSON:
    kind = type(obj)
    if kind is str:
        return _cut(obj)
    if kind is int and -(2**53) <= obj <= 2**53:
        return int(obj)
    if kind is float and math.isfinite(obj):
        return float(obj)
    if obj is None or kind is bool:
        return obj  # type: ignore[no-any-return]  # None or a bool
    return _cut(_text(obj))


def _text(obj: Any) -> str:
    if type(obj) is int and obj.bit_length() > 256:
        return f"an int of {obj.bit_length()} bits"  # its digits would take quadratic time
    shape, dtype = getattr(obj, "shape", None), getattr(obj, "dtype", None)
    if isinstance(shape, tuple) and shape:
        simple = getattr(dtype, "kind", None) in _SIMPLE_KINDS
        name = "" if dtype is None else _dtype_name(dtype) if simple else str(dtype)
        return f"{class_name(type(obj))} {name} {shape}"
    text = reprlib.repr(obj)
    return class_name(type(obj)) if _ADDRESS.search(text) else text  # where it was tells nobody


@lru_cache(maxsize=64)
def _dtype_name(dtype: Any) -> str:
    return str(dtype)  # takes NumPy longer than all else that is told of an array


def _cut(text: str) -> str:
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return cut if cut.isascii() else cut.encode("utf-8", "backslashreplace").decode()
