"""Any value of the standard library (and more) as JSON, exactly, and back.

Plain JSON stays plain: null, true, integers of 64 bits, finite numbers, text, lists, and dicts whose
keys are text. Everything else becomes an object with a `"$type"`:

| value | node |
|---|---|
| `(1, 2)` | `{"$type": "tuple", "items": [1, 2]}` |
| `{1: "a"}`, `{"$type": 1}` | `{"$type": "dict", "items": [[1, "a"]]}` |
| `{1, 2}` | `{"$type": "set", "items": [1, 2]}` |
| `float("nan")` | `{"$type": "float", "value": "nan"}` |
| `2**64` | `{"$type": "int", "hex": "0x10000000000000000"}` |
| `b"a"` | `{"$type": "bytes", "base64": "YQ=="}` |
| `Color.RED` | `{"$type": "enum", "class": "paint:Color", "name": "RED"}` |
| `Point(x=1)` | `{"$type": "dataclass", "class": "shapes:Point", "fields": {"x": 1}}` |

and so on; `docs/format.md` has them all. A list, dict or other changeable container that is met more
than once, or contains itself, makes the whole a `{"$type": "graph"}` with references in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aqueduct_core.abc import JSON

# The modules that fill the tables.
from aqueduct_core.serializers import _tags_classes as _tags_classes
from aqueduct_core.serializers import _tags_times as _tags_times
from aqueduct_core.serializers import _tags_values as _tags_values
from aqueduct_core.serializers._tags_base import TAG
from aqueduct_core.serializers._tags_decode import Decoder
from aqueduct_core.serializers._tags_graph import encode

__all__ = ["from_json", "to_json"]


def to_json(value: Any, *, nest: Callable[[Any, str], int] | None = None) -> JSON:
    """The exact JSON form of a value.

    Args:
        value: What to describe.
        nest: Stores a value that has no JSON form elsewhere and returns its index; it is given the
            value and its path. `Sink.nest` fits.

    Raises:
        UnserializableError: The value, or something in it, has no exact form and `nest` isn't given.
    """
    if nest is None:
        return encode(value)  # type: ignore[no-any-return]  # a node is JSON

    def outside(member: Any, path: str) -> JSON:
        return {TAG: "member", "index": nest(member, path)}

    return encode(value, outside)  # type: ignore[no-any-return]  # a node is JSON


def from_json(
    node: Any, *, nested: Callable[[int], Any] | None = None, trusted: bool = False
) -> Any:
    """The value that `to_json` described.

    Args:
        node: What `to_json` returned.
        nested: Gives the values that `nest` took, by index. `Source.nested` fits.
        trusted: Whether classes that are named may be imported. Otherwise only those are found
            whose module is imported already.

    Raises:
        CorruptArtifactError: `to_json` doesn't make such a node.
        UnsafeArtifactError: A class's module isn't imported, and `trusted` is False.
        ConversionError: A class, a time zone or a kind of path doesn't exist here.
    """
    return Decoder(nested, trusted).decode(node)
