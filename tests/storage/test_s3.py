"""S3: what is asked of the server, and what happens when it fails."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import (
    MissingExtraError,
    StorageError,
    StorageFullError,
    StorageNotFoundError,
    StoragePermissionError,
    StorageUnavailableError,
)
from aqueduct_core.storage import _transfer, open_storage
from aqueduct_core.storage._fsspec import FsspecStorage
from aqueduct_core.storage._s3 import S3Client
from tests.servers import FaultProxy, Rule, S3Server

PART = 5 << 20
SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
NO_UPLOAD = b"<Error><Code>NoSuchUpload</Code><Message>No such upload.</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

Make = Callable[..., FsspecStorage]


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket()


@pytest.fixture
def make(s3_server: S3Server, s3_proxy: FaultProxy, bucket: str) -> Make:
    """Makes storages that reach S3 through the proxy."""

    def make(url: str | None = None, **options: Any) -> FsspecStorage:
        ours = {
            "part_size": PART,
            "multipart_above": PART,
            "retry_seconds": 20.0,
            **s3_server.storage_options(s3_proxy.endpoint),
        }
        storage = FsspecStorage(url or f"s3://{bucket}/prefix", **(ours | options))
        _hurry(storage)
        return storage

    return make


def _hurry(storage: FsspecStorage) -> None:
    """No test waits for a server to recover."""
    policy = storage._policy
    storage._policy = type(policy)(policy.attempts, policy.seconds, first=0.001, longest=0.01)


class TestRequests:
    """Nothing is asked that isn't needed: no bucket, no listing, no size."""

    def test_a_small_put_is_one(self, make: Make, s3_proxy: FaultProxy, bucket: str) -> None:
        make().put("key", b"data", b" and more")
        assert s3_proxy.requests == [("PUT", f"/{bucket}/prefix/key")]

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

    def test_to_this_machine_all_goes_at_once(self, make: Make, s3_proxy: FaultProxy) -> None:
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


