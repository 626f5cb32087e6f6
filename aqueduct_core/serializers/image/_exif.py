"""EXIF objects and TIFF directories as plain JSON and back.

An image's EXIF object is made of its `info` when it is first asked for. Only if it was asked for, and
then changed, does it say anything that `info` doesn't; then its content is written down.
"""

from __future__ import annotations

import copy
import struct
from typing import TYPE_CHECKING, Any, cast

from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.image._values import Packer, Unpacker

if TYPE_CHECKING:
    from PIL.Image import Exif, Image
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

__all__ = ["dump_directory", "dump_exif", "load_directory", "load_exif", "read_exif", "read_tags"]

# What Pillow raises while it reads a directory that is cut short or points outside itself.
_MALFORMED = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    struct.error,
)
# Exif, GPS, interoperability, maker's note, and what follows: the thumbnail.
_DIRECTORIES = (0x8769, 0x8825, 0xA005, 0x927C, -1)
_HEADERS = {b"II": b"II\x2a\x00\x00\x00\x00\x00", b"MM": b"MM\x00\x2a\x00\x00\x00\x00"}


def dump_exif(image: Image, packer: Packer) -> Any:
    """The content of an image's EXIF object, or None if nobody has asked for it yet."""
    exif = image._exif
    if exif is None or not exif._loaded:
        return None
    tags, directories = read_exif(exif)
    return {
        "tags": packer.pairs(_numbered(tags), ".getexif()"),
        "directories": [
            [tag, packer.pairs(_numbered(content), f".getexif().get_ifd({tag})")]
            for tag, content in directories
        ],
        "hidden": packer.pairs(_numbered(exif._hidden_data), ".getexif()"),
        "endian": exif.endian,
        "bigtiff": bool(exif.bigtiff),
        "source": packer.pack(exif._loaded_exif, ".info['exif']"),
    }


def read_exif(exif: Exif) -> tuple[dict[int, Any], list[tuple[int, dict[int, Any]]]]:
    """The tags, and those of the directories inside; reading caches, so it is done on a copy."""
    own = _copied(exif)
    return _tags(own), _directories(exif, own)


def load_exif(node: Any, unpacker: Unpacker) -> Exif:
    """The EXIF object of which `dump_exif` made the node."""
    from PIL.Image import Exif

    if not isinstance(node, dict) or node.get("endian") not in ("<", ">", None):
        raise CorruptArtifactError("the image's EXIF data is not in the form it is written in")
    exif = Exif()
    source = unpacker.unpack(node.get("source"))
    if isinstance(source, bytes):
        try:
            exif.load(source)  # gives it the file that offsets in the data point into
        except _MALFORMED as error:
            raise CorruptArtifactError(f"the image's EXIF data can't be read: {error}") from error
        if exif._info is not None:
            exif._info.reset()
    exif._loaded_exif = source if isinstance(source, bytes) else None
    exif._data = _by_tag(unpacker.pairs(node.get("tags")))
    exif._hidden_data = _by_tag(unpacker.pairs(node.get("hidden")))
    exif._ifds = {}
    for found in _rows(node.get("directories")):
        exif._ifds.update(_by_tag({found[0]: _by_tag(unpacker.pairs(found[1]))}))
    exif.endian = node.get("endian")
    exif.bigtiff = bool(node.get("bigtiff"))
    exif._loaded = True
    return exif


def dump_directory(directory: ImageFileDirectory_v2, packer: Packer) -> Any:
    """The tags of a TIFF frame, decoded or not, as they are."""
    at = ".tag_v2"
    return {
        "prefix": directory.prefix.decode("latin-1"),
        "bigtiff": bool(directory._bigtiff),
        "next": directory.next,
        "types": packer.pairs(directory.tagtype, at),
        "raw": packer.pairs(directory._tagdata, at),
        "tags": packer.pairs(directory._tags_v2, at),
    }


def read_tags(directory: ImageFileDirectory_v2) -> dict[int, Any]:
    """The decoded tags of a TIFF frame."""
    return _tags(_copied_directory(directory))


def load_directory(node: Any, unpacker: Unpacker) -> ImageFileDirectory_v2:
    """The TIFF directory of which `dump_directory` made the node."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    header = _HEADERS.get(str(node["prefix"]).encode()) if isinstance(node, dict) else None
    if header is None or type(node.get("next")) is not int:
        raise CorruptArtifactError("the image's TIFF tags are not in the form they are written in")
    directory = ImageFileDirectory_v2(header)
    directory._bigtiff = bool(node.get("bigtiff"))
    directory.next = node["next"]
    directory.tagtype = _by_tag(unpacker.pairs(node.get("types")))
    directory._tagdata = _by_tag(unpacker.pairs(node.get("raw")))
    directory._tags_v2 = _by_tag(unpacker.pairs(node.get("tags")))
    return directory


def _copied(exif: Exif) -> Exif:
    own = copy.copy(exif)
    own._data = dict(exif._data)
    own._hidden_data = dict(exif._hidden_data)
    own._ifds = dict(exif._ifds)
    if exif._info is not None:
        own._info = _copied_directory(exif._info)
    return own


def _copied_directory(directory: ImageFileDirectory_v2) -> ImageFileDirectory_v2:
    own = copy.copy(directory)
    for name in ("_tags_v1", "_tags_v2", "_tagdata", "tagtype"):
        setattr(own, name, dict(getattr(directory, name)))
    return own


def _tags(own: Exif | ImageFileDirectory_v2) -> dict[int, Any]:
    tags = {}
    for tag in sorted(own, key=str):
        try:
            tags[tag] = own[tag]
        except _MALFORMED:
            continue  # it can't be read from the original either
    return tags


def _numbered(tags: dict[Any, Any]) -> dict[int, Any]:
    """Tags by plain number; Pillow and its users name them by enum members that equal it."""
    strange = [tag for tag in tags if not isinstance(tag, int)]
    if strange:
        raise UnserializableError(
            f"EXIF tags are numbers; {strange[0]!r:.80} is none",
            path=".getexif()",
            hint="PIL.ExifTags.Base has the numbers of all tags by name",
        )
    return {int(tag): value for tag, value in tags.items()}


def _directories(exif: Exif, own: Exif) -> list[tuple[int, dict[int, Any]]]:
    """The directories inside the EXIF data: those that were read, and those that could be."""
    cleared = {tag for tag, content in exif._ifds.items() if not content}
    own._ifds = {tag: content for tag, content in exif._ifds.items() if content}
    position = _position(own)
    for tag in _DIRECTORIES:
        try:
            own.get_ifd(tag)
        except _MALFORMED:
            own._ifds.pop(tag, None)  # it can't be read from the original either
    if position is not None:
        own.fp.seek(position)
    return [
        (int(tag), {} if tag in cleared else content)
        for tag, content in sorted(own._ifds.items())
        if content
    ]


def _position(exif: Exif) -> int | None:
    """Where the file of the EXIF data stands: it can be the image's own, so that is put back."""
    file = getattr(exif, "fp", None)
    return file.tell() if file is not None and not file.closed else None


def _by_tag(found: dict[Any, Any]) -> dict[int, Any]:
    if not all(type(tag) is int for tag in found):
        raise CorruptArtifactError("the image's tags are not numbers")
    return cast("dict[int, Any]", found)


def _rows(content: Any) -> list[list[Any]]:
    if not isinstance(content, list) or not all(
        isinstance(row, list) and len(row) == 2 for row in content
    ):
        raise CorruptArtifactError("the image's EXIF data is not in the form it is written in")
    return content
