"""Pages out of templates: everything in them is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from aqueduct_core._version import __version__

__all__ = ["STATIC", "environment", "render", "stamp", "static"]

STATIC = Path(__file__).parent / "static"
_TEMPLATES = Path(__file__).parent / "templates"


def render(
    request: Request, name: str, context: Mapping[str, Any] | None = None, status: int = 200
) -> HTMLResponse:
    """A page.

    Templates know `request`, `user` (None before somebody has signed in) and `static(path)` besides
    the context.

    Args:
        request: The request that it answers.
        name: The template.
        context: What it shows.
        status: The HTTP status.
    """
    user = getattr(request.state, "user", None)
    text = (
        environment()
        .get_template(name)
        .render({"request": request, "user": user, **(context or {})})
    )
    return HTMLResponse(text, status)


@cache
def environment() -> Environment:
    """Where templates, filters and globals are kept."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # else each page looks at all of its files
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"static": static, "version": __version__}
    return made


def static(path: str) -> str:
    """The URL of a file in `static/`. It changes with what is in it, so browsers may keep it."""
    return f"/static/{path}?v={stamp(path)}"


@cache
def stamp(path: str) -> str:
    """What stands for the content of a file in `static/`.

    The release alone doesn't: whoever runs a clone gets other files of the same release.
    """
    return blake2b((STATIC / path).read_bytes(), digest_size=6).hexdigest()