class TestTransient:
    """Faults that pass are waited for; nothing of them is seen."""

    @pytest.mark.parametrize(
        "rule",
        [
            Rule("status", status=503, body=SLOW_DOWN, times=3),
            Rule("status", status=500, times=2),
            Rule("status", status=502, body=b"<html>bad gateway</html>"),
            Rule("status", status=504),
            Rule("status", status=429, body=b"too many"),
            Rule("reset", times=2),
            Rule("lose"),
            Rule("stall", amount=1.5),
        ],
        ids=lambda rule: f"{rule.do}-{rule.status}",
    )
    def test_every_verb(self, make: Make, s3_proxy: FaultProxy, rule: Rule) -> None:
        storage = make(config_kwargs={"read_timeout": 0.5})
        # In this order each meets the fault anew.
        verbs: list[Callable[[], Any]] = [
            lambda: storage.put("key", b"data"),
            lambda: storage.get("key"),
            lambda: storage.stat("key"),
            lambda: [*storage.list()],
            lambda: storage.delete("key", "other"),
        ]
        results = []
        for verb in verbs[: 1 if rule.do == "stall" else None]:
            s3_proxy.rules = [
                Rule(rule.do, "", "", rule.times, 0, rule.status, rule.body, rule.amount)
            ]
            results.append(verb())
            assert s3_proxy.rules[0].times == 0
        if len(results) == 5:
            assert bytes(results[1]) == b"data"
            assert [info.key for info in results[3]] == ["key"]
            assert storage.stat("key") is None

    @pytest.mark.parametrize("size", [50_000, 2 << 20, 3 * PART])
    @pytest.mark.parametrize("share", [0.0, 0.4])
    def test_an_answer_that_is_cut_short(
        self, make: Make, s3_proxy: FaultProxy, size: int, share: float
    ) -> None:
        storage = make()
        data = os.urandom(size)
        storage.put("key", data)
        s3_proxy.rules = [Rule("truncate", "GET", times=2, amount=size * share)]
        assert memoryview(storage.get("key")) == data

    @pytest.mark.parametrize("do", ["reset", "lose", "status"])
    @pytest.mark.parametrize("match", ["uploads", "partNumber=2", "uploadId"])
    def test_a_multipart_upload_goes_on(
        self,
        make: Make,
        s3_proxy: FaultProxy,
        s3_server: S3Server,
        bucket: str,
        do: str,
        match: str,
    ) -> None:
        storage = make()
        data = os.urandom(3 * PART)
        # What completes an upload is a POST, parts are PUTs.
        method = {"uploadId": "POST"}.get(match, "")
        s3_proxy.rules = [Rule(do, method, match)]
        storage.put("key", data)
        assert s3_proxy.rules[0].times == 0
        assert s3_server.unfinished(bucket) == 0
        assert memoryview(storage.get("key")) == data

    def test_an_upload_that_somebody_else_ended_begins_again(
        self, make: Make, s3_proxy: FaultProxy, s3_server: S3Server, bucket: str
    ) -> None:
        storage, data = make(), os.urandom(2 * PART)
        s3_proxy.rules = [Rule("status", "PUT", "partNumber=2", status=404, body=NO_UPLOAD)]
        storage.put("key", data)
        assert memoryview(storage.get("key")) == data
        assert s3_server.unfinished(bucket) == 0

    def test_it_ends_after_the_attempts(self, make: Make, s3_proxy: FaultProxy) -> None:
        s3_proxy.rules = [Rule("status", status=503, body=SLOW_DOWN, times=-1)]
        with pytest.raises(StorageUnavailableError, match="after 4 attempts") as caught:
            make(retry_attempts=4).put("key", b"data")
        assert len(s3_proxy.requests) == 4
        assert "retry_seconds" in str(caught.value)
        assert "reduce your request rate" in str(caught.value)

    def test_it_ends_after_the_time(self, make: Make, s3_proxy: FaultProxy) -> None:
        s3_proxy.rules = [Rule("status", status=500, times=-1)]
        with pytest.raises(StorageUnavailableError):
            make(retry_attempts=1_000, retry_seconds=0.05).get("key")
        assert len(s3_proxy.requests) < 100

    def test_nobody_there(self, make: Make) -> None:
        with pytest.raises(StorageUnavailableError, match="AWS_ENDPOINT_URL"):
            make(endpoint_url="http://127.0.0.1:1", retry_attempts=2).get("key")


