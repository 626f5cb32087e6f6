from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aqueduct_core.abc import ObjectInfo, Storage
from aqueduct_core.errors import (
    ArtifactNotFoundError,
    CorruptArtifactError,
    InvalidKeyError,
    StaleReferenceError,
    UnsafeArtifactError,
)
from aqueduct_core.storage._memory import MemoryStorage
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import FaultyStorage

LARGE = np.arange(100_000)
PACKED = [np.arange(5_000), np.arange(6_000)]


@pytest.mark.parametrize("value", [7, LARGE, PACKED, {"a": LARGE, "b": "text"}])
def test_a_copy_is_the_artifact_under_another_key(store: ArtifactStore, value: object) -> None:
    ref = store.put(value, "a/one", name="one", lineage={"run": "r1"})
    copied = store.copy(ref, "b/two")
    assert (copied.key, copied.digest, copied.name) == ("b/two", ref.digest, "one")
    np.testing.assert_equal(store.get(copied), value)
    assert store.manifest("b/two").lineage == {"run": "r1"}
    assert store.manifest("b/two").description == store.manifest("a/one").description


def test_a_copy_moves_no_data() -> None:
    storage = FaultyStorage(ArtifactStore("memory://").storage)
    store = ArtifactStore(storage)
    store.put(LARGE, "a")
    storage.calls.clear()
    store.copy("a", "b")
    assert [verb for verb, _ in storage.calls] == ["get", "stat", "put"]
    assert [key for verb, key in storage.calls if verb != "stat"] == [
        "manifests/a.json",
        "manifests/b.json",
    ]


def test_a_copy_outlives_its_original(store: ArtifactStore) -> None:
    store.copy(store.put(LARGE, "a"), "b")
    store.delete("a")
    store.gc(grace=timedelta(0))
    np.testing.assert_equal(store.get("b"), LARGE)


class Forgetful:
    """A storage in which nothing counts as used but by being put again, as plugins may have it."""

    def __init__(self, inner: Storage, hours: float = 0.0) -> None:
        self._inner = inner
        self.hours = hours

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def refresh(self, key: str) -> bool:
        return False

    def stat(self, key: str) -> ObjectInfo | None:
        found = self._inner.stat(key)
        return found and replace(found, modified=found.modified - 3600 * self.hours)


def test_a_copy_counts_as_used_also_where_parts_can_t_be_refreshed() -> None:
    storage = Forgetful(MemoryStorage())
    store = ArtifactStore(storage)
    store.put(LARGE, "a")
    (part,) = storage.list("parts/")
    storage.hours = 24.0
    before = storage.stat(part.key)
    store.copy("a", "b")
    after = storage.stat(part.key)
    assert before is not None
    assert after is not None
    assert after.modified > before.modified


def test_a_part_that_is_put_again_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aqueduct_core.store._parts._PIECE", 1000)
    sizes: list[int] = []

    class Watched(Forgetful):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Any:
            data = self._inner.get(key, start, end)
            if end is not None:
                sizes.append(len(data))
            return data

    storage = Watched(MemoryStorage())
    store = ArtifactStore(storage)
    store.put(LARGE, "a")
    (part,) = storage.list("parts/")
    before = bytes(storage.get(part.key))
    storage.hours = 24.0
    store.copy("a", "b")
    assert bytes(storage.get(part.key)) == before
    assert sizes.count(1000) == len(before) // 1000
    np.testing.assert_equal(store.get("b"), LARGE)


@pytest.mark.parametrize("value", [LARGE, PACKED], ids=["own object", "pack"])
def test_what_is_deleted_and_swept_meanwhile_was_not_there(value: object) -> None:
    inner = MemoryStorage()
    other = ArtifactStore(inner)

    class Meddled(Forgetful):
        def get(self, key: str, start: int = 0, end: int | None = None) -> Any:
            data = inner.get(key, start, end)
            if key == "manifests/a.json" and other.delete("a"):
                other.gc(grace=timedelta(0))
            return data

    other.put(value, "a")
    store = ArtifactStore(Meddled(inner))
    with pytest.raises(ArtifactNotFoundError):
        store.copy("a", "b")
    assert not store.exists("b")


def test_a_copy_onto_itself_changes_nothing_but_its_time(store: ArtifactStore) -> None:
    ref = store.put(LARGE, "a")
    assert store.copy(ref, "a") == ref


def test_a_copy_is_signed_for_its_own_key(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, signing_key="secret")
    store.copy(store.put(complex, "a"), "b")
    assert store.get("b") is complex
    assert store.manifest("a").signature != store.manifest("b").signature


def test_a_copy_launders_nothing(tmp_path: Path) -> None:
    ArtifactStore(tmp_path, allow_pickle=True).put(complex, "a")
    store = ArtifactStore(tmp_path, signing_key="secret")
    with pytest.raises(UnsafeArtifactError, match="isn't signed"):
        store.copy("a", "b")
    assert not store.exists("b")


def test_what_is_not_there_or_replaced_is_not_copied(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactNotFoundError):
        store.copy("nothing", "b")
    ref = store.put(1, "a")
    store.put(2, "a")
    with pytest.raises(StaleReferenceError):
        store.copy(ref, "b")
    with pytest.raises(InvalidKeyError):
        store.copy("a", "b//c")
    assert not store.exists("b")


@pytest.mark.parametrize("value", [LARGE, PACKED], ids=["own object", "pack"])
def test_damaged_and_missing_parts_are_not_copied(tmp_path: Path, value: object) -> None:
    store = ArtifactStore(tmp_path)
    store.put(value, "a")
    (part,) = (path for path in (tmp_path / "parts").rglob("*") if path.is_file())
    data = bytearray(part.read_bytes())
    data[3_000] ^= 1
    part.write_bytes(data)
    with pytest.raises(CorruptArtifactError):
        store.copy("a", "b")
    part.unlink()
    with pytest.raises(CorruptArtifactError):
        store.copy("a", "b")
    assert not store.exists("b")


def test_a_value_comes_with_its_manifest(store: ArtifactStore) -> None:
    ref = store.put({"a": 1}, "a")
    value, manifest = store.fetch("a")
    assert value == {"a": 1}
    assert manifest.ref == ref
    with pytest.raises(ArtifactNotFoundError):
        store.fetch("b")
