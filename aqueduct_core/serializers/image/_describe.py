"""What is in an image, for people: numbers, a little EXIF, and a thumbnail."""

from __future__ import annotations

import math
import struct
from array import array
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.image._origin import UNREADABLE, frames, is_loaded, reopen, sources
from aqueduct_core.serializers.image._pixels import pixels, quietly

if TYPE_CHECKING:
    from PIL.Image import Image

    from aqueduct_core.abc import JSON, Budget

__all__ = ["describe"]

_EDGE = 128  # the longest edge of a thumbnail
_SMALLEST = 12
_SAMPLED = 256  # longest edge of what thumbnail and statistics are made of
_SPEED = 100_000_000  # pixels a second that are decoded
_DRAFTED = 200_000_000  # the same of a JPEG at an eighth of its size
_WORTH = 4  # a picture is worth so many times the budget's seconds
_TAGS = 24
_NUMBERS = {"I": "i", "F": "f", "I;16": "H", "I;16L": "H", "I;16B": "H", "I;16N": "H"}


def describe(im: Image, budget: Budget) -> dict[str, JSON]:
    """Describe an image without changing it."""
    from PIL.ImageFile import ImageFile

    found: dict[str, JSON] = {
        "width": im.width,
        "height": im.height,
        "mode": im.mode,
        "format": im.format,
        "frames": frames(im) if isinstance(im, ImageFile) else 1,
    }
    exif = _exif(im)
    if exif:
        found["exif"] = exif
    sample = _sample(im, budget) if 0 not in im.size else None
    if sample is not None:
        found["statistics"] = _statistics(sample)
        if sample.size != im.size:
            found["sampled"] = sample.width * sample.height
        thumbnail = _thumbnail(_viewable(sample), budget.size)
        if thumbnail is not None:
            found["preview"] = {"png": thumbnail}
    return found


def _sample(im: Image, budget: Budget) -> Image | None:
    """The pixels of the current frame, at most `_SAMPLED` wide and high."""
    from PIL import Image

    source = _shell(im) if is_loaded(im) else _decoded(im, budget)
    if source is None:
        return None
    scale = max(source.size) / (_EDGE if source.mode in _NUMBERS else _SAMPLED)
    if scale > 1:
        size = (max(1, int(source.width / scale)), max(1, int(source.height / scale)))
        return source.resize(size, Image.Resampling.NEAREST)
    return source.copy()  # converting writes transparency into the palette of what is converted


def _shell(im: Image) -> Image:
    """A loaded image's pixels, so that nothing that is done can reach the image itself."""
    shell = pixels(im.im)
    shell.palette = im.palette.copy() if im.palette else None
    if "transparency" in im.info:
        shell.info["transparency"] = im.info["transparency"]
    return shell


def _decoded(im: Image, budget: Budget) -> Image | None:
    """The current frame of a file image that isn't decoded yet, if that is quickly done."""
    from PIL.ImageFile import ImageFile

    name = vars(type(im)).get("format")
    if not isinstance(im, ImageFile) or not isinstance(name, str):
        return None
    for data in sources(im):
        with quietly():
            try:
                fresh = reopen(data, name)
                if im.tell():
                    fresh.seek(im.tell())
                speed = _DRAFTED if fresh.draft(None, (_EDGE, _EDGE)) else _SPEED
                if im.width * im.height > _WORTH * budget.seconds * speed:
                    return None
                fresh.load()
            except (*UNREADABLE, CorruptArtifactError):
                continue  # not the bytes of this image
            return _shell(fresh)
    return None


def _exif(im: Image) -> dict[str, JSON]:
    """The first tags, by name; taken from `info`, so that the image's own EXIF stays unread."""
    from PIL import ExifTags, Image

    probe = Image.Image()
    probe.info = {name: im.info[name] for name in ("exif", "xmp") if name in im.info}
    found: dict[str, JSON] = {}
    with quietly():
        try:
            exif = im._exif if im._exif is not None and im._exif._loaded else probe.getexif()
            for tag in sorted(exif)[:_TAGS]:
                value = exif[tag]
                if isinstance(value, str | int | float):
                    found[ExifTags.TAGS.get(tag, str(tag))] = _short(value)
        except (*UNREADABLE, struct.error):
            return found  # damaged: what could be read is shown
    return found


def _short(value: str | float) -> JSON:
    if isinstance(value, str):
        return value[:64].encode(errors="replace").decode()
    return value if math.isfinite(value) and abs(value) < 2**53 else str(value)


def _statistics(sample: Image) -> dict[str, JSON]:
    from PIL import ImageStat

    if sample.mode in _NUMBERS:
        values = _numbers(sample)
        return {sample.mode: _summary(values)} if values else {}
    if sample.mode == "1":
        sample = sample.convert("L")
    numbers = ImageStat.Stat(sample)
    return {
        band: {"min": low, "max": high, "mean": round(mean, 3)}
        for band, (low, high), mean in zip(
            sample.getbands(), numbers.extrema, numbers.mean, strict=True
        )
    }


def _numbers(sample: Image) -> list[float]:
    found = array(_NUMBERS[sample.mode], sample.tobytes())
    if sample.mode == "I;16B":
        found.byteswap()
    return [value for value in found if math.isfinite(value)]


def _summary(values: list[float]) -> dict[str, JSON]:
    return {
        "min": min(values),
        "max": max(values),
        "mean": round(math.fsum(values) / len(values), 6),
    }


def _viewable(sample: Image) -> Image:
    """The sample as PNG and every browser know it: L, LA, RGB or RGBA."""
    from PIL import Image

    mode = sample.mode
    if mode in _NUMBERS:
        return _scaled(sample)
    if mode == "LAB":
        return sample.getchannel("L")  # colors would need a color management system
    if mode in ("P", "PA"):
        return sample.convert("RGBA")
    if mode in ("La", "RGBa"):
        return sample.convert({"La": "LA", "RGBa": "RGBA"}[mode])
    if mode in ("1", "L", "LA", "RGB", "RGBA"):
        return sample.convert("L") if mode == "1" else sample
    if mode == "RGBX":
        return Image.merge("RGB", sample.split()[:3])
    return sample.convert("RGB")


def _scaled(sample: Image) -> Image:
    """Numbers as gray levels between their least and greatest."""
    from PIL import Image

    found = array(_NUMBERS[sample.mode], sample.tobytes())
    if sample.mode == "I;16B":
        found.byteswap()
    finite = [value for value in found if math.isfinite(value)] or [0]
    low, span = min(finite), max(finite) - min(finite)
    step = 255 / span if span and math.isfinite(span) else 0.0
    levels = bytes(int((v - low) * step) if math.isfinite(v) else 0 for v in found)
    return Image.frombytes("L", sample.size, levels)


def _thumbnail(sample: Image, room: int) -> str | None:
    """A PNG in base64 that leaves a quarter of the room for everything else, or None."""
    from PIL import Image

    most = int(room * 0.75 * 0.75)
    edge = min(_EDGE, int(math.sqrt(2 * most / len(sample.getbands()))))  # PNG halves most pictures
    while edge >= _SMALLEST:
        small = sample.copy()
        small.thumbnail((edge, edge), Image.Resampling.BOX)
        file = BytesIO()
        small.save(file, "PNG", compress_level=1, compress_type=Image.RLE)
        if file.tell() <= most:
            return b64encode(file.getvalue()).decode()
        edge = int(edge * min(0.9, math.sqrt(most / file.tell())))
    return None
