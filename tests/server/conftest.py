"""A real server over a workspace with a few runs, and people who use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from threading import Thread
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

import aqueduct_core as aq
from aqueduct_core.server import Settings, create_app


class Served(NamedTuple):
    """A server that is running."""

    address: str
    app: FastAPI


@contextmanager
def serving(client: aq.Client, settings: Settings | None = None) -> Iterator[Served]:
    """A server in a thread."""
    listener = create_server(("127.0.0.1", 0))
    app = create_app(client, settings)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
    finally:
        app.state.services.live.close()
        server.should_exit = True
        thread.join()


def publish_flights(client: aq.Client, **options: Any) -> aq.client.Flow:
    """A small workflow: a parameter, a table, a model, a metric and a check."""
    limit = client.create_param("limit", 3)

    @aq.op
    def flights(limit: int) -> list[dict[str, Any]]:
        print("reading", limit)
        if limit < 0:
            raise ValueError("a negative limit")
        return [{"carrier": "AA", "delay": number} for number in range(limit)]

    @aq.op(outputs=["model", "note"])
    def train(rows: list[dict[str, Any]]) -> tuple[object, str]:
        return {1, 2}, "<script>alert(1)</script>"

    @aq.metric
    def rows(rows: list[dict[str, Any]]) -> int:
        return len(rows)

    @aq.check(severity="warning")
    def few(rows: list[dict[str, Any]]) -> bool:
        return len(rows) < 5

    table = flights(limit)
    rows(table)
    few(table)
    return client.publish_flow("Flights", [*train(table)], quiet=True, **options)


class Site:
    """A server, its workspace and its people."""

    def __init__(
        self, client: aq.Client, served: Served, flow: aq.client.Flow | None = None
    ) -> None:
        self.client = client
        self.address, self.app = served
        if flow is not None:
            self.flow = flow
            self.run = flow.latest()
        self.tracking = client._session.tracking
        self.keys = {
            role: self.tracking.create_api_key(role, role)[1]
            for role in ("viewer", "editor", "admin")
        }
        self._opened: list[httpx.Client] = []

    def as_(self, role: str, **headers: str) -> httpx.Client:
        """Somebody with a key; `nobody` has none."""
        if role in self.keys:
            headers["authorization"] = f"Bearer {self.keys[role]}"
        made = httpx.Client(base_url=self.address, headers=headers, timeout=60)
        self._opened.append(made)
        return made

    def signed_in(self, role: str) -> httpx.Client:
        """Somebody in a browser."""
        made = self.as_("nobody", accept="text/html")
        answer = made.post("/sign-in", data={"key": self.keys[role]})
        assert answer.status_code == 303, answer.text
        return made

    def close(self) -> None:
        for client in self._opened:
            client.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that the tests look at and don't change, but for what they make themselves."""
    home = tmp_path_factory.mktemp("site") / "home"
    with aq.Client(home=home) as client:
        flow = publish_flights(client)
        flow.trigger({"limit": -1}, quiet=True)
        with serving(client) as served:
            site = Site(client, served, flow)
            site.run = flow.runs()[-1]
            yield site
            site.close()


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes a server of one's own."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(settings: Settings | None = None) -> Site:
            client = stack.enter_context(aq.Client(home=tmp_path / "home"))
            flow = publish_flights(client)
            made = Site(client, stack.enter_context(serving(client, settings)), flow)
            stack.callback(made.close)
            return made

        yield make
