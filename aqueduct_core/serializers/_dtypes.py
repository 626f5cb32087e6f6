"""NumPy dtypes as plain JSON, exactly, and back.

Most dtypes are one string, NumPy's own spelling (`"<f8"`, `"|S3"`, `"<M8[25s]"`). What that
spelling can't tell is an object:

| form | meaning |
|---|---|
| `{"str": "<i8", "char": "q"}` | one of C's integer types that share a size: `longlong`, not `long` |
| `{"str": "<f16", "mantissa": 63}` | a long double, with the width that makes it this machine's |
| `{"sub": dtype, "shape": [2, 3]}` | a subarray |
| `{"fields": [[name, dtype, offset, title?]...], "size": n}` | structured; `"align"`, `"base"`, `"record"` if so |
| `{"str": "|V4", "record": true}` | `np.record` without fields |
| `{"string": {"coerce": true, "na": tagged?}}` | `StringDType` |

`"metadata"` may be added to any object form, `{"str": ...}` included. No form names an object
dtype or a class: a stored dtype can't make NumPy hold pointers or import code.
"""

from __future__ import annotations

import re
import reprlib
from functools import lru_cache
from typing import Any

import numpy as np

from aqueduct_core.abc import JSON
from aqueduct_core.errors import ConversionError, CorruptArtifactError, UnserializableError
from aqueduct_core.serializers._jsontext import has_utf8

__all__ = ["dtype_from_json", "dtype_to_json", "is_string_dtype", "same_dtype"]

_MAX_DEPTH = 32  # NumPy itself recurses over nested dtypes in C

_SIMPLE = re.compile(
    r"\|b1|[|<>][iu][1248]|[<>]f[248]|[<>]c(?:8|16)"
    r"|[|<>][SUV]\d{1,10}|[<>][mM]8(?:\[(?:[1-9]\d{0,8})?(?:[YMWDhms]|[munpfa]s)\])?",
    re.ASCII,
)
_LONGDOUBLE = re.compile(r"[<>](?:f12|f16|c24|c32)", re.ASCII)
_ALIASES = frozenset("bBhHiIlLqQgGc")

# The C numbers of the types that their number and byte order tell completely: bool, the integers
# up to long, float, double and their complex forms, half. (longlong has a spelling of its own.)
_FIXED = frozenset({*range(9), 11, 12, 14, 15, 23})
_known: dict[tuple[int, str], str] = {}


def dtype_to_json(dtype: np.dtype[Any]) -> JSON:
    """The descriptor of a dtype.

    Raises:
        UnserializableError: Objects (or a dtype that only its own package knows) are in it, or
            metadata that JSON can't hold.
    """
    key = (dtype.num, dtype.byteorder)
    if key in _known and dtype.metadata is None and dtype.names is None:
        return _known[key]
    node = _describe(dtype, 0)
    if isinstance(node, str):
        if dtype.num in _FIXED:
            _known[key] = node
        return node
    # The odd forms are rare: rather than trust our list of oddities, look at what comes back.
    if not same_dtype(dtype_from_json(node, trusted=True), dtype):
        raise UnserializableError(
            f"the dtype {dtype!r} can't be rebuilt from a description",
            path=".dtype",
            hint="convert the array to a plain structured or numeric dtype first",
        )
    return node


def dtype_from_json(node: Any, *, trusted: bool = False) -> np.dtype[Any]:
    """The dtype that `dtype_to_json` described.

    Args:
        node: The descriptor.
        trusted: Whether classes named in its metadata may be imported.

    Raises:
        CorruptArtifactError: This is no descriptor of a dtype without objects.
        ConversionError: It needs a long double that this machine doesn't have.
    """
    if type(node) is str:
        return _simple(node)
    try:
        dtype = _build(node, trusted, 0)
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError, RuntimeError) as error:
        if isinstance(error, (CorruptArtifactError, ConversionError)):
            raise
        raise _corrupt(node) from error
    if dtype.hasobject and not is_string_dtype(dtype):
        raise _corrupt(node)
    return dtype


def is_string_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether this is NumPy 2's `StringDType` (its `char` is `T`)."""
    return dtype.char == "T"


