"""API keys, and how the server is set up."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from aqueduct_core._version import __version__
from aqueduct_core.errors import ParameterError
from aqueduct_core.server._auth import ROLES, User, require, revoke
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render

__all__ = ["router"]

router = APIRouter()
Admin = Annotated[User, Depends(require("admin"))]


@router.get("/settings")
def page(request: Request) -> Response:
    """Keys for those who may make them; for others what they may do."""
    return render(request, "settings.html", _context(request))


@router.post("/settings/keys")
def new_key(
    request: Request,
    user: Admin,
    name: Annotated[str, Form(max_length=300)] = "",
    role: Annotated[str, Form(max_length=20)] = "viewer",
) -> Response:
    """Make a key. It is shown once, so this answers with the page itself."""
    if not name.strip():
        raise ParameterError("a key needs a name", hint="who or what it is for: nightly jobs, Ada")
    if role not in ROLES:
        raise ParameterError(f"there is no role {role!r}", hint=", ".join(ROLES))
    made, key = services_of(request).tracking.create_api_key(name.strip(), role)
    shown = render(request, "settings.html", _context(request) | {"made": made, "key": key})
    shown.headers["cache-control"] = "no-store"
    return shown


@router.post("/settings/keys/{key}/revoke")
def revoke_key(request: Request, user: Admin, key: str) -> Response:
    """Let a key be of no use from now on."""
    revoke(services_of(request).tracking, key)
    return RedirectResponse("/settings", 303)


def _context(request: Request) -> dict[str, Any]:
    services = services_of(request)
    user: User = request.state.user
    keys = services.tracking.api_keys() if user.may("admin") else []
    return {
        "keys": sorted(keys, key=lambda item: item.revoked is not None),
        "roles": ROLES,
        "made": None,
        "key": None,
        "address": _address(request, services),
        "facts": _facts(services) if user.may("admin") else [],
    }


def _address(request: Request, services: Services) -> str:
    """Where people find the server: as it was told, else as this request came."""
    if services.settings.address is not None:
        return services.settings.url
    return f"{request.url.scheme}://{request.url.netloc}"


def _facts(services: Services) -> list[tuple[str, str]]:
    settings = services.settings
    return [
        ("Version", __version__),
        ("Home", services.client.home),
        ("Artifacts", services.store.url),
        ("Database", services.tracking.place),
        ("Scheduler", "in this process" if settings.scheduler else "elsewhere: aqueduct scheduler"),
        ("Reached by", "this machine only" if settings.is_local else "others as well"),
        ("Signed in for", f"{settings.session_days} days"),
    ]
