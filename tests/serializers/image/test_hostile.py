"""Images from stores that lie: an error of ours, never a crash, a hang, or other pixels."""

from __future__ import annotations

import copy
import json
import random
import sys
import zlib
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from aqueduct_core.errors import AqueductError, CorruptArtifactError
from aqueduct_core.serializers.image import (
    ImageFileSerializer,
    PngImageSerializer,
    RawImageSerializer,
)
from aqueduct_core.testing import SerializerTests
from aqueduct_core.testing._compare_image import image_differences
from tests.serializers.image.images import encoded, files, infos, noise, opened, picture


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.members: list[Any] = []

    def write(self, *buffers: Any, part: str = "data") -> None:
        self.parts[part] = self.parts.get(part, b"") + b"".join(map(bytes, buffers))

    def nest(self, obj: Any, at: str = "") -> int:
        self.members.append(obj)
        return len(self.members) - 1


class Source:
    """Gives what a sink kept."""

    version = 1
    trusted = False

    def __init__(self, sink: Sink, meta: Any) -> None:
        self.meta = json.loads(json.dumps(meta, allow_nan=False))
        self.parts = dict(sink.parts)
        self.members = sink.members

    def view(self, part: str = "data") -> memoryview:
        if part not in self.parts:
            raise CorruptArtifactError(f"no part {part}")
        return memoryview(bytearray(self.parts[part]))

    def nested(self, index: int) -> Any:
        if index not in range(len(self.members)):
            raise CorruptArtifactError(f"no member {index}")
        return self.members[index]


def dumped(serializer: Any, im: Any) -> Source:
    sink = Sink()
    return Source(sink, serializer.dump(im, sink))


def indexed() -> Image.Image:
    im = noise("P", (6, 5))
    im.putpalette(bytes(range(30)))
    im.info = infos()["usual"] | infos()["rationals"]
    im.getexif()[0x010E] = "changed"
    return im


def touched(name: str) -> Any:
    im = opened(name)
    im.load()
    im.info["note"] = 1
    return im


class OfImages(SerializerTests):
    """What the conformance tests need to know about images."""

    def assert_identical(self, loaded: Any, value: Any) -> None:
        assert image_differences(value, loaded) == []


class TestRaw(OfImages):
    serializer: ClassVar[Any] = RawImageSerializer()
    values: ClassVar[Sequence[Any]] = [noise("RGB", (7, 3)), indexed(), touched("tiff_full")]


class TestPng(OfImages):
    serializer: ClassVar[Any] = PngImageSerializer()
    values: ClassVar[Sequence[Any]] = [noise("RGB", (7, 3)), indexed(), noise("CMYK", (5, 4))]


class TestFile(OfImages):
    serializer: ClassVar[Any] = ImageFileSerializer()

    @property
    def values(self) -> Sequence[Any]:  # type: ignore[override]
        """Opened anew each time: an image in memory forgets its file once it is decoded."""
        return [opened(name) for name in ("jpeg_full", "gif_animated", "sgi")]


CASES: list[tuple[Any, Any]] = [
    (RawImageSerializer(), indexed),
    (RawImageSerializer(), lambda: touched("tiff_full")),
    (PngImageSerializer(), indexed),
    (PngImageSerializer(), lambda: noise("F", (5, 4))),
    (ImageFileSerializer(), lambda: opened("png_full")),
    (ImageFileSerializer(), lambda: touched("gif_animated")),
]
JUNK: list[Any] = [
    None, True, -1, 0, 7, 2**40, 1.5, "", "x", "RGB", [], [1], [[1, 2]], [-1, 5], [0, 0],
    {}, {"x": 1}, {"bytes": "!"}, {"bytes": "AAAA"}, {"nested": 0}, {"nested": 99}, {"tuple": 1},
    {"rational": [1]}, {"rational": ["a", "b"]}, {"text": [1, 2, 3]}, {"tagged": {"$type": "?"}},
    {"dict": [[{"list": []}, 1]]},
]  # fmt: skip


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    found = [path] if path else []
    for key, child in children:
        found += places(child, (*path, key))
    return found


@pytest.mark.parametrize("case", range(len(CASES)))
def test_any_damage_to_metadata_is_an_error_of_ours_or_harmless(case: int) -> None:
    serializer, make = CASES[case]
    source = dumped(serializer, make())
    chance = random.Random(5)
    for path in places(source.meta):
        for junk in chance.sample(JUNK, 6):
            damaged = copy.copy(source)
            damaged.meta = copy.deepcopy(source.meta)
            holder = damaged.meta
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = junk
            try:
                loaded = serializer.load(damaged)
            except (AqueductError, ValueError, TypeError, LookupError, ArithmeticError, OSError):
                continue  # the store makes errors of ours of these, naming the artifact
            assert isinstance(loaded, Image.Image)
            loaded.tobytes()


