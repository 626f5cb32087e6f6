"""What every answer says to browsers, and what no request may do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aqueduct_core.server._errors import problem
from aqueduct_core.server._settings import Settings

__all__ = ["CSP", "SAFE", "Guard", "SecurityHeaders"]

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
SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods by which nothing is changed."""
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


class _Refused(Exception):
    """The body of a request isn't read any further."""


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
        body = _Body(receive, limit, self._settings.patience)
        length = headers.get("content-length", "0")
        if _is_foreign(scope["method"], headers):
            await _refuse(scope, receive, send, 403, "this was asked for by a page of another site")
        elif length.isdigit() and int(length) > limit:
            await _refuse(scope, receive, send, *body.too_large)
        else:
            await self._answer(scope, body, send)

    async def _answer(self, scope: Scope, body: _Body, send: Send) -> None:
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            if body.fault is None or started:  # else the app says how it liked the fault
                started = True
                await send(message)

        with suppress(_Refused):
            await self._app(scope, body.receive, sent)
        if body.fault is not None and not started:
            await _refuse(scope, body.receive, send, *body.fault)


class _Body:
    """The body of a request, as far as it is read."""

    def __init__(self, receive: Receive, limit: int, patience: float) -> None:
        self._receive = receive
        self._limit = limit
        self._patience = patience
        self._size = 0
        self._is_complete = False
        self.fault: tuple[int, str] | None = None
        self.too_large = 413, f"the request has more than {limit:,} bytes"

    async def receive(self) -> Message:
        if self._is_complete:  # what comes now is the end of the connection, whenever that is
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._patience)
        except TimeoutError:
            self.fault = 408, f"no bytes came for {self._patience:g} seconds"
            raise _Refused from None
        content: Any = message.get("body", b"")
        self._size += len(content)
        if self._size > self._limit:
            self.fault = self.too_large
            raise _Refused
        self._is_complete = not message.get("more_body", False)
        return message


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, why: str) -> None:
    answer = problem(Request(scope), status, why)
    answer.headers["connection"] = "close"
    await answer(scope, receive, send)


def _is_foreign(method: str, headers: Headers) -> bool:
    """Whether a browser says that another site is behind a change; keys can't be sent that way."""
    if method in SAFE or "authorization" in headers:
        return False
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
