"""Routes of the API: errors that are documented, answers that needn't be sent twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from aqueduct_core.server._auth import Role, User, require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server.api._models import Problem

__all__ = ["Admin", "Cursor", "Editor", "Limit", "Served", "Since", "Until", "Viewer", "new_router"]


async def _served(request: Request) -> Services:
    return services_of(request)  # not in a thread of its own, as a plain function would be


Served = Annotated[Services, Depends(_served)]
Viewer = Annotated[User, Depends(require("viewer"))]
Editor = Annotated[User, Depends(require("editor"))]
Admin = Annotated[User, Depends(require("admin"))]
Cursor = Annotated[str | None, Query(description="Where an earlier page ended.", max_length=2000)]
Limit = Annotated[int, Query(ge=1, le=500)]
Since = Annotated[datetime | None, Query(description="That moment or later; UTC without a zone.")]
Until = Annotated[datetime | None, Query(description="Before that moment.")]

_SAID = {
    400: "The body can't be read.",
    401: "There is no valid API key.",
    403: "The key's role doesn't allow it.",
    404: "There is no such thing.",
    408: "The body didn't come in time.",
    409: "What is stored can't be trusted, or has changed since.",
    413: "The body is too large.",
    422: "It can't be done like this.",
    500: "Something went wrong in the server; its log has more.",
    501: "A library is missing at the server.",
    503: "The database or the store can't be reached.",
}
_Handler = Callable[[Request], Coroutine[Any, Any, Response]]


_SAME: dict[int | str, dict[str, Any]] = {304: {"description": "It is what `If-None-Match` names."}}
# For the document alone: `require` looks at keys and cookies itself.
_KEY = HTTPBearer(scheme_name="API key", description="`aq_...`", auto_error=False)


class _Route(APIRoute):
    """Answers 304 to those who have what they ask for."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "GET" in (options.get("methods") or ()):
            options["responses"] = {**(options.get("responses") or {}), **_SAME}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> _Handler:
        handle = super().get_route_handler()
        if not self.methods or "GET" not in self.methods:
            return handle

        async def tagged(request: Request) -> Response:
            answer = await handle(request)
            body = getattr(answer, "body", None)  # what is streamed has none
            if answer.status_code != 200 or body is None:
                return answer
            tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            headers = {"etag": tag, "cache-control": "private, no-cache"}
            known = request.headers.get("if-none-match", "")
            if tag in [item.strip().removeprefix("W/") for item in known.split(",")]:
                return Response(status_code=304, headers=headers)
            answer.headers.update(headers)
            return answer

        return tagged


def new_router(tag: str, *, role: Role = "viewer") -> APIRouter:
    """A router for a part of the API.

    Args:
        tag: What the part is about.
        role: Who may use any of it.
    """
    content = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    said: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": content} for status, text in _SAID.items()
    }
    return APIRouter(
        prefix="/api/v1",
        tags=[tag],
        route_class=_Route,
        dependencies=[Depends(require(role)), Security(_KEY)],
        responses=said,
    )
