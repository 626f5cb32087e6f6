"""What all tag modules share: the tables of tags, and how a node's fields are read.

A *node* is what stands for a value in JSON: the value itself, or an object with `"$type"`.
"""

from __future__ import annotations

import math
import struct
import sys
import warnings
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from aqueduct_core.errors import CorruptArtifactError

if TYPE_CHECKING:
    from aqueduct_core.serializers.tagged._decode import Decoder
    from aqueduct_core.serializers.tagged._encode import Encoder

__all__ = [
    "BUILDERS",
    "FIXED",
    "LEAVES",
    "READERS",
    "SHELLS",
    "TAG",
    "Build",
    "Fill",
    "Make",
    "Read",
    "bits_of",
    "corrupt",
    "field",
    "find_leaf",
    "find_reader",
    "float_of",
    "frombase64",
    "hashed_by_content",
    "tobase64",
    "unwarned",
]

TAG = "$type"

T = TypeVar("T")

# A value to its node; None if this value, of all its type, has no exact node.
Build = Callable[[Any, "Encoder"], Any]
# A node to its value; for containers that may contain themselves in two steps: an empty one first.
Read = Callable[[dict[str, Any], "Decoder"], Any]
Make = Callable[[Any, "Decoder"], Any]
Fill = Callable[[Any, Any, "Decoder"], None]

LEAVES: dict[type, Build] = {}
BUILDERS: dict[type, Build] = {}
READERS: dict[str, Read] = {}
SHELLS: dict[str, tuple[Make, Fill]] = {}
# Of the tags in SHELLS, those whose objects may have to be complete before others refer to them.
FIXED: dict[str, Callable[[dict[str, Any], Decoder], bool]] = {}

# The package a type or tag belongs to -> the module of ours that knows it and imports the package.
_LAZY = {
    "numpy": "_numpy",
    "pandas": "_pandas",
    "pytz": "_zones",
    "dateutil": "_zones",
}


def find_leaf(kind: type) -> tuple[Build, bool] | None:
    """The builder of a type whose package may never have been imported.

    With it comes whether its objects can change, so that one that is met twice must come back as one.
    """
    if kind in LEAVES:
        return LEAVES[kind], False
    package = str(kind.__module__).partition(".")[0]  # there are classes without one
    if package in _LAZY and package in sys.modules:
        found: tuple[Build, bool] | None = _lazy(package).find(kind)
        return found
    return None


def find_reader(tag: str) -> Read | None:
    """The reader of a tag; those of other packages are named after them: `pandas.Timestamp`."""
    found = READERS.get(tag)
    if found is None:
        package = tag.partition(".")[0]
        if package in _LAZY:
            _lazy(package)
            found = READERS.get(tag)
    return found


def _lazy(package: str) -> Any:
    return import_module(f"aqueduct_core.serializers.tagged.{_LAZY[package]}")


def corrupt(message: str) -> NoReturn:
    """Raise CorruptArtifactError."""
    raise CorruptArtifactError(message)


def field(node: dict[str, Any], name: str, kind: type[T]) -> T:
    """A field of a node that must be there and be of exactly this type."""
    value = node.get(name)
    if type(value) is not kind:
        corrupt(f"the tag {node.get(TAG)!r} needs {name!r} to be {kind.__name__}")
    return value


def tobase64(data: Any) -> str:
    """Bytes as text."""
    return b64encode(data).decode()


def frombase64(node: dict[str, Any], name: str = "base64") -> bytes:
    """The bytes in a field."""
    try:
        return b64decode(field(node, name, str), validate=True)
    except (Base64Error, ValueError) as error:
        raise CorruptArtifactError(f"the field {name!r} is not base64: {error}") from error


def bits_of(value: float) -> str:
    """A float's name if it isn't a finite number; its bits if it is an unusual NaN."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    bits: str = struct.pack(">d", value).hex()
    return "nan" if bits == "7ff8000000000000" else bits


def float_of(text: str) -> float:
    """The float that `bits_of` named: always a new object, as dicts tell NaNs apart by identity."""
    if text in ("nan", "inf", "-inf"):
        return float(text)
    if len(text) != 16:
        corrupt(f"{text!r} is not a float")
    value: float = struct.unpack(">d", bytes.fromhex(text))[0]
    if not math.isnan(value):
        corrupt(f"{text!r} is not the bits of a NaN")
    return value


def hashed_by_content(kind: type) -> bool:
    """Whether instances of a class may be equal without being the same, and be keys."""
    hashed: Any = kind.__hash__  # None for those that can't be keys, whatever its declared type is
    return hashed is not None and hashed is not object.__hash__


def unwarned(make: Callable[..., T], *arguments: Any) -> T:
    """Call something that may warn, where warnings are errors: a reader can't help what was written.

    Filters belong to the whole process, so they are only touched when there is no other way.
    """
    try:
        return make(*arguments)
    except Warning:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make(*arguments)
