"""What is listed, verified and removed."""

from __future__ import annotations

import os
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import AqueductError, InvalidKeyError, ParameterError
from aqueduct_core.registry import Registry
from aqueduct_core.store import ArtifactStore, Retention
from tests.store.toys import VALUES, Blob, objects, the_part

NOW = timedelta(0)


def test_gc_removes_only_what_nothing_uses(store: ArtifactStore) -> None:
    store.put(VALUES["incompressible"], "kept")
    store.put(VALUES["incompressible"], "deleted, shares its part")
    store.put(VALUES["packed"], "deleted")
    (store.storage.staging() / "left behind").write_bytes(b"x")
    store.delete("deleted")
    store.delete("deleted, shares its part")
    assert store.gc().objects == 0  # all within the grace period
    swept = store.gc(grace=NOW)
    assert swept.objects == (2 if store.storage.profile == "local" else 1)
    assert swept.size > 0
    assert store.get("kept") == VALUES["incompressible"]
    assert not store.verify()


def test_retention_counts_ages_and_sizes(store: ArtifactStore) -> None:
    for day in range(5):
        store.put(Blob(bytes(day)), f"daily/{day}")
    store.put(Blob(b"12"), "other/0")
    assert store.gc(keep=Retention(count=3)).artifacts == ("daily/1", "daily/0")
    assert store.gc(keep=Retention(size=7)).artifacts == ("daily/2",)
    assert store.gc(keep=Retention(age=timedelta(days=1))).artifacts == ()
    assert len(store.gc(keep=Retention(age=NOW)).artifacts) == 3
    assert not list(store.list())


def test_verify_names_what_stands_among_manifests_and_is_none(
    tmp_path: Path, registry: Registry
) -> None:
    store = ArtifactStore(tmp_path, registry=registry)
    store.put(Blob(b"x"), "mine")
    (tmp_path / "manifests" / "%ff.json").write_text("{}")
    (tmp_path / "manifests" / "other.json").write_text("{}")
    assert sorted(problem.key for problem in store.verify()) == ["manifests/%ff.json", "other"]
    assert [problem.key for problem in store.verify("mine")] == ["manifests/%ff.json"]


def test_gc_leaves_parts_of_artifacts_behind_a_link(tmp_path: Path, registry: Registry) -> None:
    store = ArtifactStore(tmp_path / "store", registry=registry)
    store.put(VALUES["own part"], "daily/a")
    folder = tmp_path / "store" / "manifests" / "daily"
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert [ref.key for ref in store.list()] == ["daily/a"]
    assert store.gc(grace=NOW).objects == 0
    assert store.get("daily/a") == VALUES["own part"]


def test_neither_a_list_nor_gc_holds_all_manifests(registry: Registry) -> None:
    store = ArtifactStore("memory://", registry=registry)
    for number in range(100):
        store.put(Blob(b"ab"), f"k/{number}", lineage={"notes": "x" * 100_000})
    for call in (lambda: len([*store.list()]) == 100, store.gc):
        tracemalloc.start()
        try:
            assert call()
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "limit",
    [
        *({"count": -1}, {"size": -1}, {"age": -timedelta(seconds=1)}),
        *({"count": "3"}, {"size": "1 GB"}, {"age": 30}),
    ],
)
def test_a_limit_below_zero_or_of_another_type_is_none(limit: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="for no limit"):
        Retention(**limit)


@pytest.mark.parametrize("given", [{"keep": 3}, {"keep": {"count": 3}}, {"grace": 3}])
def test_gc_says_what_it_takes(store: ArtifactStore, given: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=r"for example gc\("):
        store.gc(**given)


@pytest.mark.parametrize("delete", [ArtifactStore.delete, ArtifactStore.exists])
def test_the_hint_for_a_reference_in_the_place_of_a_key_is_its_key(
    store: ArtifactStore, delete: Any
) -> None:
    with pytest.raises(InvalidKeyError, match=r"ref\.key"):
        delete(store, store.put(Blob(b"x"), "k"))


def test_retention_may_be_for_some_keys_only(store: ArtifactStore) -> None:
    for key in ("runs/1", "runs/2", "models/1", "models/2"):
        store.put(Blob(b"x"), key)
    assert store.gc(keep=Retention(count=1), prefix="runs/").artifacts == ("runs/1",)
    assert [ref.key for ref in store.list()] == ["models/1", "models/2", "runs/2"]


def test_gc_does_nothing_while_a_manifest_is_unreadable(tmp_path: Path, registry: Registry) -> None:
    store = ArtifactStore(tmp_path, registry=registry)
    store.put(VALUES["own part"], "k")
    (tmp_path / "manifests" / "k.json").write_text("{")
    with pytest.raises(AqueductError):
        store.gc(grace=NOW)
    assert objects(store)


def test_an_old_part_that_is_used_again_survives_gc(tmp_path: Path, registry: Registry) -> None:
    """Its manifest is still being written when gc looks: only the refreshed time protects it."""
    store = ArtifactStore(tmp_path, registry=registry)
    store.put(VALUES["own part"], "k")
    path = the_part(tmp_path)
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**6 * 10**9))
    store.put(VALUES["own part"], "k")
    store.delete("k")
    assert store.gc(grace=timedelta(hours=1)).objects == 0
    found = store.storage.stat(path.relative_to(tmp_path).as_posix())
    assert found is not None
    assert found.intact
