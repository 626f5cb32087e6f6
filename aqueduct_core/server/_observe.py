"""Each request gets an id, a line in the log, and is counted; what nobody caught is answered here."""

from __future__ import annotations

import logging
import re
from secrets import token_hex
from time import perf_counter

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aqueduct_core.server._errors import problem
from aqueduct_core.server._metrics import Metrics

__all__ = ["Observe"]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logging.getLogger("aqueduct_core.server")
_access = logging.getLogger("aqueduct_core.server.access")


class Observe:
    """Watches requests.

    A proxy may have given a request an id already: `X-Request-ID`.

    Args:
        app: What answers.
        metrics: Counts.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        ident = given if _ID.fullmatch(given) else token_hex(8)
        scope.setdefault("state", {})["request_id"] = ident
        status = 0
        begin = perf_counter()
        self._metrics.begin()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = ident
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            _log.exception("request %s failed", ident, extra={"request_id": ident})
            if status:
                raise
            detail = "something went wrong in the server; its log has more, under this id"
            await problem(Request(scope), 500, detail)(scope, receive, watched)
        finally:
            self._note(scope, ident, status, perf_counter() - begin)

    def _note(self, scope: Scope, ident: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        status = status or 499  # the caller has gone
        self._metrics.end(scope["method"], route, status, seconds)
        user = scope["state"].get("user")
        client = scope.get("client")
        # Not the query: it can hold the token of a link, and what somebody searches for.
        facts = {
            "request_id": ident,
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "client": client[0] if client else None,
            "user": user.name if user else None,
        }
        _access.info("%(method)s %(path)s %(status)s %(milliseconds)s ms", facts, extra=facts)
