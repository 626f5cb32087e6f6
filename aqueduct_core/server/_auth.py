"""Who somebody is: API keys, the cookie of those who have signed in, and what roles may do."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from time import time
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, Request

from aqueduct_core.client import Session
from aqueduct_core.errors import ParameterError
from aqueduct_core.server._security import SAFE
from aqueduct_core.server._settings import Settings
from aqueduct_core.server._throttle import Throttle
from aqueduct_core.tracking import ApiKey, Tracking

__all__ = ["ROLES", "Auth", "Role", "User", "require", "revoke"]

Role: TypeAlias = Literal["viewer", "editor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
T = TypeVar("T")

_DAY = 24 * 60 * 60
_LINK_MINUTES = 15
_THREADS = 4  # that look up who somebody is
_TRIES, _WINDOW = 10, 300.0  # failures to sign in, and in how many seconds


@dataclass(frozen=True, slots=True)
class User:
    """Whoever made a request.

    Attributes:
        id: The id of the API key.
        name: The name of the key.
        role: What it may do.
        csrf: What forms of this session must send as the field `csrf`, and scripts as the header
            `X-CSRF-Token`; empty for those who came with a key.
    """

    id: str
    name: str
    role: Role
    csrf: str = field(default="", repr=False)

    def may(self, role: Role) -> bool:
        """Whether what needs this role is allowed."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Auth:
    """Knows who somebody is.

    Several servers of one workspace share their sessions: a cookie is signed with a key made of the
    workspace's, and holds all there is to know; of those that were ended before their time the database
    knows. Sessions end with the key they were started with.

    Args:
        session: The workspace.
        settings: How the server is set up.
    """

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        secret = session.home.signing_key()
        self._secret = hmac.digest(secret, b"aqueduct_core.server sessions", hashlib.sha256)
        self._links: dict[str, tuple[str, float]] = {}
        self._lock = Lock()
        self._threads = CapacityLimiter(_THREADS)
        self.throttle = Throttle(_TRIES, _WINDOW)

    @property
    def cookie(self) -> str:
        """The name of the cookie: servers of other workspaces on this host have others."""
        return f"aqueduct_{self._sign('cookie')[:8]}"

    def by_key(self, key: str) -> User | None:
        """Whose API key this is."""
        return _user(self._session.tracking.verify_api_key(key))

    def by_cookie(self, cookie: str) -> User | None:
        """Who has signed in with this cookie; None if it is none of ours, has expired or was ended."""
        content = self._read(cookie)
        if content is None:
            return None
        found = self._session.tracking.api_key(content["key"], session=content["nonce"])
        return _user(found, csrf=self._sign(f"csrf {content['nonce']}"))

    def end(self, cookie: str) -> None:
        """Let a cookie, and each copy of it, be of no use from now on, at all servers."""
        content = self._read(cookie)
        if content is not None:
            ends = datetime.fromtimestamp(content["ends"], UTC)
            self._session.tracking.end_session(content["nonce"], ends)

    def _read(self, cookie: str) -> dict[str, Any] | None:
        """What a cookie says, if it is one of ours that hasn't expired."""
        text, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._sign(text).encode(), signature.encode()):
            return None
        content: dict[str, Any] = json.loads(urlsafe_b64decode(text))
        return None if content["ends"] < time() else content

    def new_cookie(self, user: User) -> str:
        """A cookie for somebody who has signed in."""
        content = {
            "key": user.id,
            "ends": int(time()) + self._settings.session_days * _DAY,
            "nonce": secrets.token_hex(8),
        }
        text = urlsafe_b64encode(json.dumps(content).encode()).decode()
        return f"{text}.{self._sign(text)}"

    def new_link(self, key: ApiKey) -> str:
        """A path to sign in once without the key, for the next minutes."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._links[token] = key.id, time() + 60 * _LINK_MINUTES
        return f"/sign-in?token={token}"

    def by_link(self, token: str) -> User | None:
        """Who may sign in by this link; it can't be used again."""
        with self._lock:
            ident, ends = self._links.pop(token, ("", 0.0))
        return _user(self._session.tracking.api_key(ident)) if ends > time() else None

    async def who(self, request: Request) -> User | None:
        """Whose key or cookie comes with a request, as that is now."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        cookie = request.cookies.get(self.cookie)
        if scheme.lower() == "bearer":
            return await self.aside(self.by_key, key.strip())
        return None if cookie is None else await self.aside(self.by_cookie, cookie)

    async def aside(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call something short in a thread that no page is made in: else it would wait for pages."""
        return await to_thread.run_sync(call, *arguments, limiter=self._threads)

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


def revoke(tracking: Tracking, key: str) -> None:
    """Let an API key be of no use from now on.

    Raises:
        ParameterError: Nobody could make keys any more.
    """
    admins = [item.id for item in tracking.api_keys() if item.role == "admin" and not item.revoked]
    if admins == [key]:
        raise ParameterError(
            "this is the last key of an admin", hint="make another one before it is revoked"
        )
    tracking.revoke_api_key(key)


def require(role: Role = "viewer") -> Callable[[Request], Awaitable[User]]:
    """A dependency of routes that need somebody with at least this role.

    Who it is stands in `request.state.user` then. Whoever changes something by a cookie must show
    that the page it comes from is ours: the field `csrf` of a form, or the header `X-CSRF-Token`.
    """

    async def check(request: Request) -> User:
        user = await _identify(request)
        if not user.may(role):
            raise HTTPException(
                403, f"this needs the role {role}, and {user.name!r} is {user.role}"
            )
        return user

    return check


async def _identify(request: Request) -> User:
    known: User | None = getattr(request.state, "user", None)
    if known is not None:
        return known
    auth: Auth = request.app.state.services.auth
    user = await auth.who(request)
    if user is None:
        has_key = bool(request.headers.get("authorization"))
        why = "this API key is not known, or was revoked" if has_key else "sign in first"
        raise HTTPException(401, why, headers={"WWW-Authenticate": "Bearer"})
    if user.csrf and request.method not in SAFE:
        await _check_csrf(request, user)
    request.state.user = user
    return user


async def _check_csrf(request: Request, user: User) -> None:
    token: Any = request.headers.get("x-csrf-token")
    kind = request.headers.get("content-type", "")
    if token is None and kind.startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        token = (await request.form()).get("csrf")
    if not isinstance(token, str) or not hmac.compare_digest(token.encode(), user.csrf.encode()):
        raise HTTPException(403, "the form is out of date: load the page again")


def _user(key: ApiKey | None, csrf: str = "") -> User | None:
    if key is None or key.revoked is not None:
        return None
    # A role that this release doesn't know may look, and no more.
    role: Role = next((role for role in ROLES if role == key.role), "viewer")
    return User(key.id, key.name, role, csrf)
