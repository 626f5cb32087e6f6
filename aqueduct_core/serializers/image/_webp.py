"""An animated WebP whose file is out of reach, as a new file with the same frames.

The decoder of such an image keeps the file to itself. It still gives all frames, though, and WebP can
hold them losslessly.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

__all__ = ["rebuilt"]

_CHUNKS = {"icc_profile": "ICCP", "exif": "EXIF", "xmp": "XMP "}


def rebuilt(im: ImageFile) -> bytes | None:
    """The bytes of a file with the very same frames and metadata, or None if that can't be made.

    The image, and what it shows, stay as they are.
    """
    decoder = vars(im).get("_decoder")
    if type(im).__name__ != "WebPImageFile" or decoder is None:
        return None
    from PIL import _webp

    count = _info(decoder)[3]
    if count < 2:
        return None
    frames = _frames(decoder)
    _replay(decoder, vars(im).get("_WebPImageFile__physical_frame", 0))
    if len(frames) < count:
        return None
    data = _encoded(decoder, frames)
    again = _webp.WebPAnimDecoder(data)
    alike = again.get_info() == decoder.get_info() and _frames(again) == frames
    return data if alike else None


def _info(decoder: Any) -> tuple[tuple[int, int], int, int, int, str]:
    """Size, loop, background, number of frames, mode."""
    *size, loop, color, count, mode = decoder.get_info()
    flat = size if len(size) == 2 else size[0]  # width and height by themselves before Pillow 12
    return (flat[0], flat[1]), loop, color, count, mode


def _frames(decoder: Any) -> list[tuple[bytes, int]]:
    """The pixels of each frame, and the milliseconds until it ends."""
    count = _info(decoder)[3]
    decoder.reset()
    found = [decoder.get_next() for _ in range(count)]
    decoder.reset()
    return [frame for frame in found if frame is not None]


def _replay(decoder: Any, count: int) -> None:
    for _ in range(count):
        decoder.get_next()


def _encoded(decoder: Any, frames: list[tuple[bytes, int]]) -> bytes:
    from PIL import Image

    size, loop, color, _, mode = _info(decoder)
    pictures = [
        Image.frombytes("RGBA" if mode == "RGBA" else "RGBX", size, data) for data, _ in frames
    ]
    if mode != "RGBA":
        pictures = [Image.merge("RGB", picture.split()[:3]) for picture in pictures]
    ends = [end for _, end in frames]
    durations = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    chunks = {name: decoder.get_chunk(chunk) for name, chunk in _CHUNKS.items()}
    file = BytesIO()
    pictures[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=loop,
        background=tuple(color >> shift & 0xFF for shift in (16, 8, 0, 24)),
        lossless=True,
        exact=True,
        quality=50,
        method=3,
        **{name: chunk for name, chunk in chunks.items() if chunk},
    )
    return file.getvalue()
