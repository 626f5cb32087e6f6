"""`aqueduct server`: the web UI, the REST API and the scheduler, until it is stopped."""

from __future__ import annotations

import json
import logging
import os
import sys
import webbrowser
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aqueduct_core.cli._open import open_client
from aqueduct_core.client import Client
from aqueduct_core.errors import MissingExtraError

if TYPE_CHECKING:
    from aqueduct_core.server import Settings

__all__ = ["check_installed", "run", "serve"]

_OURS = ("request_id", "method", "path", "status", "milliseconds", "client", "user")


def run(options: Namespace) -> int:
    """Serve the workspace. The first time, a key is made and shown."""
    _log_to_stderr(as_json=options.json)
    settings = {"host": options.host, "port": options.port, "address": options.address}
    return serve(open_client(options), **settings, scheduler=not options.no_scheduler)


def serve(client: Client, *, opens: bool = False, **settings: Any) -> int:
    """Serve a workspace until it is stopped, and say how to get in.

    Args:
        client: The workspace.
        opens: Whether to open it in a browser, where there is a screen.
        **settings: Fields of the server's `Settings`.
    """
    check_installed()
    from aqueduct_core.server import Settings
    from aqueduct_core.server._serve import serve as serve_app

    key = _first_key(client)

    def ready(settings: Settings, link: Callable[[], str]) -> None:
        print(f"Aqueduct is at {settings.url}", flush=True)
        if key is not None:
            print(f"\n  Your API key, shown only now:  {key}\n", flush=True)
        if key is not None or opens or sys.stdout.isatty():
            print(f"  Sign in once with this link:  {settings.url}{link()}\n", flush=True)
        if opens and _has_screen():
            webbrowser.open(f"{settings.url}{link()}")
        if not (settings.is_local or settings.is_secure):
            print(
                "  Others can reach it, and HTTP shows them keys: put a proxy with HTTPS before it.",
                file=sys.stderr,
            )

    serve_app(client, Settings(**settings), ready)
    return 0


def check_installed() -> None:
    """Raise `MissingExtraError` if the server can't run here."""
    try:
        import aqueduct_core.server._serve  # noqa: F401 - whether it is there
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "server", "The server") from error


def _has_screen() -> bool:
    """Whether a browser would have a window; others would take over the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _first_key(client: Client) -> str | None:
    """A key for an admin, if there is none."""
    tracking = client._session.tracking
    if any(item.role == "admin" and item.revoked is None for item in tracking.api_keys()):
        return None
    return tracking.create_api_key("first", "admin")[1]


def _log_to_stderr(*, as_json: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines() if as_json else logging.Formatter("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


class _Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        known = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        known |= {name: getattr(record, name) for name in _OURS if hasattr(record, name)}
        if record.exc_info:
            known["exception"] = self.formatException(record.exc_info)
        return json.dumps(known, ensure_ascii=False, default=str)
