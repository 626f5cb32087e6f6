"""The databases: each test of the parametrized fixtures runs on all three."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from aqueduct_core.tracking import Tracking
from aqueduct_core.tracking._tables import counters, metadata
from tests.databases import MariadbServer, PostgresServer, Server
from tests.tracking.toys import SECRET

BACKENDS = ("sqlite", "postgresql", "mariadb")
SERVERS = {"postgresql": PostgresServer, "mariadb": MariadbServer}


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Server]]:
    """Servers that were needed so far."""
    started: dict[str, Server] = {}
    yield started
    for server in started.values():
        server.__exit__()


@pytest.fixture(scope="session")
def databases() -> dict[str, str]:
    """The database of this process on each server: its tables are made once, and then emptied."""
    return {}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    missing = SERVERS[name].missing() if name in SERVERS else None
    if missing is not None:
        pytest.skip(f"{missing} of {name} is not installed (tools/servers.sh)")
    return name


@pytest.fixture
def empty(backend: str, servers: dict[str, Server], tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path}/aqueduct.db"
        return
    if backend not in servers:
        servers[backend] = SERVERS[backend]().__enter__()
    url = servers[backend].create()
    yield url
    servers[backend].drop(url)


@pytest.fixture
def url(backend: str, servers: dict[str, Server], databases: dict[str, str], tmp_path: Path) -> str:
    """The URL of a database whose tables are empty."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/aqueduct.db"
    if backend not in servers:
        servers[backend] = SERVERS[backend]().__enter__()
    if backend not in databases:
        databases[backend] = servers[backend].create()
        return databases[backend]
    with Tracking(databases[backend], secret=SECRET) as tracking:
        _empty(tracking)
    return databases[backend]


@pytest.fixture
def tracking(url: str) -> Iterator[Tracking]:
    """An empty tracking database."""
    with Tracking(url, secret=SECRET) as tracking:
        yield tracking


def _empty(tracking: Tracking) -> None:
    with tracking._database.writer.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            if table is not counters:
                connection.execute(delete(table))
        connection.execute(update(counters).values(value=0))
