"""A sink and a source in memory, for what a store is too much."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO


class MemorySink:
    """Keeps parts as bytes and nested objects as they are."""

    def __init__(self) -> None:
        self.parts: dict[str, bytearray] = {}
        self.members: list[Any] = []

    def write(self, *buffers: Any, part: str = "data") -> None:
        for buffer in buffers:
            self.parts.setdefault(part, bytearray()).extend(memoryview(buffer).cast("B"))

    @contextmanager
    def open(self, part: str = "data") -> Iterator[BinaryIO]:
        file = _Kept()
        yield file
        self.parts[part] = bytearray(file.getbuffer())

    def nest(self, obj: Any, at: str = "") -> int:
        self.members.append(obj)
        return len(self.members) - 1


class MemorySource:
    """What was written into a sink."""

    version = 1
    trusted = False
    vouched = False

    def __init__(self, sink: MemorySink, meta: Mapping[str, Any] | None) -> None:
        self.meta = meta or {}
        self._sink = sink

    def view(self, part: str = "data") -> memoryview:
        return memoryview(self._sink.parts[part])

    def open(self, part: str = "data") -> BinaryIO:
        return io.BytesIO(self._sink.parts[part])

    def nested(self, index: int) -> Any:
        return self._sink.members[index]


class _Kept(io.BytesIO):
    """Stays readable after a library has closed it."""

    def close(self) -> None:
        """The bytes are still needed."""
