"""Images of Pillow: the file they came from, or their pixels and all that belongs to them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import CorruptArtifactError, UnserializableError
from aqueduct_core.serializers.image import _pixels as pixels
from aqueduct_core.serializers.image._describe import describe
from aqueduct_core.serializers.image._exif import dump_exif, load_exif
from aqueduct_core.serializers.image._origin import (
    UNREADABLE,
    extras,
    frames,
    is_loaded,
    reopen,
    traced,
)
from aqueduct_core.serializers.image._state import (
    blank,
    dump_attributes,
    dump_state,
    known,
    load_attributes,
    load_state,
)
from aqueduct_core.serializers.image._values import Packer, Unpacker

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

    from aqueduct_core.abc import JSON, Budget, Sink, Source

__all__ = ["ImageFileSerializer", "PngImageSerializer", "RawImageSerializer"]

_CLASS = "PIL.Image.Image"
_FRAMES = (
    "store image.copy() if this frame is all you need; for all frames store the list "
    "[frame.copy() for frame in PIL.ImageSequence.Iterator(image)] of the image as it is opened"
)


class _Described:
    """What the serializers here share."""

    version = 1
    types: tuple[type | str, ...] = (_CLASS,)
    artifact = "image"

    def describe(self, obj: Image, budget: Budget, /) -> Mapping[str, JSON]:
        """Size, mode, frames, EXIF, numbers per channel and a thumbnail; the image isn't touched."""
        return describe(obj, budget)


class ImageFileSerializer(_Described):
    """Images that were opened from a file and not changed since: the bytes of that file.

    All frames, and everything else in the file, come back. The image is at the frame where it was; if
    its pixels were decoded, they are again. Kept besides are public attributes that were added to it
    and, of an animation, changes of `info` and of the EXIF object of the current frame; of a single
    image such a change means that it isn't taken here. The name of the file is kept as long as Pillow
    would not open the file of that name in its place.
    """

    name = "image.file"
    plain = True
    suffix = ".img"
    compressed = True

    def accepts(self, obj: Image, /) -> bool:
        """Whether the file can still be read, and gives this very image."""
        return traced(obj, keep=True) is not None

    def dump(self, obj: Image, sink: Sink, /) -> Mapping[str, JSON]:
        """Write the bytes of the file.

        Raises:
            UnserializableError: The image is not, or not any more, what its file says.
        """
        origin = traced(obj, keep=False)
        if origin is None:
            raise UnserializableError(
                "the image was changed since it was opened, or its file can't be read any more",
                hint='leave out serializer="image.file"',
            )
        pixels.limit(obj.size, UnserializableError)
        packer = Packer(sink.nest)
        meta: dict[str, Any] = {
            "format": vars(type(obj))["format"],
            "mode": obj.mode,
            "size": list(obj.size),
            "filename": packer.pack(getattr(obj, "filename", ""), ".filename"),
        }
        meta |= {"frame": origin.frame} if origin.frame else {}
        meta |= {"loaded": True} if origin.loaded else {}
        meta |= {"readonly": True} if origin.loaded and obj.readonly else {}
        if "info" in origin.changes:
            meta["info"] = packer.pairs(obj.info, ".info")
        if "exif" in origin.changes:
            with pixels.quietly():
                meta["exif"] = dump_exif(obj, packer)
        if "attributes" in origin.changes:
            meta["attributes"] = dump_attributes(obj, packer, extras(obj, origin.fresh))
        sink.write(origin.data)
        return meta

    def load(self, source: Source, /) -> Image:
        """Open the bytes again, as the recorded format and no other."""
        meta = source.meta
        _, size = pixels.read_size(meta)
        data = bytes(source.view())
        frame = meta.get("frame", 0)
        if not isinstance(meta.get("format"), str) or type(frame) is not int or frame < 0:
            raise CorruptArtifactError("the image's metadata is not in the form it is written in")
        with pixels.quietly():
            im = _opened(data, meta["format"], frame)
        if meta.get("loaded") is True:
            _load_pixels(im)
            im.readonly = int(meta.get("readonly") is True)
        if (im.mode, im.size) != (meta["mode"], size):
            raise CorruptArtifactError(
                f"the stored {meta['format']} file gives an image of mode {im.mode} and size "
                f"{im.size}, not of mode {meta['mode']} and size {size}",
                hint="it was saved with other settings of Pillow (such as GifImagePlugin."
                "LOADING_STRATEGY) or by another version, or its bytes were changed",
            )
        unpacker = Unpacker(source.nested, trusted=source.trusted)
        if meta.get("info") is not None:
            info = unpacker.pairs(meta["info"])
            im.info.clear()  # in place: decoders hold on to it
            im.info.update(info)
        if meta.get("exif") is not None:
            im._exif = load_exif(meta["exif"], unpacker)
        load_attributes(meta.get("attributes", []), im, unpacker)
        _keep_file(im, data, unpacker.unpack(meta.get("filename", "")))
        return im


