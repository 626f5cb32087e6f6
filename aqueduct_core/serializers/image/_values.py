"""Metadata of images (info, EXIF, tags) as plain JSON and back, exactly.

Plain scalars stay plain. Everything else is an object with one key that says what it is:

    {"bytes": base64} {"tuple": [..]} {"list": [..]} {"dict": [[key, value], ..]}
    {"rational": [numerator, denominator]}    a `TiffImagePlugin.IFDRational`
    {"text": [text, language, keyword]}       a `PngImagePlugin.iTXt`
    {"nested": n}                             stored by a serializer of its own
    {"tagged": ..}                            as `aqueduct_core.serializers.tagged` tells it
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers import tagged
from aqueduct_core.serializers._jsontext import has_utf8

__all__ = ["Packer", "Unpacker", "is_plain", "same"]

_INLINE = 4_096  # bytes; larger ones (ICC profiles, EXIF blocks) become parts of their own
_DEEPEST = 32
_SCALARS = (type(None), bool, str)


class Packer:
    """Makes nodes of values.

    Args:
        nest: Stores any object by itself and returns its index, as `Sink.nest` does.
    """

    def __init__(self, nest: Callable[[Any, str], int]) -> None:
        self._nest = nest

    def blob(self, data: bytes, at: str, /) -> Any:
        if len(data) > _INLINE:
            return {"nested": self._nest(data, at)}
        return {"bytes": b64encode(data).decode()}

    def other(self, value: Any, at: str) -> Any:
        """A value that only the tagged form, or a serializer of its own, can tell."""
        try:
            return {"tagged": tagged.to_json(value, nest=self._nest)}
        except UnserializableError as error:
            raise error.under(at) from error.__cause__

    def pack(self, value: Any, at: str, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise UnserializableError(
                f"image metadata is nested more than {_DEEPEST} deep, or contains itself",
                path=at[:200],
                hint="take this entry out of the image's info before saving",
            )
        kind = type(value)
        if _is_scalar(value):
            return value
        if kind is bytes:
            return self.blob(value, at)
        if kind in (tuple, list):
            members = (self.pack(member, f"{at}[{i}]", depth + 1) for i, member in enumerate(value))
            return {kind.__name__: list(members)}
        if kind is dict:
            return {"dict": self.pairs(value, at, depth)}
        if _is_rational(value) and (parts := _rational(value)) is not None:
            return {"rational": [self.pack(part, at, depth + 1) for part in parts]}
        if _is_text(value):
            texts = (str(value), value.lang, value.tkey)
            return {"text": [self.pack(text, at, depth + 1) for text in texts]}
        return self.other(value, at)

    def pairs(self, value: dict[Any, Any], at: str, depth: int = 0) -> list[list[Any]]:
        """The items of a dict, in its order."""
        return [
            [self.pack(key, at, depth + 1), self.pack(member, f"{at}[{key!r}]", depth + 1)]
            for key, member in value.items()
        ]


class Unpacker:
    """Makes values of nodes; raises CorruptArtifactError for what `Packer` doesn't write.

    Args:
        nested: Loads what `nest` stored.
        trusted: Whether classes that the data names may be imported.
    """

    def __init__(self, nested: Callable[[int], Any], *, trusted: bool = False) -> None:
        self._nested = nested
        self._trusted = trusted

    def unpack(self, node: Any, depth: int = 0) -> Any:
        if type(node) in (int, float) or _is_scalar(node):
            return node
        if not isinstance(node, dict) or len(node) != 1 or depth > _DEEPEST + 2:
            raise CorruptArtifactError("image metadata is not in the form it is written in")
        ((kind, content),) = node.items()
        if kind in ("tuple", "list", "rational", "text"):
            members = [self.unpack(member, depth + 1) for member in _array(content)]
            return _BUILD[kind](members)
        if kind == "dict":
            return self.pairs(content, depth)
        if kind == "bytes" and isinstance(content, str):
            return b64decode(content, validate=True)
        if kind == "nested" and type(content) is int:
            return self._nested(content)
        if kind == "tagged":
            return tagged.from_json(content, nested=self._nested, trusted=self._trusted)
        raise CorruptArtifactError(f"image metadata holds an unknown kind of value: {kind!r:.80}")

    def pairs(self, content: Any, depth: int = 0) -> dict[Any, Any]:
        found = {}
        for pair in _array(content):
            key, value = (self.unpack(part, depth + 1) for part in _array(pair, 2))
            found[key] = value
        return found


def same(one: Any, other: Any) -> bool:
    """Equal nodes, with 1, 1.0 and True, and 0.0 and -0.0, told apart."""
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if type(one) is list:
        return len(one) == len(other) and all(map(same, one, other))
    if type(one) is float:
        return bool(one == other) and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value consists of nothing but scalars, bytes, tuples, lists and dicts."""
    if depth > _DEEPEST:
        return False
    kind = type(value)
    if kind in (tuple, list):
        return all(is_plain(member, depth + 1) for member in value)
    if kind is dict:
        return all(
            is_plain(key, depth + 1) and is_plain(member, depth + 1)
            for key, member in value.items()
        )
    return kind in (*_SCALARS, int, float, bytes) or _is_rational(value) or _is_text(value)


def _is_scalar(value: Any) -> bool:
    """Whether JSON in any language keeps it: a lone surrogate, NaN or a big int wouldn't be."""
    kind = type(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    if kind is float:
        return math.isfinite(value)
    return kind in _SCALARS and not (kind is str and not has_utf8(value))


def _is_rational(value: Any) -> bool:
    from PIL.TiffImagePlugin import IFDRational

    return type(value) is IFDRational


def _is_text(value: Any) -> bool:
    from PIL.PngImagePlugin import iTXt

    return type(value) is iTXt and set(vars(value)) == {"lang", "tkey"}


def _rational(value: Any) -> tuple[Any, Any] | None:
    """What the constructor needs for an equal rational, or None if it can't make one."""
    numerator, denominator = value.numerator, value.denominator
    if type(numerator) not in (int, float) or type(denominator) is not int:
        return None
    again = type(value)(numerator, denominator)
    alike = repr(again._val) == repr(value._val)  # NaN included
    return (numerator, denominator) if alike else None


def _make_rational(members: list[Any]) -> Any:
    from PIL.TiffImagePlugin import IFDRational

    numerator, denominator = _array(members, 2)
    if type(numerator) not in (int, float) or type(denominator) is not int:
        raise CorruptArtifactError("image metadata holds a rational that is not made of numbers")
    return IFDRational(numerator, denominator)


def _make_text(members: list[Any]) -> Any:
    from PIL.PngImagePlugin import iTXt

    text, language, keyword = _array(members, 3)
    if not isinstance(text, str):
        raise CorruptArtifactError("image metadata holds a PNG text that is not text")
    return iTXt(text, language, keyword)


def _array(content: Any, length: int | None = None) -> list[Any]:
    if not isinstance(content, list) or length not in (None, len(content)):
        raise CorruptArtifactError("image metadata is not in the form it is written in")
    return content


_BUILD: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "list": list,
    "rational": _make_rational,
    "text": _make_text,
}
