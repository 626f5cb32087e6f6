"""The conformance kit on every storage there is."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar

import pytest

from aqueduct_core.abc import Storage
from aqueduct_core.storage import open_storage
from aqueduct_core.storage._fsspec import FsspecStorage
from aqueduct_core.testing import FaultyStorage, StorageTests
from tests.servers import AzureServer, GcsServer, S3Server

PART = 5 << 20  # the least that S3 takes


class TestLocal(StorageTests):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return open_storage(str(tmp_path / "store"))


class TestMemory(StorageTests):
    large: ClassVar[int] = 1 << 20

    @pytest.fixture
    def storage(self) -> Storage:
        return open_storage("memory://")


class TestFaultyWithoutFaults(StorageTests):
    large: ClassVar[int] = 1 << 20
    many: ClassVar[int] = 10

    @pytest.fixture
    def storage(self) -> Storage:
        return FaultyStorage(open_storage("memory://"))


class TestS3(StorageTests):
    many: ClassVar[int] = 30  # see TestRequests.test_pages

    @pytest.fixture
    def storage(self, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Storage:
        monkeypatch.setattr("aqueduct_core.storage._transfer.FAST", float("inf"))
        return FsspecStorage(
            f"s3://{s3_server.bucket()}/a/prefix",
            part_size=PART,
            multipart_above=PART,
            **s3_server.storage_options(),
        )


class TestS3ThroughS3fs(StorageTests):
    """What options that only s3fs understands lead to."""

    many: ClassVar[int] = 10
    large: ClassVar[int] = PART + 1

    @pytest.fixture
    def storage(self, s3_server: S3Server) -> Storage:
        return FsspecStorage(
            f"s3://{s3_server.bucket()}/prefix",
            part_size=PART,
            version_aware=False,
            skip_instance_cache=False,  # a new file system for each test takes a second
            **s3_server.storage_options(),
        )


class TestGcs(StorageTests):
    many: ClassVar[int] = 50

    @pytest.fixture
    def storage(self, gcs_server: GcsServer) -> Storage:
        return open_storage(
            f"gs://{gcs_server.bucket()}/a/prefix", part_size=PART, **gcs_server.storage_options()
        )


# adlfs hands large bodies to aiohttp as bytes, which it warns of.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
class TestAzure(StorageTests):
    many: ClassVar[int] = 50

    @pytest.fixture
    def storage(self, azure_server: AzureServer) -> Storage:
        return open_storage(
            f"az://{azure_server.bucket()}/a/prefix",
            part_size=PART,
            **azure_server.storage_options(),
        )


class TestFolderThroughFsspec(StorageTests):
    """A file system that shows files while they are written."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return FsspecStorage(f"file://{tmp_path}/store", part_size=PART)


class TestMemoryThroughFsspec(StorageTests):
    @pytest.fixture
    def storage(self) -> Storage:
        return FsspecStorage(f"memory://{uuid.uuid4().hex}", part_size=PART)