def same_dtype(a: np.dtype[Any], b: np.dtype[Any]) -> bool:
    """Whether two dtypes are alike in all that NumPy's `==` overlooks, metadata's values apart."""
    if is_string_dtype(a) or is_string_dtype(b):
        return _same_string_dtype(a, b)
    if (a.char, a.str, a.type, a.itemsize, a.names, a.isalignedstruct, a.shape) != (
        b.char,
        b.str,
        b.type,
        b.itemsize,
        b.names,
        b.isalignedstruct,
        b.shape,
    ):
        return False
    if (a.metadata or {}).keys() != (b.metadata or {}).keys():
        return False
    if a.subdtype is not None or b.subdtype is not None:
        return same_dtype(a.base, b.base)
    for name in a.names or ():
        field, other = a.fields[name], b.fields[name]  # type: ignore[index]  # names says so
        if field[1:] != other[1:] or not same_dtype(field[0], other[0]):
            return False
    return True


def _describe(dtype: np.dtype[Any], depth: int) -> JSON:
    if depth > _MAX_DEPTH:
        raise _unserializable(dtype, f"it is nested more than {_MAX_DEPTH} levels deep")
    node = _describe_plain(dtype, depth)
    if dtype.metadata is None:
        return node
    from aqueduct_core.serializers import tagged

    try:
        metadata = tagged.to_json(dict(dtype.metadata))
    except UnserializableError as error:
        raise error.under(".dtype.metadata") from None
    return {**(node if isinstance(node, dict) else {"str": node}), "metadata": metadata}


def _describe_plain(dtype: np.dtype[Any], depth: int) -> str | dict[str, JSON]:
    if is_string_dtype(dtype):
        if depth:
            raise _unserializable(dtype, "it is not for the fields of a structure")
        return _describe_string(dtype)
    if dtype.isbuiltin == 2:
        raise _unserializable(dtype, "only the package that defines it can read it")
    if dtype.subdtype is not None:
        return {"sub": _describe(dtype.base, depth + 1), "shape": list(dtype.shape)}
    if dtype.names is not None:
        return _describe_fields(dtype, depth)
    if dtype.hasobject:
        raise _unserializable(dtype, "its items are Python objects")
    text = dtype.str
    if dtype.type is np.record:
        return {"str": text, "record": True}
    if _LONGDOUBLE.fullmatch(text):
        return {"str": text, "mantissa": int(np.finfo(np.longdouble).nmant)}
    if not _SIMPLE.fullmatch(text):
        raise _unserializable(dtype, "it has no portable spelling")
    if np.dtype(text).char != dtype.char:
        return {"str": text, "char": dtype.char}
    return text


def _describe_fields(dtype: np.dtype[Any], depth: int) -> dict[str, JSON]:
    fields: list[JSON] = []
    for name in dtype.names or ():
        inner, offset, *title = dtype.fields[name]  # type: ignore[index]  # names says so
        for text in (name, *title):
            if not isinstance(text, str) or not has_utf8(text):
                raise _unserializable(dtype, f"{text!r} as a name or title is no plain text")
        fields.append([name, _describe(inner, depth + 1), int(offset), *title])
    node: dict[str, JSON] = {"fields": fields, "size": dtype.itemsize}
    if dtype.isalignedstruct:
        node["align"] = True
    if dtype.type is np.record:
        node["record"] = True
    elif dtype.kind != "V":
        node["base"] = dtype.str
    return node


def _describe_string(dtype: Any) -> dict[str, JSON]:
    settings: dict[str, JSON] = {"coerce": bool(dtype.coerce)}
    if hasattr(dtype, "na_object"):
        from aqueduct_core.serializers import tagged

        try:
            settings["na"] = tagged.to_json(dtype.na_object)
        except UnserializableError as error:
            raise error.under(".dtype.na_object") from None
    return {"string": settings}


