"""Real servers, and an empty database on them for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url

from aqueduct_core.integrations import open_integration
from tests.databases import MariadbServer, PostgresServer, Server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    yield from _running(PostgresServer)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    yield from _running(MariadbServer)


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[Any]:
    yield from _database(postgres_server, "postgres")


@pytest.fixture
def mariadb(mariadb_server: Server) -> Iterator[Any]:
    yield from _database(mariadb_server, "mariadb")


def _running(server: type[Server]) -> Iterator[Server]:
    if (missing := server.missing()) is not None:
        pytest.skip(f"{missing} is not installed")
    with server() as running:
        yield running


def _database(server: Server, kind: str) -> Iterator[Any]:
    url = server.create()
    known = make_url(url)
    config = {"host": known.host, "port": known.port, "user": known.username}
    yield open_integration("warehouse", kind, {**config, "database": known.database})
    server.drop(url)
