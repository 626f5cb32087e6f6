"""Strict comparison of images: everything that can be seen of one, not only what Pillow's == looks at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from aqueduct_core.serializers.image._exif import read_exif, read_tags
from aqueduct_core.serializers.image._pixels import quietly, strips

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["image_differences"]

# How an image is read and written, and from where; compared otherwise; or cached.
_INNER = {
    "decoderconfig",
    "decodermaxblock",
    "encoderconfig",
    "filename",
    "info",
    "is_animated",
    "map",
    "readonly",
    "tile",
}


def image_differences(expected: Image, actual: Any, at: str = "") -> list[str]:
    """What is different, one sentence each; empty if nothing is.

    Compared are class, mode, size, pixels, palettes, info, EXIF, TIFF tags, format, public attributes
    that are plain data and, of animations, all frames. Both images get loaded and end at their frame.

    Args:
        expected: The image as it was.
        actual: What became of it.
        at: Where they are in a whole, for the sentences.
    """
    return list(_differences(expected, actual, at))


def _differences(expected: Image, actual: Any, at: str) -> Iterator[str]:
    if type(actual) is not type(expected):
        yield f"{at}: {type(actual).__qualname__} instead of {type(expected).__qualname__}"
        return
    yield from _values(f"{at}.tell()", _place(expected), _place(actual))
    count = getattr(expected, "n_frames", 1)
    yield from _values(f"{at}.n_frames", count, getattr(actual, "n_frames", 1))
    yield from _frame(expected, actual, at)
    yield from _values(f"{at}.format", expected.format, actual.format)
    yield from _values(f"{at}.readonly", expected.readonly, actual.readonly)
    yield from _attributes(expected, actual, at)
    if count > 1 and getattr(actual, "n_frames", 1) == count:
        yield from _frames(expected, actual, count, at)


def _place(im: Image) -> int | None:
    try:
        return im.tell()
    except AttributeError:
        return None  # of a PNG file that was pickled


def _frames(expected: Image, actual: Image, count: int, at: str) -> Iterator[str]:
    places = expected.tell(), actual.tell()
    # Pillow rewinds an APNG rightly only from its last frame, once that is decoded.
    for frame in (count - 1, *range(count)):
        expected.seek(frame)
        actual.seek(frame)
        yield from _frame(expected, actual, f"{at}.seek({frame})")
    for image, place in ((expected, places[0]), (actual, places[1])):
        image.seek(0)
        image.load()
        image.seek(place)


def _frame(expected: Image, actual: Image, at: str) -> Iterator[str]:
    with quietly():
        expected.load()
        actual.load()
    before = [f"{at}.mode", f"{at}.size"]
    yield from _values(before[0], expected.mode, actual.mode)
    yield from _values(before[1], expected.size, actual.size)
    yield from _values(f"{at}.info", expected.info, actual.info)
    yield from _values(f"{at}.palette", _palette(expected), _palette(actual))
    if (expected.mode, expected.size) == (actual.mode, actual.size):
        pairs = zip_longest(strips(expected), strips(actual))
        if not all(one == other for one, other in pairs):
            yield f"{at}: other pixels"
    with quietly():
        yield from _values(f"{at}.getexif()", _exif(expected), _exif(actual))
        directories = [vars(image).get("tag_v2") for image in (expected, actual)]
        tags = [None if directory is None else read_tags(directory) for directory in directories]
        yield from _values(f"{at}.tag_v2", *tags)


def _attributes(expected: Image, actual: Image, at: str) -> Iterator[str]:
    for name, value in vars(expected).items():
        plain = isinstance(value, str | bytes | int | float | tuple | list | dict)
        if name.startswith("_") or name in _INNER or not plain:
            continue
        if name == "encoderinfo" and not value:
            continue  # left behind by saving
        yield from _values(f"{at}.{name}", value, vars(actual).get(name, f"no {name}"))


def _palette(im: Image) -> Any:
    palette = im.palette
    own = palette and (palette.mode, palette.rawmode, palette.palette, palette.dirty)
    try:
        mode = im.im.getpalettemode()
    except ValueError:
        return own, None
    return own, mode, bytes(im.im.getpalette(mode, mode))


def _exif(im: Image) -> Any:
    try:
        exif = im.getexif()
    except (ValueError, AssertionError, OSError, SyntaxError) as error:
        return repr(error)  # of a TIFF file that was closed, for one
    tags, directories = read_exif(exif)
    return exif.endian, bool(exif.bigtiff), sorted(tags.items()), directories


def _values(at: str, expected: Any, actual: Any) -> Iterator[str]:
    """Compare types and values, inside containers too."""
    if type(expected) is not type(actual):
        yield f"{at}: {actual!r:.200} instead of {expected!r:.200}"
    elif isinstance(expected, dict):
        if list(expected) != list(actual):
            yield f"{at}: keys {list(actual)!r:.200} instead of {list(expected)!r:.200}"
            return
        for key in expected:
            yield from _values(f"{at}[{key!r}]", expected[key], actual[key])
    elif isinstance(expected, tuple | list):
        if len(expected) != len(actual):
            yield f"{at}: {len(actual)} members instead of {len(expected)}"
            return
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from _values(f"{at}[{index}]", one, other)
    elif isinstance(expected, str):
        extra = [getattr(value, "__dict__", None) for value in (expected, actual)]
        if expected != actual or extra[0] != extra[1]:
            yield f"{at}: {actual!r:.200} instead of {expected!r:.200}"
    elif not _equal(expected, actual):
        yield f"{at}: {actual!r:.200} instead of {expected!r:.200}"


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, float):
        both_nan = math.isnan(expected) and math.isnan(actual)
        signs = math.copysign(1, expected) == math.copysign(1, actual)
        return both_nan or (expected == actual and signs)
    if hasattr(expected, "denominator") and not isinstance(expected, int):
        parts = [(value.numerator, value.denominator) for value in (expected, actual)]
        return repr(parts[0]) == repr(parts[1])
    return bool(expected == actual)
