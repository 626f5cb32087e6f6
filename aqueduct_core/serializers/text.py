"""Text and bytes as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aqueduct_core.abc import JSON, Budget, Sink, Source
from aqueduct_core.errors import CorruptArtifactError

__all__ = ["BytesSerializer", "TextSerializer"]

_COUNTED = 1 << 22  # characters in which lines are counted; more take longer than a description may


class TextSerializer:
    """A `str` as UTF-8, exactly: also what isn't valid Unicode (`meta["surrogates"]`)."""

    name = "text"
    version = 1
    plain = True
    types = (str,)
    artifact = "text"
    suffix = ".txt"

    def accepts(self, obj: Any, /) -> bool:
        """Only `str` itself: a subclass would come back as another type."""
        return type(obj) is str

    def dump(self, obj: str, sink: Sink, /) -> Mapping[str, JSON]:
        """Write one part of UTF-8."""
        try:
            sink.write(obj.encode())
        except UnicodeEncodeError:
            sink.write(obj.encode("utf-8", "surrogatepass"))
            return {"surrogates": True}
        return {}

    def load(self, source: Source, /) -> str:
        """Decode the part from where it is mapped."""
        errors = "surrogatepass" if source.meta.get("surrogates") is True else "strict"
        try:
            return str(source.view(), "utf-8", errors)
        except UnicodeDecodeError as error:
            raise CorruptArtifactError(f"this is not UTF-8: {error.reason}", part="data") from error

    def describe(self, obj: str, budget: Budget, /) -> Mapping[str, JSON]:
        """Characters, lines and the beginning."""
        counted = obj if len(obj) <= _COUNTED else obj[:_COUNTED]
        description: dict[str, JSON] = {
            "characters": len(obj),
            "lines": counted.count("\n") + (not counted.endswith("\n") and bool(counted)),
            "preview": preview(obj, budget.size),
        }
        if counted is not obj:
            description["sampled"] = len(counted)
        return description


class BytesSerializer:
    """`bytes` and `bytearray`, one part."""

    name = "bytes"
    version = 1
    plain = True
    types = (bytes, bytearray)
    artifact = "bytes"
    suffix = ".bin"

    def accepts(self, obj: Any, /) -> bool:
        """Only these very types: a subclass would come back as another type."""
        return type(obj) is bytes or type(obj) is bytearray

    def dump(self, obj: bytes | bytearray, sink: Sink, /) -> Mapping[str, JSON]:
        """Write the bytes, uncopied."""
        sink.write(obj)
        return {"class": "bytearray"} if type(obj) is bytearray else {}

    def load(self, source: Source, /) -> bytes | bytearray:
        """Copy the part once, into an object of the type it had."""
        kind = source.meta.get("class", "bytes")
        if kind == "bytes":
            return bytes(source.view())
        if kind == "bytearray":
            return bytearray(source.view())
        raise CorruptArtifactError(f"{kind!r} is not a type of bytes")

    def describe(self, obj: bytes | bytearray, budget: Budget, /) -> Mapping[str, JSON]:
        """The size, and the first bytes in hexadecimal."""
        shown = min(256, budget.size // 8)
        return {"bytes": len(obj), "preview": bytes(obj[:shown]).hex(" ")}


def preview(text: str, size: int) -> str:
    """The beginning of a text, in Unicode that every reader takes."""
    most = max(size // 8, 64)
    cut = text if len(text) <= most else text[:most] + "…"
    return cut if cut.isascii() else cut.encode("utf-8", "backslashreplace").decode()
