"""One member of a document, without the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aqueduct_core.errors import MemberNotFoundError
from aqueduct_core.serializers.tagged._base import TAG, corrupt, field
from aqueduct_core.serializers.tagged._classes import fields_of
from aqueduct_core.serializers.tagged._decode import Decoder

__all__ = ["member_at", "plain_member_at"]

_MAPPINGS = ("dict", "OrderedDict", "defaultdict", "Counter")
_SEQUENCES = ("tuple", "deque", "namedtuple")
_OBJECTS = ("dataclass", "pydantic", "SimpleNamespace")


def plain_member_at(value: Any, path: Sequence[Any]) -> Any:
    """The member of plain JSON at a path.

    Raises:
        MemberNotFoundError: There is none.
    """
    for depth, step in enumerate(path):
        if isinstance(value, dict):
            if not isinstance(step, str) or step not in value:
                raise _missing(path, depth, value)
            value = value[step]
        else:
            value = _item(value if isinstance(value, list) else None, path, depth)
    return value


def member_at(document: Any, path: Sequence[Any], decoder: Decoder) -> Any:
    """The member of a tagged document at a path; only what it needs is decoded.

    Raises:
        MemberNotFoundError: There is none.
    """
    objects: list[Any] = []
    node = document
    if isinstance(node, dict) and node.get(TAG) == "graph":
        objects = field(node, "objects", list)
        node = node.get("root")
    for depth in range(len(path)):
        node = _step(_target(node, objects), path, depth, objects, decoder)
    return decoder.decode_part(node, objects)


def _target(node: Any, objects: list[Any]) -> Any:
    """What a reference stands for."""
    met: set[int] = set()
    while isinstance(node, dict) and node.get(TAG) == "ref":
        number = field(node, "id", int)
        if not 0 <= number < len(objects) or number in met:
            corrupt("a reference points to nothing")
        met.add(number)
        node = objects[number]
    return node


def _step(node: Any, path: Sequence[Any], depth: int, objects: list[Any], decoder: Decoder) -> Any:
    step = path[depth]
    if not isinstance(node, dict):
        return _item(node if isinstance(node, list) else None, path, depth)
    if TAG not in node:
        if not isinstance(step, str) or step not in node:
            raise _missing(path, depth, node)
        return node[step]
    tag = node[TAG]
    if tag in _MAPPINGS:
        pairs = field(node, "items", list)
        keys = decoder.decode_part([pair[0] for pair in pairs], objects)
        for key, (_, value) in zip(keys, pairs, strict=True):
            if key == step or key is step:
                return value
        raise _missing(path, depth, keys)
    if tag in _OBJECTS:
        fields = field(node, "fields", dict)
        if not isinstance(step, str) or step not in fields:
            raise _missing(path, depth, fields)
        return fields[step]
    if tag == "namedtuple" and isinstance(step, str):
        names = fields_of(field(node, "class", str), decoder)
        if step not in names:
            raise _missing(path, depth, names)
        return _item(field(node, "items", list), [names.index(step)], 0)
    return _item(field(node, "items", list) if tag in _SEQUENCES else None, path, depth)


def _item(items: list[Any] | None, path: Sequence[Any], depth: int) -> Any:
    if items is None:
        where = "".join(f"[{step!r}]" for step in path[:depth])
        raise MemberNotFoundError(
            f"value{where} has no members that a path can name",
            hint="load it as it is, and look into it then",
        )
    step = path[depth]
    if type(step) is not int or not -len(items) <= step < len(items):
        raise _missing(path, depth, range(len(items)))
    return items[step]


def _missing(path: Sequence[Any], depth: int, there: Any) -> MemberNotFoundError:
    where = "".join(f"[{step!r}]" for step in path[:depth])
    if isinstance(there, range):
        known = f"there are {len(there)} items"
    else:
        names = [repr(name) for name in list(there)[:10]]
        known = f"there are {', '.join(names)}" + (", ..." if len(there) > 10 else "")
    return MemberNotFoundError(
        f"value{where} has no member {path[depth]!r}; {known}",
        hint="choose one of those; a path has a key, a position or an attribute's name for each level",
    )
