"""Images in formats that browsers show."""

from __future__ import annotations

from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.integrations.files._browse import PIXELS
from aqueduct_core.manifest import Manifest
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["as_picture", "as_png", "is_shown"]

_KNOWN = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_BESIDE = "png"
_SIDE = 4_000  # pixels that it has at most, then


def is_shown(manifest: Manifest) -> bool:
    """Whether an artifact is an image that can be shown as a whole."""
    width, height = manifest.description.get("width"), manifest.description.get("height")
    is_sized = isinstance(width, int) and isinstance(height, int)
    if (
        manifest.type != "image"
        or not is_sized
        or cast("int", width) * cast("int", height) > PIXELS
    ):
        return False
    if _BESIDE in manifest.content.parts:
        return True
    return manifest.safe and find_spec("PIL") is not None


def as_picture(store: ArtifactStore, ref: ArtifactRef, manifest: Manifest) -> tuple[BinaryIO, str]:
    """An image as a file that a browser shows, and of which kind it is.

    Args:
        store: Where it is. It must not trust pickles.
        ref: The image.
        manifest: What is known of it.
    """
    # A figure is a pickle, with the picture that it makes beside it: only that is looked at.
    part = _BESIDE if _BESIDE in manifest.content.parts else "data"
    if part in manifest.content.parts:
        file = store.open(ref, part)
        head = file.read(12)
        kind = next((kind for magic, kind in _KNOWN.items() if head.startswith(magic)), None)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            kind = "image/webp"
        if kind is not None:
            file.seek(0)
            return file, kind
        file.close()
    if part == _BESIDE:
        raise CorruptArtifactError(f"the part {part!r} of {ref.key!r} is no picture")
    return as_png(store.get(ref)), "image/png"


def as_png(image: Image) -> BinaryIO:
    """An image, or a smaller one of it, as a file that a browser shows."""
    image.thumbnail((_SIDE, _SIDE))
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = image.convert("RGB")
    made = TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
    try:
        image.save(made, "png", compress_level=1)
    except BaseException:
        made.close()
        raise
    made.seek(0)
    return cast("BinaryIO", made)
