"""The page that a serializer has stored beside an object, shown where it can do nothing.

Somebody else's HTML is in it. It runs no script, loads nothing from anywhere, sends no form, and is of no
origin, so that it can't reach the page around it; also when it is opened by itself.
"""

from __future__ import annotations

from html import escape

from starlette.responses import Response

from aqueduct_core.manifest import Manifest
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.store import ArtifactStore

__all__ = ["FRAMING", "height_of", "look_response", "looks_like_something"]

_PART = "html"
_LARGEST = 8 << 20  # bytes of a page that is shown; what is larger is downloaded
_ROW, _AROUND, _TALLEST = 34, 150, 640  # pixels

FRAMING = "frame-src 'self'"
"""What a page's policy has to allow for the frame."""

_HEADERS = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
}


def looks_like_something(manifest: Manifest) -> bool:
    """Whether there is a page that can be shown."""
    part = manifest.content.parts.get(_PART)
    return manifest.type == "object" and part is not None and part.size <= _LARGEST


def height_of(manifest: Manifest) -> int:
    """How tall its frame is, in pixels: the page can't tell."""
    rows = manifest.description.get("rows")
    return min(_AROUND + _ROW * rows, _TALLEST) if type(rows) is int and rows >= 0 else _TALLEST


def look_response(store: ArtifactStore, ref: ArtifactRef, name: str) -> Response:
    """The page.

    Args:
        store: Where it is.
        ref: The artifact.
        name: What the artifact is called.
    """
    with store.open(ref, _PART) as file:
        text = file.read(_LARGEST).decode("utf-8", "replace")
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>'
    return Response(head + text, media_type="text/html; charset=utf-8", headers=_HEADERS)
