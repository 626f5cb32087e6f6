"""Servers of mail and webhooks, and a message about a run that failed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aqueduct_core.notifications import Message, Problem
from tests.notifications.servers import HttpServer, MailServer, certificate


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate of our own, and the context of a server that shows it."""
    return certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def message() -> Message:
    return Message(
        flow="Churn <b>&",
        run="scheduled-2026-06-01T1200Z",
        state="failed",
        seconds=75.4,
        failed=(Problem("predict", "ValueError: <nothing> at churn.py:12"),),
        checks=(Problem("not_empty", "0 rows"),),
        link="https://aqueduct.example/runs/1?a=b&c=d",
        id="00000000-0000-4000-8000-000000000001",
        time=datetime(2026, 6, 1, 12, 1, 15, tzinfo=UTC),
    )
