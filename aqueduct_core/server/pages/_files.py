"""Folders and buckets: what is in them, a folder at a time, and how files begin."""

from __future__ import annotations

from typing import Any, BinaryIO
from urllib.parse import quote

from aqueduct_core.errors import IntegrationError
from aqueduct_core.integrations import FileIntegration
from aqueduct_core.integrations.files._browse import PIXELS, TIFF, Listing, browse, glance
from aqueduct_core.integrations.files._formats import format_of
from aqueduct_core.server.pages._pictures import as_png
from aqueduct_core.server.pages._preview import view_of
from aqueduct_core.server.pages._words import file_size

__all__ = ["PICTURES", "files_context", "kind_of_picture", "tiff_as_png"]

PICTURES = 12_000_000  # bytes of an image that is shown; what is larger is downloaded
_ROWS = 50
_FILES = 500
_MAGIC = {
    b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp",
}  # fmt: skip


def files_context(made: FileIntegration, here: str, path: str, search: str) -> dict[str, Any]:
    """What the piece of the page shows.

    Args:
        made: The integration.
        here: The path of its page.
        path: A folder with its slash, or a file.
        search: A part of names.
    """
    folder = path[: path.rfind("/") + 1]
    listed = browse(made.name, made._place, folder)
    return {
        "folder": folder,
        "steps": _steps(here, folder),
        "entries": _entries(listed, here, path, search),
        "more": max(0, len(listed.files) - _FILES),
        "is_all": listed.is_all,
        "shown": _shown(made, path, here) if path != folder else None,
    }


def kind_of_picture(head: bytes) -> str | None:
    """The media type of an image that can be shown, by its first bytes; never of SVG."""
    if head.startswith(TIFF):
        return "image/tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def tiff_as_png(made: FileIntegration, path: str, opened: BinaryIO) -> BinaryIO:
    """A TIFF image, or a smaller one of it, as a file that browsers show.

    Raises:
        IntegrationError: It has too many pixels, or is damaged.
    """
    from PIL import Image

    try:
        with Image.open(opened, formats=["TIFF"]) as image:
            if image.width * image.height > PIXELS:
                raise ValueError(f"it has more than {PIXELS:,} pixels")
            return as_png(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise IntegrationError(
            f"{made.name}: {path} can't be shown: {error}", hint="download the file"
        ) from error


def _steps(here: str, folder: str) -> list[tuple[str, str]]:
    steps = folder.split("/")[:-1]
    return [
        (step, f"{here}?path={quote('/'.join(steps[: place + 1]) + '/')}")
        for place, step in enumerate(steps)
    ]


def _entries(listed: Listing, here: str, path: str, search: str) -> list[dict[str, Any]]:
    known: list[tuple[str, str, str | None]] = [
        (name.rstrip("/").rpartition("/")[2], name, None) for name in listed.folders
    ]
    found = [(name.rpartition("/")[2], name, size) for name, size in listed.files]
    wanted = [item for item in found if search.lower() in item[0].lower()][:_FILES]
    known += [(name, place, file_size(size)) for name, place, size in wanted]
    return [
        {
            "name": name,
            "size": size,
            "icon": "folder" if size is None else _icon(name),
            "href": f"{here}?path={quote(place)}",
            "is_open": place == path,
        }
        for name, place, size in known
        if search.lower() in name.lower()
    ]


def _icon(name: str) -> str:
    known = format_of(name)
    if known is None:
        return "bytes"
    return "table" if known.is_table else known.name


def _shown(made: FileIntegration, path: str, here: str) -> dict[str, Any]:
    found = glance(made.name, made._place, path, _ROWS)
    is_picture = found.format == "image" and found.why is None and found.size <= PICTURES
    return {
        "glance": found,
        "name": found.path.rpartition("/")[2],
        "size": file_size(found.size),
        "file": f"{here}/file?path={quote(found.path)}",
        "picture": f"{here}/file?path={quote(found.path)}&show=yes" if is_picture else None,
        "tree": None if found.value is None else view_of("json", {"preview": found.value}),
    }