class RawImageSerializer(_Described):
    """The pixels of an image as they are, packed row by row.

    Mode, size, class, palette, info, EXIF and further attributes stand in the metadata, exactly. Images
    that came from a file and were changed keep their class and the plain data of the file; attributes
    that hold open files, decoders or other objects are left out.
    """

    name = "image.raw"
    plain = True
    suffix = ".raw"
    family = "image"

    def accepts(self, obj: Image, /) -> bool:
        """Whether the class and the mode are known."""
        return known(obj) and obj.mode in pixels.BITS

    def dump(self, obj: Image, sink: Sink, /) -> Mapping[str, JSON]:
        """Write the pixels.

        Raises:
            UnserializableError: Something in the image can't be kept exactly.
        """
        meta = _checked_state(obj, sink)
        meta["byteorder"] = sys.byteorder
        if 0 not in obj.size:
            sink.write(*pixels.strips(obj))
        return meta

    def load(self, source: Source, /) -> Image:
        """Build the image anew: it can be drawn on and shares nothing with the store."""
        mode, size = pixels.read_size(source.meta)
        order = source.meta.get("byteorder")
        if order not in ("little", "big"):
            raise CorruptArtifactError(f"there is no byte order {order!r:.80}")
        view = source.view() if 0 not in size else memoryview(b"")
        return _assembled(source, pixels.unpack(mode, size, view, order))


class PngImageSerializer(_Described):
    """The pixels of an image as a PNG file, or as a TIFF file where PNG doesn't know the mode.

    The file is losslessly compressed and other programs can open it. Everything beyond the pixels
    stands in the metadata, as with `image.raw`; the file itself holds none of it.
    """

    name = "image.png"
    plain = True
    suffix = ".png"
    family = "image"
    compressed = True

    def accepts(self, obj: Image, /) -> bool:
        """Whether one of the two formats holds the mode exactly."""
        return known(obj) and pixels.container_of(obj) is not None

    def dump(self, obj: Image, sink: Sink, /) -> Mapping[str, JSON]:
        """Write the pixels as a file.

        Raises:
            UnserializableError: Something in the image can't be kept exactly.
        """
        meta = _checked_state(obj, sink)
        container = pixels.container_of(obj)
        if container is None:
            raise UnserializableError(
                f"neither PNG nor TIFF holds an image of mode {obj.mode} and size {obj.size} exactly",
                hint='leave out serializer="image.png"',
            )
        meta["container"] = container
        sink.write(pixels.encode(obj, container), part=_part(container))
        return meta

    def load(self, source: Source, /) -> Image:
        """Decode the file; only PNG and TIFF are read, whatever the bytes claim to be."""
        mode, size = pixels.read_size(source.meta)
        container = source.meta.get("container")
        view = source.view(_part(container))
        return _assembled(source, pixels.decode(view, container, mode, size))


def _checked_state(obj: Image, sink: Sink) -> dict[str, Any]:
    """The metadata of an image whose pixels are to be stored; they are decoded if need be."""
    from PIL.ImageFile import ImageFile

    count = frames(obj) if isinstance(obj, ImageFile) else 1
    if count > 1:
        raise UnserializableError(
            f"this {obj.format} image has {count} frames, and was changed since it was opened (or its "
            "file can't be read any more): the other frames would be lost",
            hint=_FRAMES,
        )
    pixels.limit(obj.size, UnserializableError)
    try:
        obj.load()
        loaded = obj.im.mode == obj.mode
    except UNREADABLE as error:
        raise UnserializableError(
            f"the image has no pixels to store: {type(error).__name__}: {error}",
            hint="store it before it is closed or verified, while its file is there and whole",
        ) from error
    if not loaded or obj.im.size != obj.size:
        raise UnserializableError(
            f"the image says that it is of mode {obj.mode} and size {obj.size}, its pixels are of mode "
            f"{obj.im.mode} and size {obj.im.size}",
            hint="image.load() after changing what is to be decoded",
        )
    with pixels.quietly():
        return dump_state(obj, Packer(sink.nest))


def _assembled(source: Source, core: Any) -> Image:
    """The image around pixels."""
    im = blank(source.meta)
    im.im = core
    im._mode, im._size = core.mode, core.size
    load_state(source.meta, im, Unpacker(source.nested, trusted=source.trusted))
    return im


def _part(container: Any) -> str:
    return "tiff" if container == "TIFF" else "data"


def _opened(data: bytes, name: str, frame: int) -> ImageFile:
    from PIL.Image import DecompressionBombError

    try:
        im = reopen(data, name)
        if frame:
            im.seek(frame)
    except CorruptArtifactError:
        raise
    except DecompressionBombError as error:
        raise CorruptArtifactError(
            f"the stored {name} file is over the limit of pixels: {error}",
            hint="if it is what it should be, raise PIL.Image.MAX_IMAGE_PIXELS",
        ) from error
    except Exception as error:  # whatever Pillow's decoders raise on bytes that they don't know
        raise CorruptArtifactError(
            f"the stored {name} file can't be read: {type(error).__name__}: {error}"
        ) from error
    if vars(type(im)).get("format") != name:
        raise CorruptArtifactError(f"the stored file is {type(im).format}, not {name}")
    return im


def _load_pixels(im: ImageFile) -> None:
    try:
        with pixels.quietly():
            im.load()
    except Exception as error:  # whatever Pillow's decoders raise on bytes that they don't know
        raise CorruptArtifactError(
            f"the stored {im.format} file can't be decoded: {type(error).__name__}: {error}"
        ) from error


def _keep_file(im: ImageFile, data: bytes, filename: Any) -> None:
    """Let the image find its bytes again when it is stored again, and know its file's name."""
    from io import BytesIO

    if "_fp" not in vars(im):
        im._fp = BytesIO(data)
    if not isinstance(filename, str | bytes):
        raise CorruptArtifactError("the image's file name is neither text nor bytes")
    # Uncompressed pixels are mapped from the file of this name: that must never be somebody else's.
    mapped = any(tile[0] == "raw" for tile in im.tile)
    if filename and frames(im, data) == 1 and (is_loaded(im) or not mapped):
        im.filename = filename