@pytest.mark.parametrize(
    "name", ["png_full", "jpeg_full", "gif_animated", "tiff_full", "webp", "ico"]
)
@given(st.data())
def test_flipped_and_lost_bits_of_files(name: str, data: st.DataObject) -> None:
    im = opened(name)
    im.load() if name != "webp" else None
    source = dumped(ImageFileSerializer(), im if name != "jpeg_full" else opened(name))
    found = bytearray(source.parts["data"])
    for _ in range(data.draw(st.integers(1, 4))):
        found[data.draw(st.integers(0, len(found) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    source.parts["data"] = bytes(found[: data.draw(st.integers(0, len(found)))])
    try:
        repr(ImageFileSerializer().load(source))
    except AqueductError:
        return


@pytest.mark.parametrize("mode", ["RGB", "P", "CMYK", "F"])
@given(st.data())
def test_flipped_and_lost_bits_of_pixels_in_files(mode: str, data: st.DataObject) -> None:
    source = dumped(PngImageSerializer(), noise(mode, (9, 8)))
    (part,) = source.parts
    found = bytearray(source.parts[part])
    found[data.draw(st.integers(0, len(found) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    source.parts[part] = bytes(found[: data.draw(st.integers(0, len(found)))])
    try:
        loaded = PngImageSerializer().load(source)
    except AqueductError:
        return
    assert (loaded.mode, loaded.size) == (mode, (9, 8))


@pytest.mark.parametrize("size", [[7, 4], [8, 3], [2**31 - 1, 2**31 - 1], [0, 3], [20_000, 20_000]])
def test_sizes_that_are_not_those_of_the_pixels_are_noticed(size: list[int]) -> None:
    for serializer in (RawImageSerializer(), PngImageSerializer()):
        source = dumped(serializer, noise("RGB", (7, 3)))
        source.meta["size"] = size
        if 0 in size and serializer.name == "image.raw":
            assert serializer.load(source).size == tuple(size)  # no pixels are read at all
            continue
        with pytest.raises(CorruptArtifactError, match=r"bytes of pixels|limit|instead of"):
            serializer.load(source)


def test_a_png_bomb_is_not_decoded() -> None:
    header = b"\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\x00\x00\x00"  # 65536 x 65536, RGB
    chunk = len(header).to_bytes(4, "big") + b"IHDR" + header
    chunk += zlib.crc32(chunk[4:]).to_bytes(4, "big")
    bomb = files()["png"][:8] + chunk + files()["png"][33:]
    for serializer in (PngImageSerializer(), ImageFileSerializer()):
        source = dumped(serializer, opened("png"))
        source.parts["data"] = bomb
        with pytest.raises(CorruptArtifactError, match="limit"):
            serializer.load(source)
        source.meta["size"] = [65536, 65536]
        with pytest.raises(CorruptArtifactError, match="MAX_IMAGE_PIXELS"):
            serializer.load(source)


def test_only_the_recorded_format_is_opened() -> None:
    source = dumped(ImageFileSerializer(), opened("png"))
    source.parts["data"] = files()["gif"]
    with pytest.raises(CorruptArtifactError, match="PNG file"):
        ImageFileSerializer().load(source)
    source = dumped(PngImageSerializer(), picture())
    source.parts["data"] = files()["jpeg"]
    with pytest.raises(CorruptArtifactError, match="PNG file"):
        PngImageSerializer().load(source)


@pytest.mark.parametrize("name", ["EPS", "NOTHING", "", "os.system", "png", 5, None])
def test_formats_that_are_not_to_be_opened(name: Any) -> None:
    source = dumped(ImageFileSerializer(), opened("png"))
    source.meta["format"] = name
    source.parts["data"] = encoded(picture(), "EPS")
    with pytest.raises(CorruptArtifactError):
        ImageFileSerializer().load(source)
    source = dumped(RawImageSerializer(), touched("png"))
    source.meta["class"] = name
    if name not in ("EPS", None):
        with pytest.raises(CorruptArtifactError, match="format"):
            RawImageSerializer().load(source)


@pytest.mark.parametrize("name", ["_im", "__class__", "load", "size", "fp", "tile", "__dict__", 3])
def test_attributes_that_would_change_what_an_image_does_are_refused(name: Any) -> None:
    source = dumped(RawImageSerializer(), touched("png"))
    source.meta["attributes"] = [[name, 1]]
    with pytest.raises(CorruptArtifactError, match="attribute"):
        RawImageSerializer().load(source)


def test_pixels_of_the_other_byte_order_are_turned() -> None:
    other = "big" if sys.byteorder == "little" else "little"
    for mode in ("I", "F", "I;16N", "I;16", "RGB"):
        im = noise(mode, (5, 3))
        source = dumped(RawImageSerializer(), im)
        source.meta["byteorder"] = other
        loaded = RawImageSerializer().load(source)
        width = {"I": 4, "F": 4, "I;16N": 2}.get(mode, 1)
        data = im.tobytes()
        turned = b"".join(data[i : i + width][::-1] for i in range(0, len(data), width))
        assert loaded.tobytes() == turned
