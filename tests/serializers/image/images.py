"""Images for tests: every mode, and real files of many formats made on the spot."""

from __future__ import annotations

import random
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo, iTXt

from aqueduct_core.serializers.image._pixels import BITS, raw_size
from aqueduct_core.store import ArtifactStore

ICC = bytes(range(256)) * 40


def noise(mode: str, size: tuple[int, int], seed: int = 1) -> Image.Image:
    """Random pixels; all bit patterns of floats are among them."""
    im = Image.new(mode, size)
    im.frombytes(random.Random(seed).randbytes(raw_size(mode, size)))
    return im


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30), seed: int = 0) -> Image.Image:
    im = Image.linear_gradient("L").resize(size).convert("RGB")
    ImageDraw.Draw(im).ellipse((seed, 5, seed + 15, 20), fill=(200, seed * 20 % 256, 30))
    return im if mode == "RGB" else im.convert(mode)


def exif_bytes() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "a description"
    exif[0x0112] = 6  # orientation
    exif[0x011A] = 72.5  # a rational
    exif.get_ifd(0x8769)[0x9003] = "2024:02:29 12:00:00"
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def encoded(im: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    im.save(file, kind, **options)
    return file.getvalue()


def animated(kind: str, **options: Any) -> bytes:
    frames = [picture(seed=seed) for seed in range(4)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)


def _png_text() -> PngInfo:
    texts = PngInfo()
    texts.add_text("Title", "a title")
    texts.add_itxt("Comment", "größer", "de", "Kommentar", zip=True)
    texts.add(b"prVt", b"private")
    texts.add_text("After", "the pixels", zip=False)
    return texts


def optional(name: str, im: Image.Image, kind: str, **options: Any) -> dict[str, bytes]:
    """A file of a format that not every Pillow writes."""
    return {name: encoded(im, kind, **options)} if kind in Image.SAVE else {}


@cache
def files() -> dict[str, bytes]:
    """Whole image files by name."""
    Image.init()
    rgb, paletted = picture(), picture().quantize(20)
    alpha = picture("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    exif = exif_bytes()
    return {
        "jpeg": encoded(rgb, "JPEG", quality=80),
        "jpeg_full": encoded(
            rgb, "JPEG", exif=exif, icc_profile=ICC, dpi=(300, 301), comment="hello", xmp=b"<x/>"
        ),
        "jpeg_progressive": encoded(rgb, "JPEG", progressive=True),
        "jpeg_gray": encoded(picture("L"), "JPEG"),
        "jpeg_cmyk": encoded(picture("CMYK"), "JPEG"),
        "mpo": encoded(rgb, "MPO", save_all=True, append_images=[picture(seed=3)]),
        "png": encoded(rgb, "PNG"),
        "png_full": encoded(
            alpha, "PNG", exif=exif, icc_profile=ICC, dpi=(72, 72), pnginfo=_png_text()
        ),
        "png_palette": encoded(paletted, "PNG", transparency=3),
        "png_palette_alphas": encoded(paletted, "PNG", transparency=bytes([0, 128, 255])),
        "png_gray_key": encoded(picture("L"), "PNG", transparency=17),
        "png_16": encoded(noise("I;16", (9, 9)), "PNG"),
        "png_1": encoded(picture("1"), "PNG"),
        "png_animated": animated("PNG", duration=[100, 200, 300, 400], loop=2),
        "gif": encoded(paletted, "GIF", comment=b"one frame"),
        "gif_animated": animated("GIF", duration=[40, 80, 120, 160], loop=0),
        "gif_transparent": animated("GIF", transparency=0, disposal=2, duration=50),
        "webp": encoded(rgb, "WEBP", quality=50, exif=exif, icc_profile=ICC),
        "webp_lossless": encoded(alpha, "WEBP", lossless=True),
        "webp_animated": animated("WEBP", duration=[10, 20, 30, 40], loop=3, lossless=True),
        "tiff": encoded(rgb, "TIFF", compression="tiff_lzw", dpi=(300, 150)),
        "tiff_full": encoded(rgb, "TIFF", exif=exif, icc_profile=ICC, software="us"),
        "tiff_pages": animated("TIFF", compression="tiff_adobe_deflate"),
        "tiff_float": encoded(noise("F", (9, 9)), "TIFF"),
        "tiff_cmyk": encoded(picture("CMYK"), "TIFF"),
        "tiff_16_big": encoded(noise("I;16B", (9, 9)), "TIFF"),
        "bmp": encoded(rgb, "BMP"),
        "bmp_palette": encoded(paletted, "BMP"),
        "ico": encoded(alpha.resize((64, 64)), "ICO", sizes=[(16, 16), (32, 32)]),
        "icns": encoded(alpha.resize((64, 64)), "ICNS"),
        "ppm": encoded(rgb, "PPM"),
        "pgm_16": encoded(noise("I", (9, 9)).point(lambda v: v * 0 + 7), "PPM"),
        "tga": encoded(alpha, "TGA"),
        "pcx": encoded(rgb, "PCX"),
        "sgi": encoded(rgb, "SGI"),
        "dds": encoded(alpha, "DDS"),
        "jp2": encoded(rgb, "JPEG2000"),
        **optional("avif", rgb, "AVIF", quality=50),
        "xbm": encoded(picture("1"), "XBM"),
        "spider": encoded(noise("L", (6, 6)).convert("F"), "SPIDER"),
        **optional("qoi", alpha, "QOI"),
    }


def opened(name: str) -> Any:
    return Image.open(BytesIO(files()[name]))


def infos() -> dict[str, dict[Any, Any]]:
    """Contents of `Image.info`, each odd in another way."""
    from PIL.TiffImagePlugin import IFDRational

    return {
        "empty": {},
        "usual": {"dpi": (72.0, 300.5), "icc_profile": ICC, "gamma": 0.45455, "interlace": 1},
        "exif": {"exif": exif_bytes()},
        "transparency_int": {"transparency": 3},
        "transparency_bytes": {"transparency": b"\x00\x80"},
        "transparency_tuple": {"transparency": (1, 2, 3)},
        "text": {"Comment": iTXt("größer", "de", "Kommentar"), "Title": "lone \ud800 surrogate"},
        "rationals": {"dpi": (IFDRational(300, 1), IFDRational(7, 3), IFDRational(1, 0))},
        "numbers": {"a": float("nan"), "b": float("-inf"), "c": -0.0, "d": 2**80, "e": True},
        "keys": {(1, 2): "tuple", 3: "int", b"x": "bytes", None: "none"},
        "nested": {"photoshop": {1005: {"x": (1, [2, {"y": b"z"}])}}, "sizes": {(16, 16), (8, 8)}},
        "order": {"z": 1, "a": 2, "m": 3},
    }


def store(policy: str) -> ArtifactStore:
    return ArtifactStore("memory://", policy=policy)  # type: ignore[arg-type]


def modes() -> list[str]:
    return list(BITS)
