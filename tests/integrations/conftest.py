"""Real servers, and an empty database on them for each test."""

from __future__ import annotations

import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations._pool import close_idle
from tests.databases import MariadbServer, PostgresServer, Server
from tests.environments import make_environment
from tests.ports import free_port
from tests.processes import wait_until


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    yield from running(PostgresServer)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    yield from running(MariadbServer)


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[Any]:
    yield from _database(postgres_server, "postgres")


@pytest.fixture
def mariadb(mariadb_server: Server) -> Iterator[Any]:
    yield from _database(mariadb_server, "mariadb")


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[int]:
    """The port of a server with Snowflake's protocol."""
    here = Path(__file__).parent / "snowflake"
    try:
        programs = make_environment(here / "snowflake.in")
    except RuntimeError as error:
        if "Failed to fetch" in str(error) or "error sending request" in str(error):
            pytest.skip("there is no package index")
        raise
    port = free_port()
    command = [programs / "python", here / "snowflake_server.py", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while not _listens(port):
                assert process.poll() is None, "the server ended"
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


@pytest.fixture
def snowflake(snowflake_server: int) -> Any:
    config = {"account": "fakesnow", "user": "u", "password": "p", "schema": "S"}
    place = {"host": "127.0.0.1", "port": snowflake_server, "protocol": "http"}
    database = f"T{uuid.uuid4().hex[:12].upper()}"
    return open_integration("warehouse", "snowflake", {**config, **place, "database": database})


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


def running(server: type[Server]) -> Iterator[Server]:
    if (missing := server.missing()) is not None:
        pytest.skip(f"{missing} is not installed")
    with server() as running:
        yield running


def _database(server: Server, kind: str) -> Iterator[Any]:
    url = server.create()
    known = make_url(url)
    config = {"host": known.host, "port": known.port, "user": known.username}
    yield open_integration("warehouse", kind, {**config, "database": known.database})
    # PostgreSQL drops none that somebody is connected to: what is open beyond this was left behind.
    close_idle()
    wait_until(partial(_drop, server, url), tell=lambda: f"somebody is connected to {url}")


def _drop(server: Server, url: str) -> bool:
    """Delete a database, unless the server still sees somebody in it."""
    from psycopg.errors import ObjectInUse

    try:
        server.drop(url)
    except ObjectInUse:
        return False
    return True
