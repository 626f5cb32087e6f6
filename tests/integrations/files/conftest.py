"""The same files in a folder and behind the protocols of object stores."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations.files import FileIntegration
from tests.servers import GcsServer, S3Server

SECRET = "planted-s3cret/Ω+key"


def s3_config(server: S3Server, **more: Any) -> dict[str, Any]:
    known = {
        "bucket": server.bucket(),
        "prefix": f"root/{uuid.uuid4().hex}",
        "access_key_id": "testing",
        "secret_access_key": SECRET,
        "region": "us-east-1",
        "endpoint_url": server.endpoint,
    }
    return known | more


def gcs_config(server: GcsServer, **more: Any) -> dict[str, Any]:
    known = {
        "bucket": server.bucket(),
        "prefix": f"root/{uuid.uuid4().hex}",
        "project": "test",
        "anonymous": True,
        "endpoint_url": server.endpoint,
    }
    return known | more


Make = Callable[[str], FileIntegration]


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens a new, empty place of some kind."""

    def made(kind: str) -> Any:
        if kind == "s3":
            config = s3_config(request.getfixturevalue("s3_server"))
        elif kind == "gcs":
            config = gcs_config(request.getfixturevalue("gcs_server"))
        elif kind == "azure":
            server = request.getfixturevalue("azure_server")
            options = server.storage_options()
            config = {"container": server.bucket(), "prefix": "root", **options}
        else:
            (tmp_path / "lake").mkdir()
            config = {"path": str(tmp_path / "lake")}
        return open_integration("lake", kind, config)

    return made


@pytest.fixture(params=["filesystem", "s3", "gcs", "azure"])
def lake(request: pytest.FixtureRequest, make: Make) -> FileIntegration:
    """Files of every kind of place."""
    return make(request.param)


@pytest.fixture
def folder(make: Make) -> FileIntegration:
    """Files in a folder."""
    return make("filesystem")


def put(lake: FileIntegration, path: str, data: bytes) -> None:
    """Write bytes past all formats."""
    staged = lake._place.stage(path, [data], undoable=False)
    staged.publish()
    staged.close()


def save(lake: FileIntegration, path: str, value: Any, kind: str | None = None) -> Any:
    """Save a value as a run does."""
    with lake.transaction() as transaction:
        return transaction.write(value, {"path": path, "format": kind}, {}, once="run-1")
