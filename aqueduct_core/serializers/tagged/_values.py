"""The tags of the standard library's values, dates and times apart."""

from __future__ import annotations

import ipaddress
import math
import pathlib
import re
import sys
import uuid
from array import array
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from aqueduct_core.errors import ConversionError, CorruptArtifactError
from aqueduct_core.serializers._jsontext import has_utf8
from aqueduct_core.serializers.tagged._base import (
    BUILDERS,
    LEAVES,
    READERS,
    TAG,
    bits_of,
    corrupt,
    field,
    float_of,
    frombase64,
    tobase64,
    unwarned,
)
from aqueduct_core.serializers.tagged._decode import Decoder
from aqueduct_core.serializers.tagged._encode import Encoder

_LEAST, _MOST = -(2**63), 2**64 - 1  # what every JSON library reads as an integer
_HEX = re.compile(r"-?0x[0-9a-f]+", re.ASCII)
_FRACTION_BITS = 1 << 20  # beyond, reducing it to lowest terms takes seconds
_PRINTS = re.DEBUG


def _self(value: Any, _encoder: Encoder) -> Any:
    return value


def _int(value: int, _encoder: Encoder) -> Any:
    if _LEAST <= value <= _MOST:
        return value
    return {TAG: "int", "hex": hex(value)}  # decimal digits would take quadratic time


def _float(value: float, _encoder: Encoder) -> Any:
    return value if math.isfinite(value) else {TAG: "float", "value": bits_of(value)}


def _str(value: str, _encoder: Encoder) -> Any:
    if value.isascii() or has_utf8(value):
        return value
    return {TAG: "str", "base64": tobase64(value.encode("utf-8", "surrogatepass"))}


def _bytes(value: bytes, _encoder: Encoder) -> Any:
    return {TAG: "bytes", "base64": tobase64(value)}


def _bytearray(value: bytearray, _encoder: Encoder) -> Any:
    return {TAG: "bytearray", "base64": tobase64(value)}


def _array(value: array[Any], encoder: Encoder) -> Any:
    node: dict[str, Any] = {TAG: "array.array", "typecode": value.typecode}
    if value.typecode in "uw":
        return {**node, "text": _str(value.tounicode(), encoder)}
    if value.typecode not in "fd":
        return {**node, "items": value.tolist()}
    if sys.byteorder == "big":
        value = value[:]
        value.byteswap()
    return {**node, "base64": tobase64(value)}  # as bits, for NaNs have more than one


def _complex(value: complex, encoder: Encoder) -> Any:
    real, imag = _float(value.real, encoder), _float(value.imag, encoder)
    return {TAG: "complex", "real": real, "imag": imag}


def _decimal(value: Decimal, _encoder: Encoder) -> Any:
    return {TAG: "Decimal", "value": str(value)}


def _fraction(value: Fraction, encoder: Encoder) -> Any:
    top, bottom = value.numerator, value.denominator
    if type(top) is not int or type(bottom) is not int:
        return None
    if top.bit_length() + bottom.bit_length() > _FRACTION_BITS:
        return None
    return {TAG: "Fraction", "numerator": _int(top, encoder), "denominator": _int(bottom, encoder)}


def _uuid(value: uuid.UUID, _encoder: Encoder) -> Any:
    node = {TAG: "UUID", "value": str(value)}
    if value.is_safe is not uuid.SafeUUID.unknown:
        node["safe"] = value.is_safe.name
    return node


def _path(value: pathlib.PurePath, encoder: Encoder) -> Any:
    kind = type(value)
    text = str(value)
    # The text of a few Windows paths means something else: `./c:b` has no drive, `c:b` has one.
    if kind(text).parts != value.parts:
        text = f"./{text}"
        if kind(text).parts != value.parts:
            return None
    return {TAG: "Path", "class": kind.__name__, "value": _str(text, encoder)}


def _range(value: range, encoder: Encoder) -> Any:
    names = ("start", "stop", "step")
    return {TAG: "range", **{name: _int(getattr(value, name), encoder) for name in names}}


def _address(value: Any, _encoder: Encoder) -> Any:
    kind = type(value)
    if getattr(value, "__dict__", {}).keys() - _OF_ADDRESSES:
        return None
    text = str(value)
    again = kind(text)
    if again != value or str(again) != text:
        return None
    return {TAG: "ipaddress", "class": kind.__name__, "value": text}


def _pattern(value: re.Pattern[Any], encoder: Encoder) -> Any:
    if value.flags & _PRINTS:
        return None
    pattern = value.pattern
    if type(pattern) not in (str, bytes):
        return None
    return {TAG: "re.Pattern", "pattern": encoder.node(pattern), "flags": int(value.flags)}


def _ellipsis(_value: Any, _encoder: Encoder) -> Any:
    return {TAG: "Ellipsis"}


def _not_implemented(_value: Any, _encoder: Encoder) -> Any:
    return {TAG: "NotImplemented"}


def read_int(node: dict[str, Any], _decoder: Decoder) -> int:
    text = field(node, "hex", str)
    if not _HEX.fullmatch(text):
        corrupt("this is not a hexadecimal number")
    return int(text, 16)


def _read_str(node: dict[str, Any], _decoder: Decoder) -> str:
    return frombase64(node).decode("utf-8", "surrogatepass")


def _read_array(node: dict[str, Any], decoder: Decoder) -> Any:
    code = field(node, "typecode", str)
    if len(code) != 1 or code not in "bBhHiIlLqQfduw":
        corrupt(f"{code!r} is not a type code")
    if code in "uw":
        return _text_array(code, _text(decoder.node(node.get("text"))))
    if code not in "fd":
        return array(code, field(node, "items", list))
    made = array(code, frombase64(node))
    if sys.byteorder == "big":
        made.byteswap()
    return made


