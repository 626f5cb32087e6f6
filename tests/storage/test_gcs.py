"""GCS, through gcsfs: what is asked of the server, and what happens when it fails."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from aqueduct_core.errors import (
    MissingExtraError,
    StorageNotFoundError,
    StoragePermissionError,
    StorageUnavailableError,
)
from aqueduct_core.storage import open_storage
from aqueduct_core.storage._fsspec import FsspecStorage
from aqueduct_core.storage._retry import Retry
from tests.servers import GcsServer, Rule

PART = 1 << 20


@pytest.fixture
def bucket(gcs_server: GcsServer) -> str:
    return gcs_server.bucket()


@pytest.fixture
def storage(gcs_server: GcsServer, bucket: str) -> FsspecStorage:
    made = FsspecStorage(f"gs://{bucket}/prefix", part_size=PART, **gcs_server.storage_options())
    made._policy = Retry(attempts=4, first=0.001)
    gcs_server.proxy.reset()
    return made


def test_small_objects_take_one_request(storage: FsspecStorage, gcs_server: GcsServer) -> None:
    storage.put("key", b"0123456789")
    assert storage.get("key") == b"0123456789"
    assert storage.get("key", 2, 4) == b"23"
    assert storage.stat("key") is not None
    assert [method for method, _ in gcs_server.proxy.requests] == ["POST", "GET", "GET", "GET"]


def test_a_large_object_is_read_in_ranges(storage: FsspecStorage, gcs_server: GcsServer) -> None:
    data = os.urandom(5 * PART)
    storage.put("key", data)
    with gcs_server.proxy.counted() as requests:
        view = memoryview(storage.get("key"))
    assert view == data
    assert not view.readonly
    # The first range, what is known before and after, and the ranges.
    assert len(requests) == 1 + 2 + 5


def test_an_object_that_is_replaced_while_it_is_read(storage: FsspecStorage) -> None:
    storage.put("key", b"1" * (3 * PART))
    client = storage._client()
    opened, replaced = client.open, []

    def open_(key: str, start: int, end: int | None, version: str | None = None) -> Any:
        if start == 2 * PART and not replaced:
            replaced.append(True)
            storage.put("key", b"2" * (3 * PART))
        return opened(key, start, end, version)

    client.open = open_  # type: ignore[method-assign]
    assert bytes(storage.get("key")) == b"2" * (3 * PART)
    assert replaced


@pytest.mark.parametrize(
    "rule",
    [
        Rule("status", status=503, times=2),
        Rule("status", status=429, times=2),
        Rule("status", status=502),
        Rule("reset", times=2),
        Rule("lose"),
    ],
    ids=lambda rule: f"{rule.do}-{rule.status}",
)
def test_faults_that_pass_are_waited_for(
    storage: FsspecStorage, gcs_server: GcsServer, rule: Rule
) -> None:
    small, large = b"data", os.urandom(2 * PART + 5)
    verbs: list[Callable[[], Any]] = [
        lambda: storage.put("key", small),
        lambda: storage.get("key"),
        lambda: storage.stat("key"),
        lambda: [*storage.list()],
        lambda: storage.delete("key"),
        lambda: storage.put("large", large),
        lambda: storage.get("large"),
    ]
    for verb in verbs:
        gcs_server.proxy.rules = [Rule(rule.do, times=rule.times, status=rule.status)]
        verb()
        assert gcs_server.proxy.rules[0].times == 0
    assert memoryview(storage.get("large")) == large
    assert [info.key for info in storage.list()] == ["large"]


def test_an_answer_that_is_cut_short(storage: FsspecStorage, gcs_server: GcsServer) -> None:
    data = os.urandom(3 * PART)
    storage.put("key", data)
    gcs_server.proxy.rules = [Rule("truncate", "GET", "alt=media", times=2, amount=1000)]
    assert memoryview(storage.get("key")) == data


def test_it_ends_after_the_attempts(storage: FsspecStorage, gcs_server: GcsServer) -> None:
    gcs_server.proxy.rules = [Rule("status", status=503, times=-1)]
    with pytest.raises(StorageUnavailableError, match="after 4 attempts"):
        storage.put("key", b"data")
    assert len(gcs_server.proxy.requests) == 4


def test_an_upload_that_fails_leaves_nothing(storage: FsspecStorage, gcs_server: GcsServer) -> None:
    storage.put("key", b"old")
    gcs_server.proxy.rules = [Rule("status", "POST", "upload_id", times=-1, skip=1, status=403)]
    with pytest.raises(StoragePermissionError):
        storage.put("key", os.urandom(4 * PART))
    assert gcs_server.proxy.requests[-1][0] == "DELETE"
    gcs_server.proxy.reset()
    assert storage.get("key") == b"old"
    gc.collect()  # of buffers that end before their views, Python complains here


def test_refused(storage: FsspecStorage, gcs_server: GcsServer, bucket: str) -> None:
    gcs_server.proxy.rules = [Rule("status", status=403, times=-1)]
    with pytest.raises(StoragePermissionError, match="GOOGLE_APPLICATION_CREDENTIALS") as caught:
        storage.put("key", b"data")
    assert bucket in str(caught.value)
    with pytest.raises(StoragePermissionError):
        storage.get("key")
    assert len(gcs_server.proxy.requests) == 2


def test_no_such_bucket(gcs_server: GcsServer) -> None:
    storage = open_storage("gs://no-such-bucket", **gcs_server.storage_options())
    with pytest.raises(StorageNotFoundError, match="create 'no-such-bucket' first"):
        storage.put("key", b"data")


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [("gs://bucket", "gcsfs", "gcs"), ("az://container", "adlfs", "azure")],
)
def test_the_library_is_needed(
    monkeypatch: pytest.MonkeyPatch, url: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"{library}.*\n.*aqueduct-core\[{extra}\]"):
        open_storage(url)
