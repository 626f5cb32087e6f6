"""The app: API, pages and files under one roof."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from aqueduct_core._version import __version__
from aqueduct_core.client import Client
from aqueduct_core.server import _health, _sign_in, api, pages
from aqueduct_core.server._deadline import Deadline
from aqueduct_core.server._errors import add_handlers
from aqueduct_core.server._observe import Observe
from aqueduct_core.server._security import Guard, SecurityHeaders
from aqueduct_core.server._services import Services
from aqueduct_core.server._settings import Settings
from aqueduct_core.server._templates import STATIC, stamp

__all__ = ["create_app"]

_STATIC = os.path.realpath(STATIC)


def create_app(client: Client, settings: Settings | None = None) -> FastAPI:
    """The server of a workspace, as an ASGI app.

    Args:
        client: An embedded client; whoever made it closes it.
        settings: How the server is set up.
    """
    services = Services.of(client, settings or Settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        services.live.close()

    app = FastAPI(
        title="Aqueduct",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # their assets come from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.services = services
    add_handlers(app)
    app.include_router(_health.router)
    app.include_router(_sign_in.router)
    app.include_router(api.router())
    app.include_router(pages.router(services))
    app.mount("/static", _Files(directory=STATIC, check_dir=False), name="static")
    # The last one added is the first to see a request.
    app.add_middleware(Deadline, settings=services.settings)
    app.add_middleware(Guard, settings=services.settings)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.add_middleware(SecurityHeaders, settings=services.settings)
    app.add_middleware(Observe, metrics=services.metrics)
    return app


class _Files(StaticFiles):
    """Files of the pages. Browsers may keep those whose URL says what is in them."""

    def file_response(self, *args: object, **options: object) -> Response:
        given: Any = args  # whatever the library hands on
        scope: Scope = given[2]
        answer = super().file_response(*given, **cast("dict[str, Any]", options))
        path = os.path.relpath(given[0], _STATIC)
        is_named = scope.get("query_string", b"") == f"v={stamp(path)}".encode()
        kept = "public, max-age=31536000, immutable" if is_named else "no-cache"
        answer.headers["cache-control"] = kept
        return answer
