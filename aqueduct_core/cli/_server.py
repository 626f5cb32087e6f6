"""`aqueduct server`: the web UI, the REST API and the scheduler, until it is stopped."""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime

from aqueduct_core.cli._open import open_client
from aqueduct_core.client import Client
from aqueduct_core.errors import MissingExtraError

__all__ = ["run"]

_OURS = ("request_id", "method", "path", "status", "milliseconds", "client", "user")


def run(options: Namespace) -> int:
    """Serve the workspace. The first time, a key is made and shown."""
    try:
        from aqueduct_core.server import Settings
        from aqueduct_core.server._serve import serve
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "server", "The server") from error
    _log_to_stderr(as_json=options.json)
    settings = Settings(
        host=options.host,
        port=options.port,
        address=options.address,
        scheduler=not options.no_scheduler,
    )
    client = open_client(options)
    key = _first_key(client)

    def ready(settings: Settings, link: Callable[[], str]) -> None:
        print(f"Aqueduct is at {settings.url}", flush=True)
        if key is not None:
            print(f"\n  Your API key, shown only now:  {key}\n", flush=True)
        if key is not None or sys.stdout.isatty():
            print(f"  Sign in once with this link:  {settings.url}{link()}\n", flush=True)
        if not (settings.is_local or settings.is_secure):
            print(
                "  Others can reach it, and HTTP shows them keys: put a proxy with HTTPS before it.",
                file=sys.stderr,
            )

    serve(client, settings, ready)
    return 0


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
