"""Files that are one value: text, bytes, an image."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import LossyTypeError, MissingExtraError
from aqueduct_core.integrations.files._source import SourceFile

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "read_bytes",
    "read_image",
    "read_text",
    "write_bytes",
    "write_image",
    "write_text",
]

_LOSSLESS = {"WEBP": {"lossless": True, "exact": True}, "TIFF": {}, "PNG": {}, "BMP": {}, "GIF": {}}


def read_text(file: SourceFile) -> str:
    """A file of UTF-8 text, with the ends of lines that it has."""
    return file.content().decode()


def read_bytes(file: SourceFile) -> bytes:
    """A file as it is."""
    return bytes(file.read())


def read_image(file: SourceFile) -> Image:
    """An image, which can be decoded."""
    pillow = _pillow()
    data = file.content()
    try:
        with pillow.open(BytesIO(data)) as tried:
            tried.load()
        # Not decoded, it is known to be what the file says, and is kept and saved as that.
        image: Image = pillow.open(BytesIO(data))
    except OSError as error:
        raise ValueError(str(error).partition(" <")[0]) from error
    return image


def write_text(value: Any) -> list[Any]:
    """Text as UTF-8.

    Raises:
        LossyTypeError: It is none.
    """
    if type(value) is not str:
        raise LossyTypeError(
            f"a {type(value).__name__} is no text", hint="str(value) or another format"
        )
    try:
        return [value.encode()]
    except UnicodeEncodeError as error:
        raise LossyTypeError(
            f"the text has half a character in it, at {error.start:,}", hint="save it as bytes"
        ) from error


def write_bytes(value: Any) -> list[Any]:
    """Bytes as they are.

    Raises:
        LossyTypeError: They are none.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        raise LossyTypeError(f"a {type(value).__name__} is no bytes", hint="choose another format")
    return [bytes(value)]


def write_image(value: Any, suffix: str) -> list[Any]:
    """An image as a file that gives the same pixels: its own, if it is unchanged.

    Args:
        value: The image.
        suffix: Of the file's name, `.png`; it tells the format.

    Raises:
        LossyTypeError: The format changes the pixels, or has no place for all frames.
    """
    pillow = _pillow()
    if not isinstance(value, pillow.Image):
        raise LossyTypeError(
            f"a {type(value).__name__} is no image", hint="PIL.Image.fromarray(...)"
        )
    pillow.init()
    kind = pillow.EXTENSION.get(suffix.lower(), "PNG")
    own = _own_file(value, kind)
    if own is not None:
        return [own]
    if getattr(value, "n_frames", 1) > 1:
        raise LossyTypeError(
            f"the image has {value.n_frames} frames, and one of them would be kept",
            hint="save image.copy() for this frame, or the file that it came from as bytes",
        )
    buffer = BytesIO()
    try:
        value.save(buffer, kind, **_LOSSLESS.get(kind, {}))
    except (OSError, ValueError, KeyError) as error:
        raise LossyTypeError(
            f"{kind} can't hold an image of mode {value.mode}: {error}", hint="save it as .png"
        ) from error
    again = pillow.open(BytesIO(buffer.getvalue()))
    if (again.mode, again.size) != (value.mode, value.size) or again.tobytes() != value.tobytes():
        raise LossyTypeError(
            f"{kind} would change the pixels of this image", hint="save it as .png or .tiff"
        )
    return [buffer.getvalue()]


def _own_file(image: Any, kind: str) -> bytes | None:
    """The bytes of the file that an unchanged image came from, if it is of this format."""
    from aqueduct_core.serializers.image._origin import traced

    if getattr(image, "format", None) != kind:
        return None
    with suppress(OSError):
        origin = traced(image, keep=False)
        if origin is not None and not origin.changes:
            return bytes(origin.data)
    return None


def _pillow() -> Any:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingExtraError("PIL", "image", "an image file") from error
    return Image