def _text_array(code: str, text: str) -> array[str]:
    try:
        return unwarned(array, code, text)  # "u" is deprecated since 3.13, "w" is new there
    except ValueError as error:
        raise ConversionError(
            f"this Python has no arrays of type code {code!r}",
            hint="load it with the version of Python that saved it",
        ) from error


def _read_complex(node: dict[str, Any], decoder: Decoder) -> complex:
    parts = [decoder.node(node.get(name)) for name in ("real", "imag")]
    if not all(type(part) is float for part in parts):
        corrupt("the parts of a complex number must be floats")
    return complex(*parts)


def _read_decimal(node: dict[str, Any], _decoder: Decoder) -> Decimal:
    text = field(node, "value", str)
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise CorruptArtifactError("this is not a decimal number") from error
    if str(value) != text:
        corrupt("this is not a decimal number as it was written")
    return value


def _read_fraction(node: dict[str, Any], decoder: Decoder) -> Fraction:
    top, bottom = _ints(node, decoder, "numerator", "denominator")
    if top.bit_length() + bottom.bit_length() > _FRACTION_BITS:
        corrupt("this fraction is larger than any that is written")
    value = Fraction(top, bottom)
    if value.denominator != bottom:
        corrupt("this fraction is not in lowest terms")
    return value


def _read_uuid(node: dict[str, Any], _decoder: Decoder) -> uuid.UUID:
    safe = uuid.SafeUUID[node["safe"]] if "safe" in node else uuid.SafeUUID.unknown
    return uuid.UUID(field(node, "value", str), is_safe=safe)


def _read_path(node: dict[str, Any], decoder: Decoder) -> pathlib.PurePath:
    kind = _PATHS.get(field(node, "class", str))
    if kind is None:
        corrupt(f"{node['class']!r} is not a class of paths")
    try:
        return kind(_text(decoder.node(node.get("value"))))
    except (
        NotImplementedError
    ) as error:  # since 3.13 an UnsupportedOperation, which derives from it
        raise ConversionError(
            f"a {kind.__name__} can't exist on this system",
            hint=f"store a Pure{kind.__name__} to exchange paths between systems",
        ) from error


def _read_range(node: dict[str, Any], decoder: Decoder) -> range:
    return range(*_ints(node, decoder, "start", "stop", "step"))


def _read_address(node: dict[str, Any], _decoder: Decoder) -> Any:
    kind = _ADDRESSES.get(field(node, "class", str))
    if kind is None:
        corrupt(f"{node['class']!r} is not a class of addresses")
    return kind(field(node, "value", str))


def _read_pattern(node: dict[str, Any], decoder: Decoder) -> re.Pattern[Any]:
    pattern, flags = decoder.node(node.get("pattern")), field(node, "flags", int)
    if type(pattern) not in (str, bytes) or not 0 <= flags < 1024 or flags & _PRINTS:
        corrupt("this is not a regular expression")
    try:
        made: re.Pattern[Any] = unwarned(re.compile, pattern, flags)
    except re.error as error:
        raise CorruptArtifactError(f"this is not a regular expression: {error}") from error
    return made


def _text(value: Any) -> str:
    if type(value) is not str:
        corrupt("this must be a text")
    return value


def _ints(node: dict[str, Any], decoder: Decoder, *names: str) -> list[int]:
    values = [decoder.node(node.get(name)) for name in names]
    if not all(type(value) is int for value in values):
        corrupt(f"the fields {', '.join(names)} must be integers")
    return values


_PATHS: dict[str, type[pathlib.PurePath]] = {
    kind.__name__: kind
    for kind in (
        pathlib.PurePosixPath,
        pathlib.PureWindowsPath,
        pathlib.PosixPath,
        pathlib.WindowsPath,
    )
}
# What networks and interfaces keep in their __dict__; anything else was added to them.
_OF_ADDRESSES = frozenset(
    {"network", "network_address", "broadcast_address", "netmask", "hostmask", "_prefixlen", "_str"}
)
_ADDRESSES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        ipaddress.IPv4Address,
        ipaddress.IPv6Address,
        ipaddress.IPv4Network,
        ipaddress.IPv6Network,
        ipaddress.IPv4Interface,
        ipaddress.IPv6Interface,
    )
}

LEAVES.update(
    {
        type(None): _self,
        bool: _self,
        int: _int,
        float: _float,
        str: _str,
        bytes: _bytes,
        complex: _complex,
        Decimal: _decimal,
        Fraction: _fraction,
        uuid.UUID: _uuid,
        range: _range,
        re.Pattern: _pattern,
        type(Ellipsis): _ellipsis,
        type(NotImplemented): _not_implemented,
        **dict.fromkeys(_PATHS.values(), _path),
        **dict.fromkeys(_ADDRESSES.values(), _address),
    }
)
# They hold nothing, but can change: one that is met twice must come back as one.
BUILDERS.update({bytearray: _bytearray, array: _array})
READERS.update(
    {
        "int": read_int,
        "float": lambda node, _decoder: float_of(field(node, "value", str)),
        "str": _read_str,
        "bytes": lambda node, _decoder: frombase64(node),
        "bytearray": lambda node, _decoder: bytearray(frombase64(node)),
        "array.array": _read_array,
        "complex": _read_complex,
        "Decimal": _read_decimal,
        "Fraction": _read_fraction,
        "UUID": _read_uuid,
        "Path": _read_path,
        "range": _read_range,
        "ipaddress": _read_address,
        "re.Pattern": _read_pattern,
        "Ellipsis": lambda _node, _decoder: ...,
        "NotImplemented": lambda _node, _decoder: NotImplemented,
    }
)
