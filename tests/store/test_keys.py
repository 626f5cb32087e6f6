from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.abc import ObjectInfo
from aqueduct_core.errors import InvalidKeyError
from aqueduct_core.storage._memory import MemoryStorage
from aqueduct_core.store import ArtifactStore
from aqueduct_core.store._keys import FOLDER, LONG, key_of, listing_prefix, manifest_path

segments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1)
keys = st.lists(segments, min_size=1, max_size=5).map("/".join)


@given(keys)
def test_a_key_comes_back_from_its_path(key: str) -> None:
    path = manifest_path(key)
    assert key_of(path) == key or path.startswith(LONG)


@given(keys)
def test_a_path_is_legal_everywhere(key: str) -> None:
    path = manifest_path(key)
    assert path.isascii()
    assert path.isprintable()
    assert path.startswith(FOLDER)
    assert not set(path) & set('\\:*?"<>|+ ')
    assert len(path) <= 800
    for segment in path.split("/"):
        assert segment not in ("", ".", "..")
        assert len(segment) <= 220


@given(keys, keys)
def test_different_keys_never_share_a_path(one: str, other: str) -> None:
    assert (one == other) == (manifest_path(one) == manifest_path(other))
    # and a key's manifest never stands where another key needs a folder
    assert not manifest_path(other).startswith(manifest_path(one) + "/")


@given(keys, st.integers(0, 10))
def test_a_prefix_finds_the_keys_that_start_with_it(key: str, length: int) -> None:
    path = manifest_path(key)
    assert path.startswith((listing_prefix(key[:length]), LONG)) or key[:length].startswith("/")


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("daily/customers", "manifests/daily/customers.json"),
        ("run:2026-01-01T00:00:00+00:00", "manifests/run%3A2026-01-01T00%3A00%3A00%2B00%3A00.json"),
        ("../../etc/passwd", "manifests/%2E%2E/%2E%2E/etc/passwd.json"),
        ("a.json/b", "manifests/a%2Ejson/b.json"),
        ("a.json", "manifests/a.json.json"),
        ("CON", "manifests/%43ON.json"),
        ("naïve", "manifests/na%C3%AFve.json"),
        ("a\x00b", "manifests/a%00b.json"),
    ],
)
def test_known_paths(key: str, path: str) -> None:
    assert manifest_path(key) == path
    assert key_of(path) == key


@pytest.mark.parametrize("key", ["", "/", "/a", "a/", "a//b", "\ud800", "x" * 5_000])
def test_keys_that_name_nothing_are_refused(key: str) -> None:
    with pytest.raises(InvalidKeyError, match="Hint"):
        manifest_path(key)


def test_a_long_key_is_hashed() -> None:
    assert manifest_path("ü" * 1_000).startswith(LONG)
    assert manifest_path("ü" * 1_000) != manifest_path("ü" * 999)


class FoldingStorage(MemoryStorage):
    """As a folder of a file system that ignores case."""

    ignores_case = True

    def put(self, key: str, *buffers: Any) -> None:
        super().put(key.lower(), *buffers)

    def get(self, key: str, start: int = 0, end: int | None = None) -> memoryview:
        return super().get(key.lower(), start, end)

    def stat(self, key: str) -> ObjectInfo | None:
        return super().stat(key.lower())

    def delete(self, *keys: str) -> None:
        super().delete(*map(str.lower, keys))


def test_keys_that_a_file_system_takes_for_one_do_not_replace_each_other() -> None:
    store = ArtifactStore(FoldingStorage())
    for value in (1, 2):
        store.put(value, "Daily/a")
    store.put(3, "b")
    for call in (lambda: store.put(4, "daily/A"), lambda: store.copy("b", "daily/A")):
        with pytest.raises(InvalidKeyError, match="'Daily/a' in case alone"):
            call()
    assert store.exists("Daily/a")
    assert not store.exists("daily/A")
    assert not store.delete("daily/A")
    assert store.get("Daily/a") == 2


def test_the_case_of_keys_matters_in_a_folder_only_if_it_does(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.put(1, "a")
    is_one = (tmp_path / "MANIFESTS").exists()
    assert getattr(store.storage, "ignores_case") == is_one  # noqa: B009 - of folders alone
    if not is_one:
        (tmp_path / "TMP").mkdir()
        store.put(2, "A")
        assert (store.get("a"), store.get("A")) == (1, 2)
