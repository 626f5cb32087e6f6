"""S3: what is asked of the server, and what its options are."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import (
    StorageFullError,
)
from aqueduct_core.storage import _transfer
from aqueduct_core.storage._fsspec import FsspecStorage
from aqueduct_core.storage._s3 import S3Client
from tests.servers import FaultProxy, Rule, S3Server

PART = 5 << 20

Make = Callable[..., FsspecStorage]


class TestRequests:
    """Nothing is asked that isn't needed: no bucket, no listing, no size."""

    def test_a_small_put_is_one(self, make: Make, s3_proxy: FaultProxy, bucket: str) -> None:
        make().put("key", b"data", b" and more")
        assert s3_proxy.requests == [("PUT", f"/{bucket}/prefix/key")]

    def test_a_create_is_one(self, make: Make, s3_proxy: FaultProxy, bucket: str) -> None:
        storage = make()
        assert storage.create("key", b"da", b"ta") is True
        assert storage.create("key", b"other") is False
        assert s3_proxy.requests == [("PUT", f"/{bucket}/prefix/key")] * 2

    @pytest.mark.parametrize("size", [0, 10, 100_000, 3 << 20])
    def test_a_get_is_one(self, make: Make, s3_proxy: FaultProxy, bucket: str, size: int) -> None:
        make().put("key", b"x" * size)
        s3_proxy.reset()
        assert make().get("key") == b"x" * size
        assert s3_proxy.requests == [("GET", f"/{bucket}/prefix/key")]

    def test_a_range_is_one(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make()
        storage.put("key", b"0123456789")
        with s3_proxy.counted() as requests:
            assert storage.get("key", 3, 5) == b"34"
        assert len(requests) == 1

    def test_stat_is_one(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make()
        storage.put("key", b"data")
        with s3_proxy.counted() as requests:
            assert storage.stat("key") is not None
            assert storage.stat("missing") is None
        assert [method for method, _ in requests] == ["HEAD", "HEAD"]

    def test_others_changes_are_seen(self, make: Make) -> None:
        ours, theirs = make(), make()
        assert [*ours.list()] == []
        theirs.put("key", b"1")
        assert [info.key for info in ours.list()] == ["key"]
        theirs.put("key", b"22")
        assert ours.get("key") == b"22"

    def test_deletes_a_thousand_with_one(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make()
        for index in range(5):
            storage.put(f"k{index}", b"x")
        with s3_proxy.counted() as requests:
            storage.delete(*(f"k{index}" for index in range(1000)))
        assert [method for method, _ in requests] == ["POST"]
        with s3_proxy.counted() as requests:
            storage.delete("k1")
        assert [method for method, _ in requests] == ["DELETE"]

    def test_a_list_is_one(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make()
        storage.put("a/b", b"x")
        with s3_proxy.counted() as requests:
            assert [info.key for info in storage.list("a/")] == ["a/b"]
        assert len(requests) == 1

    def test_a_large_put_is_its_parts_and_two(self, make: Make, s3_proxy: FaultProxy) -> None:
        make().put("key", bytes(3 * PART + 1))
        assert sorted(method for method, _ in s3_proxy.requests) == ["POST"] * 2 + ["PUT"] * 4

    def test_to_this_machine_all_goes_at_once(
        self, make: Make, s3_proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_transfer, "FAST", 0)  # however busy the machine is
        storage = make(multipart_above=None)
        storage.put("key", bytes(PART), bytes(3 * PART))
        with s3_proxy.counted() as requests:
            data = storage.get("key")
        assert bytes(data) == bytes(4 * PART)
        assert [method for method, _ in s3_proxy.requests] == ["PUT", "GET"]
        assert len(requests) == 1

    def test_elsewhere_parts_are_sent(self) -> None:
        options = {"key": "k", "secret": "s", "client_kwargs": {"region_name": "eu-west-1"}}
        assert S3Client("bucket", options, part=PART, concurrency=2).single == 2 * PART
        near = options | {"endpoint_url": "http://localhost:9000"}
        assert S3Client("bucket", near, part=PART, concurrency=2).single > 1 << 30

    def test_pages(
        self, make: Make, s3_server: S3Server, s3_proxy: FaultProxy, bucket: str
    ) -> None:
        storage = make()
        keys = [f"page/{index:05}" for index in range(2_005)]
        s3_server.fill(bucket, [f"prefix/{key}" for key in [*keys, "other"]])
        with s3_proxy.counted() as requests:
            assert sorted(info.key for info in storage.list("page/")) == keys
        assert len(requests) == 3
        with s3_proxy.counted() as requests:
            storage.delete(*keys)
        assert len(requests) == 3
        assert [info.key for info in storage.list()] == ["other"]

    def test_begins_behind_a_key(
        self, make: Make, s3_server: S3Server, s3_proxy: FaultProxy, bucket: str
    ) -> None:
        storage = make()
        keys = [f"page/{index:05}" for index in range(2_005)]
        s3_server.fill(bucket, [f"prefix/{key}" for key in [*keys, "page/é ~", "a", "z"]])
        with s3_proxy.counted() as requests:
            listed = storage.list_after("page/", keys[1_000])
            assert listed is not None
            assert [info.key for info in islice(listed, 3)] == keys[1_001:1_004]
        assert len(requests) == 1
        for after, expected in (
            ("", [*keys, "page/é ~"]),
            (keys[3], [*keys[4:], "page/é ~"]),
            ("page/é ", ["page/é ~"]),
            ("page/é ~", []),
            ("page0", []),
            ("b", [*keys, "page/é ~"]),
        ):
            found = storage.list_after("page/", after)
            assert found is not None
            assert [info.key for info in found] == expected, after


class TestLarge:
    def test_a_slow_stream_is_helped_in_ranges(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make()
        data = os.urandom(4 * PART)
        storage.put("key", data)
        s3_proxy.reset()
        s3_proxy.rules = [Rule("throttle", "GET", amount=4e6)]
        assert memoryview(storage.get("key")) == data
        assert len(s3_proxy.requests) > 1

    def test_memory_is_writable_and_starts_at_a_page(self, make: Make) -> None:
        storage = make()
        storage.put("key", bytes(1 << 20))
        view = memoryview(storage.get("key"))
        assert not view.readonly
        view[0] = 1
        np = pytest.importorskip("numpy")
        assert np.frombuffer(view, "u1").ctypes.data % 4096 == 0

    @pytest.mark.parametrize("multipart_above", [PART, None], ids=["parts", "at once"])
    def test_nothing_is_joined(self, make: Make, multipart_above: int | None) -> None:
        storage = make(multipart_above=multipart_above, concurrency=2)
        storage.put("warm", b"x" * 70_000)
        buffers = [os.urandom(3 << 20) for _ in range(10)]
        client = storage._client()
        # The server and the proxy are in this process, too: only what is handed to botocore counts.
        handed = []

        def call(method: str, **arguments: Any) -> Any:
            body = arguments.get("Body", b"")
            handed.append(len(body) if isinstance(body, bytes) else 0)
            while not isinstance(body, bytes) and body.read(16_384):
                pass
            return {"UploadId": "u", "ETag": "e"}

        client._call = call  # type: ignore[attr-defined]
        tracemalloc.start()
        storage.put("key", *buffers)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert max(handed) == 0
        assert peak < 1 << 20

    def test_an_object_that_is_replaced_while_it_is_read(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_transfer, "FAST", float("inf"))
        monkeypatch.setattr(_transfer, "_JUDGED_AFTER", 0.0)
        reader, writer = make(concurrency=2), make()
        writer.put("key", b"1" * (4 * PART))
        client = reader._client()
        opened, replaced = client.open, []

        def open_(key: str, start: int, end: int | None, version: str | None = None) -> Any:
            if start and not replaced:
                replaced.append(True)
                writer.put("key", b"2" * (4 * PART + 1))
            return opened(key, start, end, version)

        client.open = open_  # type: ignore[method-assign]
        assert bytes(reader.get("key")) == b"2" * (4 * PART + 1)
        assert replaced


class TestOptions:
    def test_what_s3fs_takes(self, s3_proxy: FaultProxy, bucket: str) -> None:
        storage = FsspecStorage(
            f"s3a://{bucket}",
            username="u",
            password="p",
            token="t",
            client_kwargs={"region_name": "eu-west-1", "endpoint_url": s3_proxy.endpoint},
            s3_additional_kwargs={"StorageClass": "STANDARD_IA", "ServerSideEncryption": "AES256"},
            requester_pays=True,
            use_listings_cache=False,
        )
        storage.put("key", b"data")
        assert storage.get("key") == b"data"
        answer = storage._client()._s3.head_object(Bucket=bucket, Key="key")  # type: ignore[attr-defined]
        assert answer["StorageClass"] == "STANDARD_IA"
        assert answer["ServerSideEncryption"] == "AES256"

    def test_anonymous(self, s3_server: S3Server) -> None:
        storage = FsspecStorage("s3://bucket", anon=True, endpoint_url=s3_server.endpoint, key="k")
        credentials = storage._client()._s3._request_signer._credentials  # type: ignore[attr-defined]
        assert credentials is None

    def test_a_child_process_connects_anew(self, make: Make) -> None:
        storage = make()
        storage.put("key", b"data")
        first = storage._client()
        storage._connected = (os.getpid() + 1, first)
        assert storage._client() is not first

    def test_staging_is_per_process(
        self, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        storage = make()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        here = storage.staging()
        assert here == storage.staging()
        monkeypatch.setattr("os.getpid", lambda: 1)
        assert storage.staging() != here
        assert here.is_dir()

    def test_a_full_disk_while_spooling(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> str:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("tempfile.mkdtemp", full)
        with pytest.raises(StorageFullError, match="TMPDIR"):
            make().staging()
