"""Images inside other objects: kept as they are kept on their own, since Pillow pickles pixels alone."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers import _rebuild

__all__ = ["is_image", "is_kept", "reduce_image"]


def is_image(cls: type) -> bool:
    """Whether this is a class of images that leaves pickling to Pillow."""
    image: Any = getattr(sys.modules.get("PIL.Image"), "Image", None)
    if image is None or not issubclass(cls, image):
        return False
    modules = (str(parent.__module__) for parent in cls.__mro__ if "__getstate__" in vars(parent))
    return next(modules, "").startswith("PIL.")


def is_kept(obj: Any) -> bool:
    """Whether this is an image that has a format of its own, and none of somebody's class."""
    return is_image(type(obj)) and str(type(obj).__module__).startswith("PIL.")


def reduce_image(obj: Any) -> Any:
    """An image as the file that it came from, or as its pixels and all that belongs to them."""
    from aqueduct_core.serializers.image import ImageFileSerializer, RawImageSerializer

    sink = _Parts()
    for serializer in (ImageFileSerializer(), RawImageSerializer()):
        if serializer.accepts(obj):
            meta = serializer.dump(obj, sink)
            data = pickle.PickleBuffer(bytearray().join(sink.data))
            return _rebuild.image, (serializer.name, dict(meta), data, sink.members)
    return NotImplemented  # a class of somebody's own


class _Parts:
    """Takes the one part of an image, and the objects that its metadata refers to."""

    def __init__(self) -> None:
        self.data: list[Any] = []
        self.members: list[Any] = []

    def write(self, *buffers: Any, part: str = "data") -> None:
        _only_one(part)
        self.data.extend(bytes(buffer) for buffer in buffers)

    @contextmanager
    def open(self, part: str = "data") -> Iterator[Any]:
        _only_one(part)
        file = BytesIO()
        yield file
        self.data.append(file.getvalue())

    def nest(self, obj: Any, at: str = "") -> int:
        self.members.append(obj)
        return len(self.members) - 1


def _only_one(part: str) -> None:
    if part != "data":
        raise UnserializableError(
            f"an image inside another object has no part {part!r}",
            hint="store the image as an artifact of its own",
        )


class Stored:
    """What an image inside a pickle is loaded from."""

    version = 1
    trusted = True
    vouched = True

    def __init__(self, meta: Mapping[str, Any], data: Any, members: list[Any]) -> None:
        self.meta = meta
        self._data = memoryview(data)
        self._members = members

    def view(self, part: str = "data") -> memoryview:
        return self._data

    def open(self, part: str = "data") -> Any:
        return BytesIO(self._data)

    def path(self, part: str = "data") -> Path:
        raise UnserializableError(f"the part {part!r} of an image inside another object is no file")

    def nested(self, index: int) -> Any:
        return self._members[index]
