"""Pixels: out of an image as they lie in it, and back; as PNG or TIFF, and back."""

from __future__ import annotations

import sys
import warnings
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import RLock
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import CorruptArtifactError, UnserializableError

if TYPE_CHECKING:
    from PIL._imaging import ImagingCore
    from PIL.Image import Image

__all__ = [
    "BITS",
    "container_of",
    "decode",
    "encode",
    "limit",
    "pixels",
    "quietly",
    "raw_size",
    "read_size",
    "strips",
    "unpack",
]

BITS = {
    "1": 1,
    "L": 8,
    "P": 8,
    "LA": 16,
    "La": 16,
    "PA": 16,
    "I;16": 16,
    "I;16L": 16,
    "I;16B": 16,
    "I;16N": 16,
    "RGB": 24,
    "YCbCr": 24,
    "LAB": 24,
    "HSV": 24,
    "RGBA": 32,
    "RGBa": 32,
    "RGBX": 32,
    "CMYK": 32,
    "I": 32,
    "F": 32,
}
"""The modes, and how many bits a pixel takes when it is packed."""

_NATIVE = {"I": "I", "F": "I", "I;16N": "H"}  # modes that lie in the byte order of the machine
_STRIP = 1 << 20  # bytes; Pillow packs strips of this size four times as fast as a whole image
_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
# TIFF modes, with the predictor that suits them: none, differences, or differences of floats.
_TIFF = {"CMYK": 2, "LAB": 2, "I": 2, "F": 3, "PA": 1}
_SAMPLE = 1 << 16
_PREDICTOR = 317  # the TIFF tag
_quiet = RLock()


@contextmanager
def quietly() -> Iterator[None]:
    """Keep Pillow's warnings to itself: what it warns of was already so when the image was saved.

    `catch_warnings` is not thread-safe before Python 3.14, so only one thread is in here at a time.
    """
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def limit(size: tuple[int, int], error: type[CorruptArtifactError | UnserializableError]) -> None:
    """Refuse what Pillow refuses to open: more than twice `PIL.Image.MAX_IMAGE_PIXELS` pixels."""
    from PIL import Image

    pixels = size[0] * size[1]
    if Image.MAX_IMAGE_PIXELS is not None and pixels > 2 * Image.MAX_IMAGE_PIXELS:
        raise error(
            f"an image of {size[0]} x {size[1]} = {pixels} pixels is over the limit of "
            f"{2 * Image.MAX_IMAGE_PIXELS} pixels (twice PIL.Image.MAX_IMAGE_PIXELS)",
            hint="if the image is what it should be and not a decompression bomb, raise "
            "PIL.Image.MAX_IMAGE_PIXELS, here and where it is loaded",
        )


def read_size(meta: Any) -> tuple[str, tuple[int, int]]:
    """Mode and size from metadata, checked."""
    mode, size = meta.get("mode"), meta.get("size")
    if mode not in BITS:
        raise CorruptArtifactError(f"there is no image mode {mode!r:.80}")
    sound = isinstance(size, list | tuple) and len(size) == 2
    if not sound or not all(type(n) is int and 0 <= n < 2**31 for n in size):
        raise CorruptArtifactError(f"{size!r:.80} is no image size")
    limit((size[0], size[1]), CorruptArtifactError)
    return mode, (size[0], size[1])


def raw_size(mode: str, size: tuple[int, int]) -> int:
    """How many bytes the packed pixels take."""
    return (size[0] * BITS[mode] + 7) // 8 * size[1]


