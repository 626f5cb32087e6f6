"""Clients in folders of their own, and of a server in a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import aqueduct_core as aq
from tests.processes import PATIENCE
from tests.server.process import Process


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that clients work in; nothing is there yet."""
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    for name in ("AQUEDUCT_DATABASE", "AQUEDUCT_STORE", "AQUEDUCT_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def client(request: pytest.FixtureRequest, home: Path) -> Iterator[aq.Client]:
    """A client of an empty workspace, closed at the end: of a folder, or of a server (`everywhere`)."""
    if getattr(request, "param", "embedded") == "embedded":
        with aq.Client() as client:
            yield client
    else:
        server: Server = request.getfixturevalue("server")
        with server.client() as client, emptied(client):
            yield client


class Server:
    """A server that tests share; each finds its workspace empty."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.key = process.key()

    def client(self) -> aq.Client:
        """Another client of it."""
        return aq.Client(self.key, self.process.address)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in a process of its own."""
    process = Process(tmp_path_factory.mktemp("server") / "home")
    try:
        yield Server(process)
    finally:
        process.end(signal.SIGTERM)


@contextmanager
def emptied(client: aq.Client) -> Iterator[None]:
    """Afterwards, everything that was published meanwhile is deleted."""
    before = {flow.name for flow in client.flows()}
    try:
        yield
    finally:
        for flow in [item for item in client.flows() if item.name not in before]:
            for run in flow.runs():
                run.cancel()
                run.wait(PATIENCE)
            client.delete_flow(flow.name)
        for name in client.integrations():
            client.delete_integration(name)
