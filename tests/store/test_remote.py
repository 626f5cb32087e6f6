"""The store on S3: how many requests it makes, and what faults leave behind."""

from __future__ import annotations

import os
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from aqueduct_core.errors import (
    CorruptArtifactError,
    StoragePermissionError,
    StorageUnavailableError,
)
from aqueduct_core.registry import Registry
from aqueduct_core.store import ArtifactStore
from tests.servers import FaultProxy, Rule, S3Server
from tests.store.toys import Blob, Streamed, Tree


@pytest.fixture
def store(s3_server: S3Server, s3_proxy: FaultProxy, registry: Registry) -> ArtifactStore:
    options = s3_server.storage_options(s3_proxy.endpoint)
    return ArtifactStore(
        f"s3://{s3_server.bucket()}/a/prefix", storage_options=options, registry=registry
    )


def methods(requests: list[tuple[str, str]]) -> list[str]:
    return sorted(method for method, _ in requests)


def test_a_tiny_value_is_one_request_each_way(store: ArtifactStore, s3_proxy: FaultProxy) -> None:
    with s3_proxy.counted() as requests:
        ref = store.put({"a": [1, 2], "b": None}, "tiny")
    assert methods(requests) == ["PUT"]
    with s3_proxy.counted() as requests:
        assert store.get(ref) == {"a": [1, 2], "b": None}
    assert methods(requests) == ["GET"]


def test_a_small_value_is_its_part_the_manifest_and_one_look(
    store: ArtifactStore, s3_proxy: FaultProxy
) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).random((1_000, 10)))
    with s3_proxy.counted() as requests:
        ref = store.put(frame, "small")
    assert methods(requests) == ["HEAD", "PUT", "PUT"]
    assert "manifests/small.json" in requests[-1][1]  # the commit point comes last
    with s3_proxy.counted() as requests:
        pd.testing.assert_frame_equal(store.get(ref), frame)
    assert methods(requests) == ["GET", "GET"]
    with s3_proxy.counted() as requests:
        store.put(frame, "again")
    assert methods(requests) == ["HEAD", "PUT"]  # the part isn't sent twice


def test_many_small_members_are_one_object(store: ArtifactStore, s3_proxy: FaultProxy) -> None:
    value = Tree(Blob(os.urandom(5_000)) for _ in range(50))
    with s3_proxy.counted() as requests:
        ref = store.put(value, "many")
    assert methods(requests) == ["HEAD", "PUT", "PUT"]
    assert store.get(ref) == value


def test_streamed_and_large_parts_come_back(store: ArtifactStore) -> None:
    value = Tree([Streamed(os.urandom(3 << 20)), Blob(os.urandom(17 << 20))])
    assert store.get(store.put(value, "large")) == value
    assert not store.verify()


@pytest.mark.parametrize("method", ["PUT", "POST", "HEAD"])
@pytest.mark.parametrize("do", ["reset", "status", "lose"])
def test_passing_faults_are_not_seen(
    store: ArtifactStore, s3_proxy: FaultProxy, do: str, method: str
) -> None:
    value = Tree([Blob(os.urandom(17 << 20)), Blob(os.urandom(5_000))])
    s3_proxy.rules.append(Rule(do, method=method, times=1))
    assert store.get(store.put(value, "k")) == value


def test_a_cut_download_is_not_seen(store: ArtifactStore, s3_proxy: FaultProxy) -> None:
    value = Blob(os.urandom(100_000))
    store.put(value, "k")
    s3_proxy.rules.append(Rule("truncate", method="GET", match="parts", times=1, amount=50_000))
    assert store.get("k") == value


@pytest.mark.parametrize("match", ["parts", "manifests"])
def test_a_fault_that_stays_leaves_the_old_artifact(
    store: ArtifactStore, s3_proxy: FaultProxy, match: str
) -> None:
    old = Tree([Blob(os.urandom(20_000)), Blob(os.urandom(20_000))])
    store.put(old, "k")
    s3_proxy.rules.append(Rule("status", method="PUT", match=match, times=-1, status=403))
    with pytest.raises(StoragePermissionError, match="Hint"):
        store.put(Tree([Blob(os.urandom(20_000)), Blob(os.urandom(20_000))]), "k")
    s3_proxy.rules.clear()
    assert store.get("k") == old
    store.gc(grace=timedelta(0))
    assert store.get("k") == old
    used = {part.path for part in store.manifest("k").parts}
    assert {info.key for info in store.storage.list("parts/")} == used


def test_an_unreachable_store_says_so(s3_server: S3Server, s3_proxy: FaultProxy) -> None:
    options = {**s3_server.storage_options(s3_proxy.endpoint), "retry_attempts": 2}
    store = ArtifactStore(f"s3://{s3_server.bucket()}", storage_options=options)
    s3_proxy.rules.append(Rule("status", times=-1, status=503))
    with pytest.raises(StorageUnavailableError, match="Hint"):
        store.put({"a": 1}, "k")


def test_every_remote_part_is_verified(store: ArtifactStore) -> None:
    store.put(Blob(os.urandom(100_000)), "k")
    (info,) = store.storage.list("parts/")
    data = bytearray(store.storage.get(info.key))
    data[5] ^= 1
    store.storage.put(info.key, data)
    with pytest.raises(CorruptArtifactError, match="were changed"):
        store.get("k")
    assert [problem.key for problem in store.verify()] == ["k"]
