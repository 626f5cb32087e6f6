"""Stored bytes that are not what was written."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
    StorageError,
    StorageFullError,
)
from aqueduct_core.registry import Registry
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import forge
from tests.store.toys import VALUES, Blob, BlobSerializer, Tree, the_part


@pytest.mark.parametrize("damage", ["flipped", "cut", "grown", "gone"])
@pytest.mark.parametrize("name", ["own part", "hashed while written", "packed"])
def test_damage_is_noticed(tmp_path: Path, registry: Registry, name: str, damage: str) -> None:
    store = ArtifactStore(tmp_path, registry=registry)
    store.put(VALUES[name], "k")
    path = the_part(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        changed = {"flipped": data, "cut": data[:-1], "grown": data + b"x"}[damage]
        with path.open("r+b") as file:  # in place: only the modification time can tell
            file.truncate(len(changed))
            file.write(changed)
    problems = store.verify()
    assert [problem.key for problem in problems] == ["k"]
    if (name, damage) != ("packed", "grown"):  # each packed part is still whole
        with pytest.raises(CorruptArtifactError, match=r"'k'.*part 'data'.*blake3:") as raised:
            store.get("k")
        assert raised.value.expected is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["meta"].update(items=[7]),
        lambda content: content["meta"].update(items=[-1]),
        lambda content: content["meta"].update(items=[None]),
        lambda content: content.pop("meta"),
        lambda content: content["members"][0]["parts"].update(data={"base64": "!"}),
        lambda content: content["members"][0]["parts"].update(
            data={"size": 9, "digest": "blake3:" + "0" * 64}
        ),
        lambda content: content["members"][0]["parts"].update(
            data={"size": 2**62, "stored": 9, "codec": "zstd", "digest": "blake3:" + "0" * 64}
        ),
    ],
)
def test_a_hostile_manifest_is_corrupt_whatever_it_says(
    tmp_path: Path, registry: Registry, change: Callable[[dict[str, Any]], None]
) -> None:
    store = ArtifactStore(tmp_path, registry=registry)
    store.put(Tree([Blob(b"1")]), "k")
    forge(store, "k", change)
    with pytest.raises(CorruptArtifactError, match="'k'"):
        store.get("k")


def test_a_changed_manifest_is_noticed(tmp_path: Path, registry: Registry) -> None:
    store = ArtifactStore(tmp_path, registry=registry)
    store.put(Blob(b"abcdef"), "k")
    path = tmp_path / "manifests" / "k.json"
    path.write_text(path.read_text().replace("abcdef", "abcdeg"))
    with pytest.raises(CorruptArtifactError, match="content was changed"):
        store.get("k")
    assert [problem.key for problem in store.verify()] == ["k"]


def test_a_zstd_bomb_stops_at_the_promised_size(tmp_path: Path, registry: Registry) -> None:
    store = ArtifactStore(tmp_path, registry=registry, policy="small")
    store.put(Blob(bytes(50 << 20)), "k")
    forge(store, "k", lambda content: content["parts"]["data"].update(size=4097))
    with pytest.raises(CorruptArtifactError, match="more bytes than its manifest says"):
        store.get("k")


@pytest.mark.parametrize(
    ("raised", "expected", "told"),
    [
        (OSError(errno.EMFILE, "Too many open files"), StorageError, "'k': Too many open files"),
        (OSError(errno.ENOSPC, "No space left"), StorageFullError, "no space left"),
        (MemoryError("9 TB"), CorruptArtifactError, "give it more memory"),
        (OSError("image file is truncated"), CorruptArtifactError, "restore them"),
    ],
)
def test_what_the_system_refuses_is_no_damage(
    store: ArtifactStore,
    monkeypatch: pytest.MonkeyPatch,
    raised: Exception,
    expected: type[AqueductError],
    told: str,
) -> None:
    def load(self: BlobSerializer, source: Any) -> Any:
        raise raised

    store.put(Blob(b"x"), "k")
    monkeypatch.setattr(BlobSerializer, "load", load)
    with pytest.raises(AqueductError, match=told) as caught:
        store.get("k")
    assert isinstance(caught.value, expected)
