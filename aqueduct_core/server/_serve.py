"""One process: API, pages, the scheduler, and the runs that they start."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from types import FrameType
from typing import Any

import uvicorn

from aqueduct_core.client import Client, Session, recover, start_in_background
from aqueduct_core.errors import UnsupportedError
from aqueduct_core.scheduler import Scheduler
from aqueduct_core.server._settings import Settings
from aqueduct_core.server.app import create_app

__all__ = ["serve"]

_RESCUE = 10.0  # seconds between two looks for runs whose process is gone

_log = logging.getLogger("aqueduct_core.server")


def serve(
    client: Client, settings: Settings, ready: Callable[[Settings, Callable[[], str]], None]
) -> None:
    """Serve a workspace until SIGTERM or Ctrl-C. Requests come to their end, and then runs do.

    Args:
        client: An embedded client.
        settings: How the server is set up. Port 0 is any port that is free.
        ready: Called as soon as it listens, with the settings as they are, and what makes a path
            to sign in once with the newest admin key.

    Raises:
        UnsupportedError: It can't listen at this address.
    """
    listener = _listen(settings)
    settings = replace(settings, port=listener.getsockname()[1])
    app = create_app(client, settings)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.grace),
        timeout_keep_alive=30,
    )
    server = _Server(config, app.state.services.live.close)
    stop = Event()
    with _ended_by_signals(server.stop), _watching(client, stop, is_on=settings.scheduler):
        ready(settings, lambda: _link(app.state.services))
        server.run(sockets=[listener])
    _log.info("stopped; runs that are going on are waited for")
    with _ended_by_signals(_leave):
        client._session.wait()


class _Server(uvicorn.Server):
    """Lets watchers of events go as soon as it stops: they would never end on their own."""

    def __init__(self, config: uvicorn.Config, let_go: Callable[[], None]) -> None:
        super().__init__(config)
        self._let_go = let_go

    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # they are ours
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._let_go()
        await asyncio.sleep(0)
        await super().shutdown(sockets)

    def stop(self) -> None:
        self.force_exit = self.should_exit  # the second time
        self.should_exit = True


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        raise UnsupportedError(
            f"it can't listen at {settings.host}:{settings.port}: {error}",
            hint="another server may be running there; --port chooses another port",
        ) from error


def _link(services: Any) -> str:
    keys = services.tracking.api_keys()
    admin = next(key for key in keys if key.role == "admin" and key.revoked is None)
    return str(services.auth.new_link(admin))


@contextmanager
def _watching(client: Client, stop: Event, *, is_on: bool) -> Iterator[None]:
    """Go on with runs whose server was killed, and start others when it is time."""
    session = client._session
    _go_on(session)
    rescue = Thread(target=_go_on_forever, args=(session, stop), name="aqueduct-rescue")
    rescue.start()
    try:
        with session.clusters.looked_after(), _scheduling(session, stop, is_on=is_on):
            yield
    finally:
        stop.set()
        rescue.join()


def _go_on(session: Session) -> None:
    for key in recover(session):
        _log.info("%s: goes on", key)


def _go_on_forever(session: Session, stop: Event) -> None:
    """Go on with runs of servers that have died meanwhile."""
    while not stop.wait(_RESCUE):
        try:
            _go_on(session)
        except Exception:  # noqa: BLE001 - the database is away, for example: it is looked again
            _log.exception("runs whose process is gone could not be looked for")


@contextmanager
def _scheduling(session: Session, stop: Event, *, is_on: bool) -> Iterator[None]:
    """Start workflows when it is time."""
    if not is_on:
        yield
        return
    scheduler = Scheduler(session.tracking, partial(start_in_background, session))
    thread = Thread(target=scheduler.run_forever, args=(stop,), name="aqueduct-scheduler")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _ended_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        stop()

    previous = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _leave() -> None:
    """Leave runs alone: they go on when a server starts again."""
    os._exit(130)
