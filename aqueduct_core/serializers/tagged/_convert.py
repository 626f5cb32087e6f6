"""From values to nodes, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aqueduct_core.abc import JSON

# The modules that fill the tables.
from aqueduct_core.serializers.tagged import _classes as _classes
from aqueduct_core.serializers.tagged import _times as _times
from aqueduct_core.serializers.tagged import _values as _values
from aqueduct_core.serializers.tagged._base import TAG
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._graph import encode

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
