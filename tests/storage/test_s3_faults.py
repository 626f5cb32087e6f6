"""S3, when it fails: every fault is waited for, or told with a way out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import (
    MissingExtraError,
    StorageError,
    StorageNotFoundError,
    StoragePermissionError,
    StorageUnavailableError,
)
from aqueduct_core.storage import open_storage
from aqueduct_core.storage._fsspec import FsspecStorage
from tests.servers import FaultProxy, Rule, S3Server

PART = 5 << 20
SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
NO_UPLOAD = b"<Error><Code>NoSuchUpload</Code><Message>No such upload.</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"

Make = Callable[..., FsspecStorage]


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
        # Only who has to wait is hasty: a busy machine may be as slow, and is asked again.
        hasty = {"config_kwargs": {"read_timeout": 0.5}, "retry_attempts": 100}
        storage = make(**(hasty if rule.do == "stall" else {}))
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


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class TestCreate:
    """Objects that are written only where there is none."""

    def test_a_server_without_it_says_so_and_nothing_is_written(
        self, make: Make, s3_proxy: FaultProxy
    ) -> None:
        storage = make()
        body = b"<Error><Code>NotImplemented</Code><Message>If-None-Match</Message></Error>"
        s3_proxy.rules = [Rule("status", method="PUT", status=501, body=body)]
        assert storage.create("key", b"data") is None
        assert storage.stat("key") is None

    def test_it_is_not_asked_for_where_the_server_does_not_heed_it(
        self, make: Make, s3_proxy: FaultProxy
    ) -> None:
        storage = make(conditional_writes=False)
        assert storage.create("key", b"data") is None
        assert s3_proxy.requests == []

    def test_one_whose_answer_was_lost_is_there_already(
        self, make: Make, s3_proxy: FaultProxy
    ) -> None:
        storage = make()
        s3_proxy.rules = [Rule("lose", method="PUT")]
        assert storage.create("key", b"data") is False
        assert bytes(storage.get("key")) == b"data"

    def test_one_that_fails_for_good_is_told(self, make: Make, s3_proxy: FaultProxy) -> None:
        storage = make()
        s3_proxy.rules = [Rule("status", status=403, body=DENIED)]
        with pytest.raises(StoragePermissionError, match="can't write 'key'"):
            storage.create("key", b"data")