@lru_cache(maxsize=512)
def _simple(text: str) -> np.dtype[Any]:
    if not _SIMPLE.fullmatch(text):
        raise _corrupt(text)
    try:
        dtype = np.dtype(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise _corrupt(text) from error
    if dtype.hasobject:  # can't be, by the pattern above; but nothing may depend on it alone
        raise _corrupt(text)
    return dtype


def _build(node: Any, trusted: bool, depth: int) -> np.dtype[Any]:
    if type(node) is str:
        return _simple(node)
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        raise _corrupt(node)
    if "string" in node:
        dtype = _build_string(node["string"], trusted)
    elif "sub" in node:
        dtype = np.dtype((_build(node["sub"], trusted, depth + 1), _shape(node)))
    elif "fields" in node:
        dtype = _build_fields(node, trusted, depth)
    else:
        dtype = _build_spelled(node)
    if "metadata" not in node:
        return dtype
    from aqueduct_core.serializers import tagged

    metadata = tagged.from_json(node["metadata"], trusted=trusted)
    if not isinstance(metadata, dict):
        raise _corrupt(node)
    return np.dtype(dtype, metadata=metadata)


def _build_spelled(node: dict[str, Any]) -> np.dtype[Any]:
    text = node["str"]
    if type(text) is not str:
        raise _corrupt(node)
    if "mantissa" in node:
        return _long_double(text, node["mantissa"])
    dtype = _simple(text)
    if node.get("record") is True and dtype.kind == "V":
        return np.dtype((np.record, dtype.itemsize))
    if "char" not in node:
        return dtype
    char = node["char"]
    if type(char) is not str or char not in _ALIASES:
        raise _corrupt(node)
    # On a machine where this C type has another size, the size is what counts.
    return _in_byte_order(np.dtype(char), text) or dtype


def _build_fields(node: dict[str, Any], trusted: bool, depth: int) -> np.dtype[Any]:
    names, formats, offsets, titles = [], [], [], []
    for entry in node["fields"]:
        name, inner, offset, *title = entry
        if type(name) is not str or type(offset) is not int or len(title) > 1:
            raise _corrupt(node)
        if title and type(title[0]) is not str:
            raise _corrupt(node)
        names.append(name)
        formats.append(_build(inner, trusted, depth + 1))
        offsets.append(offset)
        titles.append(title[0] if title else None)
    layout: dict[str, Any] = {
        "names": names,
        "formats": formats,
        "offsets": offsets,
        "itemsize": node["size"],
        "aligned": node.get("align") is True,
    }
    if any(title is not None for title in titles):
        layout["titles"] = titles
    if type(node["size"]) is not int or not names and node["size"] < 0:
        raise _corrupt(node)
    dtype: np.dtype[Any] = np.dtype(layout)  # type: ignore[call-overload]  # a dict of all keys
    if node.get("record") is True:
        return np.dtype((np.record, dtype))
    if "base" in node:
        if type(node["base"]) is not str:
            raise _corrupt(node)
        return np.dtype((_simple(node["base"]), layout))
    return dtype


def _build_string(settings: Any, trusted: bool) -> np.dtype[Any]:
    if not isinstance(settings, dict) or type(settings.get("coerce")) is not bool:
        raise _corrupt(settings)
    if "na" not in settings:
        return np.dtypes.StringDType(coerce=settings["coerce"])
    from aqueduct_core.serializers import tagged

    missing = tagged.from_json(settings["na"], trusted=trusted)
    if isinstance(missing, float) and missing != missing:
        missing = np.nan  # people test for this very object
    return np.dtypes.StringDType(na_object=missing, coerce=settings["coerce"])


def _long_double(text: str, mantissa: Any) -> np.dtype[Any]:
    if not _LONGDOUBLE.fullmatch(text) or type(mantissa) is not int:
        raise _corrupt(text)
    own = _in_byte_order(np.dtype("g" if text[1] == "f" else "G"), text)
    if own is None or int(np.finfo(np.longdouble).nmant) != mantissa:
        raise ConversionError(
            f"the array holds long doubles of another kind of machine ({text[1:]} with "
            f"{mantissa} bits of mantissa)",
            hint="load it on a machine like the one that saved it, or save it as float64",
        )
    return own


def _in_byte_order(dtype: np.dtype[Any], text: str) -> np.dtype[Any] | None:
    """This dtype, byte-swapped if that is what it takes to be spelled `text`."""
    if dtype.str == text:
        return dtype
    swapped = dtype.newbyteorder("S")
    return swapped if swapped.str == text else None


def _shape(node: dict[str, Any]) -> tuple[int, ...]:
    shape = node["shape"]
    if not isinstance(shape, (list, tuple)):
        raise _corrupt(node)
    if not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 64:
        raise _corrupt(node)
    return tuple(shape)


def _same_string_dtype(a: Any, b: Any) -> bool:
    if type(a) is not type(b) or a.coerce != b.coerce:
        return False
    missing, other = getattr(a, "na_object", a), getattr(b, "na_object", b)
    if missing is a or other is b:
        return missing is a and other is b
    if type(missing) is float:
        return type(other) is float and (missing == other or missing != missing)
    if type(missing) is not type(other):
        return False
    if missing is other or bool(missing == other):
        return True
    return bool(missing != missing and other != other)  # a time that is none


def _unserializable(dtype: np.dtype[Any], reason: str) -> UnserializableError:
    return UnserializableError(
        f"an array of dtype {dtype!r} has no portable form: {reason}",
        path=".dtype",
        hint="convert it to a plain NumPy dtype, or allow pickle for it",
    )


def _corrupt(node: Any) -> CorruptArtifactError:
    # reprlib, for a hostile node may be too deep for repr()
    return CorruptArtifactError(f"{reprlib.repr(node)} is not the description of a NumPy dtype")
