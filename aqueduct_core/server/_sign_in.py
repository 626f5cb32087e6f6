"""Signing in and out with an API key."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from aqueduct_core.server._auth import User, require
from aqueduct_core.server._services import services_of
from aqueduct_core.server._templates import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.get("/sign-in", name="sign_in")
def page(request: Request, next: str = "/", token: str | None = None) -> Response:  # noqa: A002
    """The form; or, with the token of a link, straight on."""
    auth = services_of(request).auth
    if token is not None:
        _check_throttle(request)
        user = auth.by_link(token)
        if user is not None:
            return _signed_in(request, user, next)
        auth.throttle.failed(_caller(request))
        return _form(request, next, "This link was used before, or is too old. Sign in with a key.")
    if auth.by_cookie(request.cookies.get(auth.cookie, "")) is not None:
        return RedirectResponse(_inside(next), 303)
    return _form(request, next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    key: Annotated[str, Form(max_length=500)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Sign in with a key."""
    _check_throttle(request)
    auth = services_of(request).auth
    user = auth.by_key(key.strip())
    if user is None:
        auth.throttle.failed(_caller(request))
        return _form(request, next, "This key is not known, or was revoked.", status=401)
    return _signed_in(request, user, next)


@router.post("/sign-out", name="sign_out")
def sign_out(request: Request, user: Annotated[User, Depends(require())]) -> Response:
    """Forget who it was, wherever the cookie may be kept."""
    auth = services_of(request).auth
    auth.end(request.cookies.get(auth.cookie, ""))
    answer = RedirectResponse(request.url_for("sign_in").path, 303)
    answer.delete_cookie(auth.cookie, path="/")
    return answer


def _form(request: Request, next_path: str, error: str = "", status: int = 200) -> Response:
    known: dict[str, Any] = {"next": _inside(next_path), "error": error}
    return render(request, "sign_in.html", known, status=status)


def _signed_in(request: Request, user: User, next_path: str) -> Response:
    services = services_of(request)
    answer = RedirectResponse(_inside(next_path), 303)
    # Lax: links to runs in messages lead there, not to this form. What changes anything needs more.
    answer.set_cookie(
        services.auth.cookie,
        services.auth.new_cookie(user),
        max_age=services.settings.session_days * 24 * 60 * 60,
        path="/",
        httponly=True,
        samesite="lax",
        secure=services.settings.is_secure or request.url.scheme == "https",
    )
    return answer


def _inside(path: str) -> str:
    """A path of this server, whatever somebody wrote into a link."""
    is_inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_inside and path.isprintable() and "\\" not in path else "/"


def _check_throttle(request: Request) -> None:
    wait = ceil(services_of(request).auth.throttle.wait(_caller(request)))
    if wait:
        raise HTTPException(
            429, f"too many tries: wait {wait} seconds", headers={"Retry-After": str(wait)}
        )


def _caller(request: Request) -> str:
    return request.client.host if request.client else ""
