"""Everything an image is besides its pixels: to plain JSON and back.

Of images that came from a file and were changed since, the class, the info, and those attributes of
the file are kept that are plain data (quantization tables, text chunks, TIFF tags, ...). What only the
decoder of the file needs, such as the open file itself, is left behind: an image whose pixels were
changed can't be read again from there.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.image._exif import (
    dump_directory,
    dump_exif,
    load_directory,
    load_exif,
    read_tags,
)
from aqueduct_core.serializers.image._values import Packer, Unpacker, is_plain, same

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

__all__ = [
    "MACHINERY",
    "blank",
    "class_of",
    "dump_attributes",
    "dump_palette",
    "dump_state",
    "info_of",
    "known",
    "load_attributes",
    "load_state",
    "same_tags",
]

# What Pillow's machinery keeps in an instance: told otherwise, or of no use without the open file.
MACHINERY = {
    "_im",
    "_mode",
    "_size",
    "palette",
    "info",
    "_readonly",
    "readonly",  # no property before Pillow 12
    "_exif",
    "tile",
    "decoderconfig",
    "decodermaxblock",
    "fp",
    "_fp",
    "filename",
    "_exclusive_fp",
    "map",
    "encoderconfig",
    "_default_encoderinfo",
}
_PALETTE_MODES = {"RGB": 3, "RGBA": 4, "CMYK": 4}
_INDEXED = ("P", "PA")


def known(obj: Any) -> bool:
    """Whether this is a plain image, or one of a file format of Pillow's own."""
    from PIL import Image, ImageFile

    cls = type(obj)
    if cls is Image.Image:
        return True
    return issubclass(cls, ImageFile.ImageFile) and class_of(vars(cls).get("format")) is cls


def class_of(name: Any) -> type[ImageFile] | None:
    """The class for images of a file format: only what Pillow itself has registered is found."""
    from PIL import Image, ImageFile

    Image.preinit()
    base: Any = ImageFile.ImageFile
    found = _find(base, name)
    if found is None:
        Image.init()
        found = _find(base, name)
    return found


def dump_state(im: Image, packer: Packer) -> dict[str, Any]:
    """All but the pixels of a loaded image.

    Raises:
        UnserializableError: Something in it can't be kept exactly.
    """
    cls = type(im)
    state: dict[str, Any] = {"mode": im.mode, "size": list(im.size)}
    state["info"] = packer.pairs(info_of(im), ".info")
    palette = dump_palette(im, packer)
    if palette is not None:
        state["palette"] = palette
    exif = dump_exif(im, packer)
    if exif is not None and not same(exif, _untouched_exif(im, packer)):
        state["exif"] = exif
    if im.readonly:
        state["readonly"] = True
    attributes = dump_attributes(im, packer)
    if attributes:
        state["attributes"] = attributes
    if "format" in vars(cls) and cls.format is not None:
        state["class"] = cls.format
        state["filename"] = packer.pack(getattr(im, "filename", ""), ".filename")
        directory = vars(im).get("tag_v2")
        if directory is not None:
            state["tags"] = dump_directory(directory, packer)
    return state


def load_state(meta: Any, im: Image, unpacker: Unpacker) -> None:
    """Give an image that has its pixels everything else that `dump_state` wrote down."""
    im.info = unpacker.pairs(meta.get("info"))
    if meta.get("palette") is not None:
        _load_palette(meta["palette"], im, unpacker)
    if meta.get("exif") is not None:
        im._exif = load_exif(meta["exif"], unpacker)
    if "class" in meta:
        im.filename = _filename(unpacker.unpack(meta.get("filename")))  # type: ignore[attr-defined]  # of ImageFile
    if meta.get("tags") is not None:
        _load_tags(meta["tags"], im, unpacker)
    load_attributes(meta.get("attributes", []), im, unpacker)
    if vars(im).get("_n_frames", 1) is None:
        vars(im)["_n_frames"] = 1  # counted on demand, from the file that is gone
    if meta.get("readonly") is True:
        im.readonly = 1


def blank(meta: Any) -> Image:
    """An image of the stored class, with neither pixels nor anything else."""
    from PIL import Image, ImageFile

    if meta.get("class") is None:
        return Image.Image()
    cls = class_of(meta["class"])
    if cls is None:
        raise CorruptArtifactError(
            f"the image is of the file format {meta['class']!r:.80}, which the installed Pillow "
            "doesn't have",
            hint="upgrade Pillow",
        )
    im = cls.__new__(cls)
    Image.Image.__init__(im)
    im._min_frame = 0
    im.custom_mimetype = None
    im.tile = []
    im.decoderconfig = ()
    im.decodermaxblock = ImageFile.MAXBLOCK
    im.fp = None
    im.filename = ""
    im._exclusive_fp = False
    return im


def info_of(im: Image) -> dict[Any, Any]:
    if type(im.info) is not dict:
        raise UnserializableError(
            f"an image's info must be a dict; this one is a {type(im.info).__qualname__}",
            path=".info",
            hint="image.info = dict(image.info)",
        )
    return im.info


