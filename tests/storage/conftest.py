"""Storages that the tests reach through a proxy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_core.storage._fsspec import FsspecStorage
from tests.servers import FaultProxy, S3Server


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
            "retry_seconds": 150.0,  # a machine that is busy gives up no sooner
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
