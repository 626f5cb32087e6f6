"""Databases to watch, and a scheduler whose clock is set by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aqueduct_core.dag import Daily, schedule_spec
from aqueduct_core.tracking import Tracking
from tests.databases import PostgresServer
from tests.scheduler.toys import Bench
from tests.tracking.toys import SECRET


@pytest.fixture(scope="session")
def _postgres() -> Iterator[PostgresServer]:
    missing = PostgresServer.missing()
    if missing is not None:
        pytest.skip(f"{missing} is not installed (tools/servers.sh)")
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/aqueduct.db"
        return
    server = request.getfixturevalue("_postgres")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A database in a file, and what was triggered."""
    with Tracking(f"sqlite:///{tmp_path}/aqueduct.db", secret=SECRET) as tracking:
        yield Bench(tracking)


@pytest.fixture
def daily() -> dict[str, object]:
    """Every day at noon in UTC."""
    return schedule_spec(Daily(hour=12))


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 6, 1, 12, tzinfo=UTC)