class TestFatal:
    """Faults that stay are told at once, with a way out, and leave nothing behind."""

    def test_refused(self, make: Make, s3_proxy: FaultProxy, bucket: str) -> None:
        s3_proxy.rules = [Rule("status", status=403, body=DENIED, times=-1)]
        with pytest.raises(StoragePermissionError, match="AWS_ACCESS_KEY_ID") as caught:
            make().put("key", b"data")
        assert bucket in str(caught.value)
        assert isinstance(caught.value, PermissionError)
        for verb in (make().get, make().stat, make().delete, lambda key: [*make().list(key)]):
            with pytest.raises(StoragePermissionError):
                verb("key")
        assert len(s3_proxy.requests) == 5

    def test_no_such_bucket(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make("s3://no-such-bucket/prefix")
        for verb in (
            lambda: storage.put("k", b"x"),
            lambda: storage.get("k"),
            lambda: [*storage.list()],
        ):
            with pytest.raises(StorageNotFoundError, match="create 'no-such-bucket' first"):
                verb()
        assert len(s3_proxy.requests) == 3

    def test_no_such_object(self, make: Make, s3_proxy: FaultProxy) -> None:
        with pytest.raises(StorageNotFoundError, match="no such object"):
            make().get("key")
        assert len(s3_proxy.requests) == 1

    def test_no_credentials(
        self, s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        storage = FsspecStorage(f"s3://{bucket}", endpoint_url=s3_server.endpoint)
        with pytest.raises(StoragePermissionError, match="AWS_PROFILE"):
            storage.put("key", b"data")
        with pytest.raises(StoragePermissionError, match="no-profile"):
            FsspecStorage(f"s3://{bucket}", profile="no-profile").put("key", b"data")

    @pytest.mark.parametrize("do", ["status", "reset"])
    @pytest.mark.parametrize("match", ["partNumber=2", "uploadId"])
    def test_a_multipart_upload_that_fails_leaves_nothing(
        self,
        make: Make,
        s3_proxy: FaultProxy,
        s3_server: S3Server,
        bucket: str,
        do: str,
        match: str,
    ) -> None:
        storage = make(retry_attempts=2)
        storage.put("key", b"old")
        method = {"uploadId": "POST"}.get(match, "PUT")
        s3_proxy.rules = [Rule(do, method, match, times=-1, status=403, body=DENIED)]
        with pytest.raises(StorageError):
            storage.put("key", bytes(2 * PART), bytes(2 * PART))
        assert s3_server.unfinished(bucket) == 0
        assert storage.get("key") == b"old"
        assert [info.key for info in storage.list()] == ["key"]

    def test_an_upload_that_is_interrupted_leaves_nothing(
        self, make: Make, s3_server: S3Server, bucket: str
    ) -> None:
        storage = make()
        client = storage._client()
        begun = client.upload

        def upload(key: str) -> Any:
            made = begun(key)
            made.complete = _interrupt
            return made

        client.upload = upload  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            storage.put("key", bytes(2 * PART))
        assert s3_server.unfinished(bucket) == 0

    def test_an_upload_that_can_not_even_be_aborted_says_so(
        self, make: Make, s3_proxy: FaultProxy
    ) -> None:
        s3_proxy.rules = [Rule("status", "PUT", status=403, body=DENIED, times=-1)]
        s3_proxy.rules += [Rule("status", "DELETE", status=403, body=DENIED, times=-1)]
        with pytest.raises(StoragePermissionError) as caught:
            make().put("key", bytes(2 * PART))
        assert caught.value.__cause__ is not None
        assert "could not be removed" in caught.value.__cause__.__notes__[0]

    def test_secrets_stay_secret(self, s3_proxy: FaultProxy, bucket: str) -> None:
        body = b"<Error><Code>AccessDenied</Code><Message>bad hidden-secret</Message></Error>"
        s3_proxy.rules = [Rule("status", status=403, body=body, times=-1)]
        host = s3_proxy.endpoint
        for storage in (
            FsspecStorage(f"s3://{bucket}", endpoint_url=host, key="user", secret="hidden-secret"),
            FsspecStorage(f"s3://user:hidden-secret@{bucket}/p", endpoint_url=host),
        ):
            with pytest.raises(StoragePermissionError) as caught:
                storage.put("key", b"data")
            shown = [str(caught.value), repr(storage), storage.url, repr(caught.value.__cause__)]
            assert not [text for text in shown if "hidden-secret" in text]
            assert "***" in str(caught.value)
            assert storage.url.startswith(f"s3://{bucket}")

    def test_s3fs_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
        with pytest.raises(MissingExtraError, match=r"aqueduct-core\[s3\]"):
            open_storage("s3://bucket")

    def test_what_is_asked_for_as_a_range_must_come_as_one(self, make: Make) -> None:
        storage = make()
        client: Any = storage._client()
        call = client._call

        def without_ranges(method: str, **arguments: Any) -> Any:
            arguments.pop("Range", None)
            return call(method, **arguments)

        storage.put("key", b"0123456789")
        client._call = without_ranges
        with pytest.raises(StorageError, match="when asked for a range"):
            storage.get("key", 4)
        assert storage.get("key", 0, 4) == b"0123"


class TestOptions:
    def test_what_s3fs_takes(self, s3_server: S3Server, s3_proxy: FaultProxy, bucket: str) -> None:
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

    def test_staging_is_per_process(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        storage = make()
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


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