def dump_palette(im: Image, packer: Packer) -> Any:
    """The palette as Python has it and as the pixels' core has it; they can differ."""
    from PIL.ImagePalette import ImagePalette

    node: dict[str, Any] = {}
    palette = im.palette
    if palette is not None:
        if type(palette) is not ImagePalette:
            raise UnserializableError(
                f"the palette is a {type(palette).__qualname__}, not an ImagePalette",
                path=".palette",
                hint="image.putpalette(...) makes a plain one",
            )
        node["colors"] = packer.pack(palette.palette, ".palette")
        node["mode"] = palette.mode
        node["rawmode"] = palette.rawmode
        node["dirty"] = palette.dirty
    if im._im is not None and im.im.mode in _INDEXED:
        mode = im.im.getpalettemode()
        node["core"] = [mode, packer.blob(bytes(im.im.getpalette(mode, mode)), ".palette")]
    return node or None


def _load_palette(node: Any, im: Image, unpacker: Unpacker) -> None:
    from PIL.ImagePalette import ImagePalette

    if not isinstance(node, dict):
        raise CorruptArtifactError("the image's palette is not in the form it is written in")
    if "mode" in node:
        rawmode, dirty = node.get("rawmode"), node.get("dirty")
        if not isinstance(rawmode, str | None) or not isinstance(dirty, int | None):
            raise CorruptArtifactError("the image's palette is not in the form it is written in")
        palette = ImagePalette(node["mode"])
        palette.palette = unpacker.unpack(node.get("colors"))
        palette.rawmode = rawmode
        palette.dirty = dirty
        im.palette = palette
    if im.mode in _INDEXED:
        mode, colors = node.get("core", (None, None))
        colors = unpacker.unpack(colors)
        if mode not in _PALETTE_MODES or not isinstance(colors, bytes):
            raise CorruptArtifactError("the image's palette is not in the form it is written in")
        if len(colors) % _PALETTE_MODES[mode] or len(colors) > 256 * _PALETTE_MODES[mode]:
            raise CorruptArtifactError(f"the image's palette has {len(colors)} bytes")
        im.im.putpalette(mode, mode, colors)


def dump_attributes(
    im: Image, packer: Packer, names: Collection[str] | None = None
) -> list[list[Any]]:
    """The attributes beyond Pillow's machinery: plain data of a file, anything of a plain image.

    Args:
        im: The image.
        packer: Makes nodes of the values.
        names: Only these, whatever they are.
    """
    from PIL.ImageFile import ImageFile

    plain_only = isinstance(im, ImageFile) and names is None
    found: list[list[Any]] = []
    for name, value in vars(im).items():
        if name in MACHINERY or (plain_only and not is_plain(value)):
            continue
        if name == "encoderinfo" and not value:
            continue  # left behind by saving
        if names is not None and name not in names:
            continue
        if not _settable(type(im), name):
            raise UnserializableError(
                f"the attribute {name!r} of the image hides a part of its class",
                path=f".{name}",
                hint=f"del image.{name}",
            )
        found.append([name, packer.pack(value, f".{name}")])
    return found


def load_attributes(content: Any, im: Image, unpacker: Unpacker) -> None:
    for name, node in content:
        if not isinstance(name, str) or name in MACHINERY or not _settable(type(im), name):
            raise CorruptArtifactError(f"an image can't have the attribute {name!r:.80}")
        vars(im)[name] = unpacker.unpack(node)


def same_tags(im: Image, other: Image, packer: Packer) -> bool:
    """Whether two TIFF images have the same tags; images of other formats have none."""
    ours, theirs = vars(im).get("tag_v2"), vars(other).get("tag_v2")
    if ours is None or theirs is None:
        return ours is theirs
    one, two = (packer.pairs(read_tags(directory), ".tag_v2") for directory in (ours, theirs))
    return same(one, two)


def _settable(cls: type, name: str) -> bool:
    """Whether an instance attribute of this name hides no method or property."""
    if name.startswith("__") and name.endswith("__"):
        return False
    hidden = inspect.getattr_static(cls, name, None)
    if isinstance(hidden, cached_property):
        return True  # what it computed is meant to be there
    return not callable(hidden) and not hasattr(type(hidden), "__get__")


def _untouched_exif(im: Image, packer: Packer) -> Any:
    """What the EXIF object of a new image with the same info would hold."""
    from PIL import Image

    probe = Image.Image()
    probe.info = im.info
    probe.getexif()
    return dump_exif(probe, packer)


def _load_tags(node: Any, im: Image, unpacker: Unpacker) -> None:
    from PIL.TiffImagePlugin import ImageFileDirectory_v1, TiffImageFile

    if not isinstance(im, TiffImageFile):
        raise CorruptArtifactError("only TIFF images have TIFF tags")
    im.tag_v2 = load_directory(node, unpacker)
    im.tag = im.ifd = ImageFileDirectory_v1.from_v2(im.tag_v2)


def _find(base: type[ImageFile], name: Any) -> type[ImageFile] | None:
    for cls in base.__subclasses__():
        own = cls.__module__.startswith("PIL.") and vars(cls).get("format") == name
        found = cls if own and name is not None else _find(cls, name)
        if found is not None:
            return found
    return None


def _filename(value: Any) -> str | bytes:
    if not isinstance(value, str | bytes):
        raise CorruptArtifactError("the image's file name is neither text nor bytes")
    return value
