"""Telling plain JSON from what only looks like it, for less than it costs to write it.

orjson turns tuples into lists, enums and UUIDs into their values and NaN into null, and doesn't notice
that one list stands in two places. What it would change is found here, without a loop in Python over
the values; what it refuses (subclasses, large integers, lone surrogates, keys that aren't text) is left
to it.

The trick is to look at many values at once. Records of one shape put their values into columns of one
type, and for a column there are operations that run in C: the types in it, the sum of its numbers (which
is finite if they are), the references to its lists.
"""

from __future__ import annotations

import gc
import math
import sys
from itertools import chain, compress
from operator import countOf
from typing import Any

from aqueduct_core.serializers._jsontext import dumps, has_utf8, orjson
from aqueduct_core.serializers.tagged._base import TAG
from aqueduct_core.serializers.tagged._encode import DEEPEST, key_is_plain

__all__ = ["plain_text"]

_PLAIN = frozenset({str, int, float, bool, type(None), dict, list})
_NUMBERS = frozenset({int, float, bool})
_CONTAINERS = frozenset({dict, list})
_ATOMS = _NUMBERS | {str, type(None)}
_MARK = f'"{TAG}"'.encode()
_RECORDS = 32  # from here on, records are looked at by column
_CHUNK = 2_000  # items of a list: enough to work in bulk, few enough for the processor's cache
_LEAST, _MOST = -(2**63), 2**64 - 1


def plain_text(value: Any) -> list[Any] | None:
    """The JSON text of a value that is plain JSON, in pieces, or None if it isn't."""
    if type(value) in _ATOMS or orjson is None:
        return [dumps(value)] if _is_plain_slowly(value, set(), 0) else None
    proof = _Proof()
    chunked = type(value) is list and len(value) > _CHUNK
    try:
        pieces = _in_chunks(value, proof) if chunked else _at_once(value, proof)
    except TypeError:  # orjson refuses it
        return None
    if pieces is None or not proof.holds():
        return None
    if proof.doubtful and not _is_plain_slowly(value, set(), 0):
        return None
    return pieces


def _at_once(value: Any, proof: _Proof) -> list[Any] | None:
    return [proof.text(value)] if proof.look_at([value], 0, _ANY) else None


def _in_chunks(values: list[Any], proof: _Proof) -> list[Any] | None:
    """The text of a long list, some items at a time: what was looked at is still in the cache."""
    pieces: list[Any] = []
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        if not proof.look_at(chunk, 1, _REFERENCES):
            return None
        pieces += (b"," if start else b"[", memoryview(proof.text(chunk))[1:-1])
    return [*pieces, b"]"]


class _Proof:
    """Looks for what orjson would change without a word.

    Attributes:
        doubtful: Whether a key may be the one that marks a tag.
    """

    def __init__(self) -> None:
        self.doubtful = False
        self._suspects: list[Any] = []

    def text(self, value: Any) -> bytes:
        """The text of a value that was looked at."""
        text: bytes = orjson.dumps(value, None, _OPTIONS)
        # A search for one character is many times faster than one for a word.
        if b"$" in text and _MARK in text:
            self.doubtful = True
        return text

    def holds(self) -> bool:
        """Whether nothing of what was looked at stands in two places.

        What does has more references than it should, and was met twice.
        """
        return len(self._suspects) < 2 or len(set(map(id, self._suspects))) == len(self._suspects)

    def look_at(self, values: list[Any], depth: int, references: int) -> bool:
        """Whether these values, and all in them, are of the types that JSON has.

        Args:
            values: Hopefully of few types.
            depth: How many containers they stand in.
            references: How many references to each of them are accounted for.
        """
        if len(values) >= _RECORDS:
            kind = type(values[0])
            if (kind is str and _are_text(values)) or (kind in _NUMBERS and _are_finite(values)):
                return True
            if kind in _CONTAINERS and countOf(map(type, values), kind) == len(values):
                return self._containers(values, depth + 1, references)
        kinds = set(map(type, values))
        if not kinds <= _PLAIN:
            return False
        if float in kinds:
            floats = values if len(kinds) == 1 else [v for v in values if type(v) is float]
            if not all(map(math.isfinite, floats)):
                return False
        for kind in (dict, list):
            if kind in kinds:
                alone = len(kinds) == 1
                containers = values if alone else [v for v in values if type(v) is kind]
                if not self._containers(containers, depth + 1, references + (not alone)):
                    return False
        return True

    def _containers(self, containers: list[Any], depth: int, references: int) -> bool:
        """Look at what is in lists, or in dicts."""
        if depth > DEEPEST:
            return False
        if sum(map(sys.getrefcount, containers)) > references * len(containers):
            counts = map(sys.getrefcount, containers)
            self._suspects.extend(compress(containers, map(references.__lt__, counts)))
        inside = _values(containers)
        if not inside:
            return True
        width = len(containers[0])
        uniform = len(containers) >= _RECORDS and len(inside) == width * len(containers)
        if not uniform or len(set(map(type, inside[:width]))) == 1:
            return self.look_at(inside, depth, _REFERENCES)
        for start in range(width):
            if not self.look_at(inside[start::width], depth, _REFERENCES + 1):
                return False
        return True


def _values(containers: list[Any]) -> list[Any]:
    """What is in lists, or in dicts, one after the other."""
    inside = gc.get_referents(*containers)
    if _INLINE and type(containers[0]) is dict and len(inside) < sum(map(len, containers)):
        return list(chain.from_iterable(map(dict.values, containers)))
    return inside


def _are_text(values: list[Any]) -> bool:
    """Whether these are strings, none of them of a class made in Python."""
    together = tuple(values)
    if gc.get_referents(*together):
        return False
    try:
        # Beyond its end nothing is a prefix of a text, so all that this does is look at the types.
        "".startswith(together, 1)
    except TypeError:
        return False
    return True


def _are_finite(values: list[Any]) -> bool:
    """Whether these are numbers, none of them NaN or infinite, or of a class made in Python."""
    if gc.get_referents(*values):
        return False
    try:
        total = sum(values)
        return type(total) in _NUMBERS and bool(math.isfinite(total))
    except Exception:  # noqa: BLE001 - whatever + does between other things; a closer look will tell
        return False


def _is_plain_slowly(value: Any, seen: set[int], depth: int) -> bool:
    """The same by looking at one value after the other, and at what orjson would have refused."""
    kind = type(value)
    if kind is int:
        return bool(_LEAST <= value <= _MOST)
    if kind is float:
        return bool(math.isfinite(value))
    if kind is str:
        return has_utf8(value)
    if kind is not dict and kind is not list:
        return kind in _PLAIN
    if id(value) in seen or depth >= DEEPEST:
        return False
    seen.add(id(value))
    if kind is dict and not all(map(key_is_plain, value)):
        return False
    inside = value.values() if kind is dict else value
    return all(_is_plain_slowly(item, seen, depth + 1) for item in inside)


def _usual_references() -> int:
    """How many references a list has that stands in one other list, and in the one looked at."""
    outer: list[list[Any]] = [[]]
    inside = gc.get_referents(outer)
    return next(map(sys.getrefcount, inside))


# Since 3.13 the dict of an object's attributes may leave its values to the object.
_INLINE = sys.version_info >= (3, 13)
_ANY = sys.maxsize
_REFERENCES = _usual_references()
_OPTIONS = 0
if orjson is not None:
    _OPTIONS = (
        orjson.OPT_PASSTHROUGH_SUBCLASS
        | orjson.OPT_PASSTHROUGH_DATETIME
        | orjson.OPT_PASSTHROUGH_DATACLASS
    )
