"""Errors as answers: a page for people, a problem document (RFC 9457) for programs."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match

from aqueduct_core import errors
from aqueduct_core.errors import AqueductError
from aqueduct_core.server._templates import render

__all__ = ["add_handlers", "problem", "status_of"]

_log = logging.getLogger("aqueduct_core.server")
_AWAY = "what the server needs doesn't answer"
_ITS_LOG = "try again in a moment; the server's log says more"

# The first that fits, so that those that inherit from others come first.
_STATUS: tuple[tuple[type[AqueductError], int], ...] = (
    (errors.ArtifactNotFoundError, 404),
    (errors.StorageNotFoundError, 404),
    (errors.MemberNotFoundError, 404),
    (errors.ColumnNotFoundError, 404),
    (errors.NotFoundError, 404),
    (errors.InvalidKeyError, 422),
    (errors.ParameterError, 422),
    (errors.GraphError, 422),
    (errors.UnserializableError, 422),
    (errors.FormatVersionError, 422),
    (errors.IncompatibleEnvironmentError, 422),
    (errors.IntegrationError, 422),
    (errors.StaleReferenceError, 409),
    (errors.AccessError, 403),
    (errors.UnsafeArtifactError, 409),
    (errors.UnsupportedError, 422),
    (errors.MissingExtraError, 501),
    (errors.StorageUnavailableError, 503),
    (errors.TrackingError, 503),
)


def status_of(error: AqueductError) -> int:
    """The HTTP status of an error of ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def add_handlers(app: FastAPI) -> None:
    """Let an app answer every error with `problem`."""
    app.add_exception_handler(AqueductError, _ours)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    hint: str | None = None,
    more: dict[str, Any] | None = None,
) -> Response:
    """An answer that says what went wrong.

    Args:
        request: The request.
        status: The HTTP status.
        detail: What happened.
        hint: What to do about it.
        more: Further members of the problem document.
    """
    title = HTTPStatus(status).phrase
    ident = getattr(request.state, "request_id", "")
    known = {"status": status, "title": title, "detail": detail, "request_id": ident, "hint": hint}
    if _for_people(request):
        return render(request, "error.html", known, status=status)
    found = {"type": "about:blank", **known, **(more or {})}
    return JSONResponse(
        {name: value for name, value in found.items() if value is not None},
        status,
        media_type="application/problem+json",
    )


def _for_people(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return not request.url.path.startswith("/api/") and "text/html" in accepted


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, AqueductError)
    status = status_of(error)
    if status >= 500:
        _log.error("%s: %s", type(error).__name__, error, exc_info=error)
    more = {"error": type(error).__name__}
    if status >= 500 and getattr(request.state, "user", None) is None:
        # Where database and store are is no business of those who haven't signed in.
        return problem(request, status, _AWAY, hint=_ITS_LOG, more=more)
    return problem(request, status, error.message, hint=error.hint, more=more)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException | HTTPException)
    if error.status_code == 401 and _for_people(request) and request.method == "GET":
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target = request.url_for("sign_in").include_query_params(next=there)
        return RedirectResponse(f"{target.path}?{target.query}", 303)
    answer = problem(request, error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["allow"] = ", ".join(_allowed(request))
    return answer


def _allowed(request: Request) -> list[str]:
    """What else could be done at this place; a route of its own for each, which knows no other."""
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"at": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors()
    ]
    listed = "; ".join(f"{item['at']}: {item['message']}" for item in found)
    return problem(request, 422, listed, more={"errors": found})
