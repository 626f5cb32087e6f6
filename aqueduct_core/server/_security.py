"""What every answer says to browsers, and what no request may do."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aqueduct_core.server._errors import problem
from aqueduct_core.server._settings import Settings

__all__ = ["CSP", "Guard", "SecurityHeaders"]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_UPLOADS = "/api/v1/storage/"


class SecurityHeaders:
    """Adds the headers that keep browsers from doing what a page didn't ask for.

    Args:
        app: What answers.
        settings: How the server is set up.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if settings.is_secure:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if headers.get("content-encoding") == "identity":  # said to our own compression
                    del headers["content-encoding"]
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class TooLarge(Exception):
    """The body of a request is larger than allowed."""


class TooSlow(Exception):
    """The body of a request didn't come."""


class Guard:
    """Refuses bodies that are too large or too slow, and changes that other sites ask for.

    Args:
        app: What answers.
        settings: How the server is set up.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._settings.largest_body
        if scope["path"].startswith(_UPLOADS):
            limit = self._settings.largest_upload
        headers = Headers(scope=scope)
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        async def refuse(status: int, why: str) -> None:
            if not started:
                answer = problem(Request(scope), status, why)
                answer.headers["connection"] = "close"
                await answer(scope, receive, send)

        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > limit:
            await refuse(413, f"the request has {int(length):,} bytes; {limit:,} are allowed")
        elif _is_foreign(scope["method"], headers):
            await refuse(403, "this was asked for by a page of another site")
        else:
            try:
                await self._app(scope, self._limited(receive, limit), sent)
            except TooLarge:
                await refuse(413, f"the request has more than {limit:,} bytes")
            except TooSlow:
                await refuse(408, f"no bytes came for {self._settings.patience:g} seconds")

    def _limited(self, receive: Receive, limit: int) -> Receive:
        size = 0
        is_complete = False

        async def limited() -> Message:
            nonlocal size, is_complete
            if is_complete:  # what comes now is the end of the connection, whenever that is
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._settings.patience)
            except TimeoutError:
                raise TooSlow from None
            body: Any = message.get("body", b"")
            size += len(body)
            if size > limit:
                raise TooLarge
            is_complete = not message.get("more_body", False)
            return message

        return limited


def _is_foreign(method: str, headers: Headers) -> bool:
    """Whether a browser says that another site is behind a change; keys can't be sent that way."""
    if method in _SAFE or "authorization" in headers:
        return False
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
