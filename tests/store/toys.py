"""Small serializers that exercise the store without any library.

Not in `conftest.py`: processes that are killed by tests import this, and pytest is slow to start.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aqueduct_core.registry import Registry
from aqueduct_core.store import ArtifactStore


class Blob(bytearray):
    """Bytes with a class of their own."""


class Tree(list[Any]):
    """A list with a class of its own."""


class Streamed(bytes):
    """Bytes that are streamed into the sink."""


class BlobSerializer:
    """Keeps a `Blob` as one part."""

    name = "test.blob"
    version = 2
    types = (Blob,)
    artifact = "bytes"

    def dump(self, obj: Blob, sink: Any) -> Mapping[str, Any] | None:
        sink.write(obj)
        return {"length": len(obj)}

    def load(self, source: Any) -> Blob:
        return Blob(source.view())

    def describe(self, obj: Blob, budget: Any) -> Mapping[str, Any]:
        return {"bytes": len(obj)}


class TreeSerializer:
    """Keeps a `Tree` as members."""

    name = "test.tree"
    version = 1
    types = (Tree,)
    artifact = "collection"

    def dump(self, obj: Tree, sink: Any) -> Mapping[str, Any] | None:
        return {"items": [sink.nest(item, f"[{index}]") for index, item in enumerate(obj)]}

    def load(self, source: Any) -> Tree:
        return Tree(source.nested(index) for index in source.meta["items"])


class StreamedSerializer:
    """Keeps a `Streamed` through `open`, in two parts."""

    name = "test.streamed"
    version = 1
    types = (Streamed,)
    suffix = ".txt"

    def dump(self, obj: Streamed, sink: Any) -> Mapping[str, Any] | None:
        with sink.open() as file:
            for start in range(0, len(obj), 100_000):
                file.write(obj[start : start + 100_000])
            if obj.startswith(b"fail"):
                raise RuntimeError("the serializer gave up")
        sink.write(b"and a second part", part="more")
        return None

    def load(self, source: Any) -> Streamed:
        if bytes(source.view("more")) != b"and a second part":
            raise ValueError("the second part is wrong")
        with source.open() as file:
            file.seek(0, io.SEEK_END)
            size = file.tell()
            file.seek(0)
            data = file.read()
        if len(data) != size or source.path().read_bytes() != data:
            raise ValueError("the views of a part disagree")
        return Streamed(data)


def new_registry() -> Registry:
    """A registry with these serializers and the built-in ones."""
    registry = Registry(plugins=False)
    for serializer in (BlobSerializer, TreeSerializer, StreamedSerializer):
        registry.register(serializer(), package="test 1")
    return registry


VALUES = {
    "empty": Blob(),
    "inline": Blob(b"hi"),
    "own part": Blob(b"ab" * 50_000),
    "incompressible": Blob(os.urandom(100_000)),
    "hashed while written": Blob(os.urandom(9 << 20)),
    "streamed small": Streamed(b"x" * 10),
    "streamed large": Streamed(b"xyz" * 1_000_000),
    "packed": Tree([Blob(b"x" * 9_000), Blob(b"y" * 5_000), Streamed(b"z" * 5_001), Blob()]),
    "nested": Tree([Tree([Blob(b"1"), Tree()]), Tree([Streamed(b"s" * 2_000_000)])]),
}


def objects(store: ArtifactStore) -> set[str]:
    return {info.key for folder in ("parts/", "tmp/") for info in store.storage.list(folder)}


def the_part(folder: Path) -> Path:
    (path,) = [path for path in (folder / "parts").rglob("*") if path.is_file()]
    return path
