"""The file an image was opened from, if the image still is what that file says.

The bytes come from where Pillow reads them: the file it holds open, or the file of the name it
remembers. They are opened again and compared with the image, so that neither a change of the image nor
a change of the file goes unnoticed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Any
from weakref import ref

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.image._exif import dump_exif
from aqueduct_core.serializers.image._pixels import quietly, strips
from aqueduct_core.serializers.image._state import (
    MACHINERY,
    dump_attributes,
    dump_palette,
    info_of,
    same_tags,
)
from aqueduct_core.serializers.image._values import Packer, same
from aqueduct_core.serializers.image._webp import rebuilt

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

__all__ = ["UNREADABLE", "Origin", "extras", "frames", "is_loaded", "reopen", "sources", "traced"]

# Reading EPS runs Ghostscript: whoever opens such a file may do that, whoever loads an artifact not.
_REFUSED = {"EPS"}
# Images with several parts are opened by the plugin of the first.
_OPENED_AS = {"MPO": "JPEG"}
# Attributes that Pillow sets as frames are visited, so that they say nothing about a change.
_VISITED = {"n_frames", "is_animated", "dispose", "dispose_extent", "dispose_op", "blend_op"}
# What an image has of its own accord.
_OWN = _VISITED | MACHINERY

UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    EOFError,
    struct.error,
)


@dataclass(slots=True)
class Origin:
    """The bytes of a file and the image they give.

    Attributes:
        data: The bytes.
        fresh: What they give when they are opened, brought to the same frame and state.
        frame: The frame.
        loaded: Whether the pixels of the frame are decoded.
        changes: What the image has besides: parts of `info`, `exif` and `attributes`.
    """

    data: bytes
    fresh: ImageFile
    frame: int
    loaded: bool
    changes: set[str] = field(default_factory=set)


def _trace(im: Image) -> Origin | None:
    """Where an untouched image came from; None if it was made or changed in memory."""
    from PIL.ImageFile import ImageFile

    name = vars(type(im)).get("format")
    if not isinstance(im, ImageFile) or not isinstance(name, str) or name in _REFUSED:
        return None
    for data in sources(im):
        with quietly():
            try:
                fresh = reopen(data, name)
                if type(fresh) is not type(im):
                    continue
                origin = Origin(data, fresh, im.tell(), is_loaded(im))
                if origin.frame:
                    fresh.seek(origin.frame)
                if origin.loaded:
                    fresh.load()
            except UNREADABLE:
                continue  # not the bytes of this image
        if _still(im, origin):
            return origin
    return None


def _still(im: Image, origin: Origin) -> bool:
    """Whether an image is what its file says; notes what it has besides."""
    fresh = origin.fresh
    if (im.mode, im.size, im.tell()) != (fresh.mode, fresh.size, origin.frame):
        return False
    if is_loaded(im) != origin.loaded or type(im.info) is not dict:
        return False
    with quietly():
        origin.changes = _changes(im, fresh)
        if not _same_attributes(im, fresh) or not _same_palette(im, fresh, origin.loaded):
            return False
    if {"info", "exif"} & origin.changes and frames(fresh, origin.data) == 1:
        return False
    if not origin.loaded:
        return bool(_tiles(im) == _tiles(fresh))
    return all(one == other for one, other in zip_longest(strips(im), strips(fresh)))


def reopen(data: bytes | memoryview, name: str) -> ImageFile:
    """Open bytes as one file format and nothing else."""
    from PIL import Image

    Image.preinit()
    wanted = _OPENED_AS.get(name, name)
    if wanted not in Image.OPEN:
        Image.init()
    if wanted not in Image.OPEN or name in _REFUSED:
        raise CorruptArtifactError(
            f"nothing that is imported reads image files of the format {name!r:.80}",
            hint="import the package that adds this format to Pillow, or upgrade Pillow",
        )
    return Image.open(BytesIO(data), formats=[wanted])


def frames(im: ImageFile, data: bytes | None = None) -> int:
    """How many frames a file image has, without moving it."""
    own = vars(im).get("n_frames") or vars(im).get("_n_frames")
    if isinstance(own, int):
        return own
    if not hasattr(type(im), "n_frames"):
        return 1
    name = vars(type(im))["format"]
    with quietly():
        for source in sources(im) if data is None else (data,):
            try:
                return int(reopen(source, name).n_frames)  # type: ignore[attr-defined]  # of some formats
            except (*UNREADABLE, CorruptArtifactError):
                continue  # not the bytes of this image
    return 1  # the file is gone: this frame is all there is


def is_loaded(im: Image) -> bool:
    """Whether the pixels of the current frame are decoded."""
    pending = vars(im).get("tile")
    shown = vars(im).get("_WebPImageFile__logical_frame", 0)
    decoded = vars(im).get("_WebPImageFile__loaded", 0)
    return im._im is not None and not pending and shown == decoded


class _Proofs(local):
    """What `accepts` found out, for the `dump` that follows at once on the same thread."""

    found: tuple[Any, list[Origin]] | None = None


_proofs = _Proofs()


def traced(im: Image, *, keep: bool) -> Origin | None:
    """Like `_trace`, without opening the file twice when asked for the same image twice.

    Args:
        im: The image.
        keep: Remember the answer for the next call; otherwise this is the last one.
    """
    found, _proofs.found = _proofs.found, None
    origin = None
    if found is not None and found[0]() is im and found[1] and _still(im, found[1][0]):
        origin = found[1][0]
    origin = origin or _trace(im)
    if keep and origin is not None:
        box = [origin]
        _proofs.found = (ref(im, lambda _: box.clear()), box)
    return origin


def sources(im: ImageFile) -> Iterator[bytes]:
    seen: list[Any] = []
    for name in ("fp", "_fp"):
        file = vars(im).get(name)
        if file is None or any(file is other for other in seen):
            continue
        seen.append(file)
        try:
            yield _content(file)
        except UNREADABLE:
            continue  # closed, or no file at all
    filename = vars(im).get("filename")
    if filename and os.path.isfile(filename):
        with suppress(OSError):  # it can be seen, but perhaps not read
            yield Path(os.fsdecode(filename)).read_bytes()
    try:
        again = rebuilt(im)
    except UNREADABLE:
        return  # the decoder can't go through the file a second time
    if again is not None:
        yield again


def _content(file: Any) -> bytes:
    if type(file) is BytesIO:
        return file.getvalue()  # shares the bytes
    position = file.tell()
    try:
        file.seek(0)
        return bytes(file.read())
    finally:
        file.seek(position)


def _tiles(im: ImageFile | Image) -> Any:
    return vars(im).get("tile"), vars(im).get("decoderconfig")


class _Comparing(Packer):
    """Nodes that are only compared: bytes stay as they are, objects are told by identity."""

    def __init__(self) -> None:
        super().__init__(lambda obj, _: id(obj))

    def blob(self, data: bytes, _at: str, /) -> Any:
        return {"bytes": data}


def _changes(im: Image, fresh: ImageFile) -> set[str]:
    packer = _Comparing()
    found = set()
    if not same(packer.pairs(info_of(im), ""), packer.pairs(info_of(fresh), "")):
        found.add("info")
    exif = dump_exif(im, packer)
    if exif is not None:
        fresh.getexif()
        if not same(exif, dump_exif(fresh, packer)):
            found.add("exif")
    if extras(im, fresh):
        found.add("attributes")
    return found


def extras(im: Image, fresh: ImageFile) -> list[str]:
    """Attributes that somebody has added."""
    return [
        name
        for name in vars(im)
        if not (name.startswith("_") or name in vars(fresh) or name in _OWN)
        and (name != "encoderinfo" or vars(im)[name])  # saving leaves an empty one behind
    ]


def _same_attributes(im: Image, fresh: ImageFile) -> bool:
    """Whether the public data of the file (quantization tables, text chunks) is unchanged."""
    packer = _Comparing()
    theirs = dict(dump_attributes(fresh, packer))
    ours = dict(dump_attributes(im, packer, theirs))
    return same_tags(im, fresh, packer) and all(
        name in ours and same(ours[name], theirs[name])
        for name in theirs
        if not (name.startswith("_") or name in _VISITED)
    )


def _same_palette(im: Image, fresh: ImageFile, loaded: bool) -> bool:
    packer = _Comparing()
    ours, theirs = (dump_palette(image, packer) or {} for image in (im, fresh))
    if not loaded:  # what the core holds is a frame that was shown before
        ours.pop("core", None)
        theirs.pop("core", None)
    return same(ours, theirs)
