"""Clients in folders of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import aqueduct_core as aq


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that clients work in; nothing is there yet."""
    monkeypatch.setenv("AQUEDUCT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("AQUEDUCT_DATABASE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def client(home: Path) -> Iterator[aq.Client]:
    """A client, closed at the end."""
    with aq.Client() as client:
        yield client