def strips(im: Image) -> Iterator[bytes]:
    """The packed pixels, some rows at a time; together they are `im.tobytes()`."""
    from PIL import Image, ImageFile

    im.load()
    width, height = im.size
    row = (width * BITS[im.mode] + 7) // 8
    if not row or not height:
        return
    rows = max(1, _STRIP // row)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        room = max(row * (bottom - top), ImageFile.MAXBLOCK, width * 4)
        encoder = Image._getencoder(im.mode, "raw", (im.mode,))
        try:
            encoder.setimage(im.im, (0, top, width, bottom))
            _, status, data = encoder.encode(room)
        finally:
            encoder.cleanup()
        if status != 1 or len(data) != row * (bottom - top):
            raise RuntimeError(f"Pillow packed {len(data)} bytes with status {status}")
        yield data


def unpack(mode: str, size: tuple[int, int], view: memoryview, byteorder: str) -> ImagingCore:
    """Packed pixels as a new core image, writable and sharing nothing."""
    from PIL import Image, _imaging

    expected = raw_size(mode, size)
    if view.nbytes != expected:
        raise CorruptArtifactError(
            f"an image of mode {mode} and size {size[0]} x {size[1]} has {expected} bytes of pixels; "
            f"there are {view.nbytes}",
            part="data",
        )
    data: Any = view
    if byteorder != sys.byteorder and mode in _NATIVE:
        swapped = array(_NATIVE[mode], view.tobytes())
        swapped.byteswap()
        data = swapped.tobytes()
    im = Image.Image()
    im.im = _imaging.new(mode, size)
    im._mode, im._size = mode, size
    im.frombytes(data, "raw", mode)
    return im.im


def container_of(im: Image) -> str | None:
    """The file format that holds the pixels of this image exactly: `PNG`, `TIFF` or None."""
    if 0 in im.size:
        return None
    if im.mode in _PNG:
        return "PNG"
    return "TIFF" if im.mode in _TIFF else None


def encode(im: Image, container: str) -> bytes:
    """The pixels, and nothing else of a loaded image, as a PNG or TIFF file."""
    if container == "TIFF":
        return _encoded(
            im, "TIFF", compression="tiff_adobe_deflate", tiffinfo={_PREDICTOR: _TIFF[im.mode]}
        )
    return _encoded(im, "PNG", bits=8, **_png_settings(im))


def decode(view: memoryview, container: Any, mode: str, size: tuple[int, int]) -> ImagingCore:
    """The core image in a file that `encode` made."""
    from PIL import Image
    from PIL._util import DeferredError

    if container not in ("PNG", "TIFF"):
        raise CorruptArtifactError(f"images are not stored as {container!r:.80}")
    try:
        with quietly():
            im = Image.open(BytesIO(view), formats=[container])
        if (im.mode, im.size) == (mode, size):
            im.load()
    except Exception as error:  # whatever Pillow's decoders raise on bytes that they don't know
        raise CorruptArtifactError(
            f"the stored {container} file can't be read: {type(error).__name__}: {error}",
        ) from error
    core = im._im
    if core is None or isinstance(core, DeferredError) or (core.mode, core.size) != (mode, size):
        raise CorruptArtifactError(
            f"the stored {container} file holds {im.size[0]} x {im.size[1]} pixels of mode {im.mode} "
            f"instead of {size[0]} x {size[1]} of mode {mode}",
        )
    return core


def pixels(core: ImagingCore) -> Image:
    """A plain image around a core: no palette of Python's, no info."""
    from PIL import Image

    im = Image.Image()
    im.im = core
    im._mode, im._size = core.mode, core.size
    return im


def _encoded(im: Image, container: str, **settings: Any) -> bytes:
    shell = pixels(im.im)
    if shell.mode in ("P", "PA"):
        shell = _with_full_palette(shell)
    file = BytesIO()
    shell.save(file, container, **settings)
    return file.getvalue()


def _with_full_palette(shell: Image) -> Image:
    """A copy with 256 colors for other programs: with fewer, PNG has no room for all indices."""
    from PIL.ImagePalette import ImagePalette

    mode = shell.im.getpalettemode()
    colors = bytes(shell.im.getpalette("RGB", "RGB")) if mode.startswith("RGB") else b""
    colors = colors.ljust(768, b"\0")
    copied = pixels(shell.im.copy())
    copied.palette = ImagePalette("RGB", colors)
    copied.im.putpalette("RGB", "RGB", colors)
    return copied


def _png_settings(im: Image) -> dict[str, Any]:
    """What suits the image, as a sample from its middle tells.

    Run lengths pack photos as well as deflate's matching at its default level does, and three times
    faster; drawings and text need the matching.
    """
    from PIL import Image

    choices: list[dict[str, Any]] = [
        {"compress_level": 1, "compress_type": Image.RLE},
        {"compress_level": 6, "compress_type": Image.DEFAULT_STRATEGY},
    ]
    width, height = im.size
    rows = min(height, max(1, _SAMPLE * 8 // (width * BITS[im.mode])))
    top = (height - rows) // 2
    sample = pixels(im.im.crop((0, top, width, top + rows)))
    sizes = [len(_encoded(sample, "PNG", bits=8, **choice)) for choice in choices]
    return choices[sizes[1] < sizes[0]]
