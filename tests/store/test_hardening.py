"""Faults that a review found, each with the smallest script that showed it."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aqueduct_core.errors import (
    AqueductError,
    CorruptArtifactError,
    LossyTypeError,
    MemberNotFoundError,
    StorageError,
    UnserializableError,
)
from aqueduct_core.manifest import content_digest
from aqueduct_core.registry import Registry
from aqueduct_core.storage._local import LocalStorage
from aqueduct_core.store import ArtifactStore, Retention
from tests.store.toys import Blob, BlobSerializer, Streamed, new_registry

NOW = timedelta(0)


@dataclasses.dataclass
class Config:
    """A class that data names."""

    text: str


def old(path: Path, seconds: float = 7 * 3600) -> None:
    found = path.stat()
    then = time.time_ns() - int(seconds * 1e9)
    os.utime(path, ns=(then, found.st_mtime_ns - int(seconds) * 10**9))


def part_of(folder: Path) -> Path:
    (path,) = [path for path in (folder / "parts").rglob("*") if path.is_file()]
    return path


@pytest.mark.parametrize(("url", "policy"), [("memory://", "fast"), ("", "small")])
def test_a_forked_child_has_its_own_copy(tmp_path: Path, url: str, policy: Any) -> None:
    script = f"""
import os, numpy as np
from aqueduct_core.store import ArtifactStore
store = ArtifactStore({url or str(tmp_path)!r}, policy={policy!r})
store.put(np.zeros(100_000), "k")
value = store.get("k")
child = os.fork()
if not child:
    value[:] = 42
    os._exit(0)
os.waitpid(child, 0)
print(value.max())
"""
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "0.0"


def test_a_sealed_forgery_is_no_signed_part(tmp_path: Path) -> None:
    """What may name a class to import is compared with the signed digest, seal or not."""
    store = ArtifactStore(tmp_path, signing_key="ours")
    store.put(Config("x" * 10_000), "k")
    path = part_of(tmp_path)
    forged = path.read_bytes().replace(b"xxxx", b"yyyy")
    LocalStorage(tmp_path).put(path.relative_to(tmp_path).as_posix(), forged)
    with pytest.raises(CorruptArtifactError, match="were changed"):
        store.get("k")


def test_a_disk_that_fills_in_the_last_write_is_noticed(tmp_path: Path) -> None:
    script = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from aqueduct_core.store import ArtifactStore
from tests.store.toys import Streamed, new_registry
store = ArtifactStore({str(tmp_path)!r}, registry=new_registry())
store.put(Streamed(b"old"), "k")
resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))
try:
    store.put(Streamed(b"x" * (4 << 20)), "k")
except Exception as error:
    print(type(error).__name__)
print(store.get("k"), len(list(store.storage.list("tmp/"))))
"""
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root
    )
    assert found.stdout.split() == ["StorageError", "b'old'", "0"]


class Interrupted(LocalStorage):
    """Does something else each time a manifest is read."""

    then: Any = None

    def get(self, key: str, start: int = 0, end: int | None = None) -> bytes:
        data = super().get(key, start, end)
        if key.startswith("manifests/") and self.then is not None:
            then, self.then = self.then, None
            then()
        return data


def test_gc_spares_a_part_that_is_used_again_meanwhile(tmp_path: Path) -> None:
    storage = Interrupted(tmp_path)
    store = ArtifactStore(storage, registry=new_registry())
    store.put(Blob(b"a" * 50_000), "orphan")
    store.delete("orphan")
    old(part_of(tmp_path))
    store.put(Blob(b"1"), "other")
    storage.then = lambda: store.put(Blob(b"a" * 50_000), "new")
    store.gc(grace=timedelta(hours=1))
    assert store.get("new") == b"a" * 50_000


def test_retention_spares_an_artifact_that_is_replaced_meanwhile(tmp_path: Path) -> None:
    storage = Interrupted(tmp_path)
    store = ArtifactStore(storage, registry=new_registry())
    store.put(Blob(b"old"), "a/x")
    store.put(Blob(b"newer"), "a/y")
    storage.then = lambda: store.put(Blob(b"new"), "a/x")
    store.gc(keep=Retention(count=1), grace=NOW)
    assert store.get("a/x") == b"new"


def test_a_manifest_copied_by_hand_costs_nobody_anything(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, registry=new_registry())
    store.put(Blob(b"a" * 50_000), "d/a")
    folder = tmp_path / "manifests" / "d"
    (folder / "backup.json").write_bytes((folder / "a.json").read_bytes())
    assert [ref.key for ref in store.list()] == ["d/a"]
    assert not store.gc(keep=Retention(count=1), grace=NOW).artifacts
    assert store.get("d/a") == b"a" * 50_000


def test_saving_again_mends_a_damaged_part(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, registry=new_registry())
    store.put(Blob(b"a" * 50_000), "k")
    with part_of(tmp_path).open("r+b") as file:
        file.write(b"b")
    with pytest.raises(CorruptArtifactError, match="save the artifact again"):
        store.get("k")
    store.put(Blob(b"a" * 50_000), "k")
    assert store.get("k") == b"a" * 50_000


@pytest.fixture
def few_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_by_now = max(int(name) for name in os.listdir("/dev/fd"))  # by this test or others
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_by_now + 300, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_files")
def test_many_loaded_values_need_few_files(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    store.put(np.arange(20_000), "k")
    values = [store.get("k") for _ in range(700)]
    assert all(value[-1] == 19_999 for value in values)


def test_streamed_parts_are_as_readable_as_others(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        ArtifactStore(tmp_path, registry=new_registry()).put(Streamed(b"x" * (2 << 20)), "k")
    finally:
        os.umask(before)
    assert part_of(tmp_path).stat().st_mode & 0o777 == 0o640


def test_a_failing_compression_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aqueduct_core.store import _parts

    def failing(*_: Any) -> Iterator[bytes]:
        yield os.urandom(3 << 20)
        raise StorageError("the disk is full")

    store = ArtifactStore(tmp_path, policy="small", registry=new_registry())
    monkeypatch.setattr(_parts, "compress_stream", failing)
    with pytest.raises(StorageError):
        store.put(Blob(b"ab" * 100_000), "k")
    assert not list(store.storage.list("tmp/"))


def test_strange_files_in_the_store_do_no_harm(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, signing_key="old", registry=new_registry())
    store.put(Blob(b"1"), "k")
    (tmp_path / "manifests" / ".DS_Store").write_bytes(b"\0")
    rotated = ArtifactStore(tmp_path, signing_key="new", registry=new_registry())
    assert [ref.key for ref in rotated.list()] == ["k"]
    rotated.gc()
    (tmp_path / "manifests" / "%FF.json").write_bytes(b"{}")
    with pytest.raises(CorruptArtifactError, match="move the file out"):
        list(store.list())


@pytest.mark.parametrize("key", ["", b"", 5, ["secret"]])
def test_a_signing_key_that_is_empty_or_no_text_is_a_mistake(key: Any) -> None:
    with pytest.raises(ValueError, match="empty"):
        ArtifactStore("memory://", signing_key=key)


def test_an_empty_url_is_not_the_current_folder() -> None:
    with pytest.raises(StorageError, match="empty"):
        ArtifactStore("")


@pytest.mark.parametrize(
    ("lineage", "error"),
    [
        ({"a": float("nan")}, UnserializableError),
        ({"a": object()}, UnserializableError),
        ({1: 2}, LossyTypeError),
        ({"a": (1, 2)}, LossyTypeError),
    ],
)
def test_lineage_is_kept_or_refused_before_anything_is_stored(
    lineage: Any, error: type[AqueductError]
) -> None:
    store = ArtifactStore("memory://", registry=new_registry())
    with pytest.raises(error):
        store.put(Blob(b"a" * 50_000), "k", lineage=lineage)
    with pytest.raises(UnserializableError):
        store.put(Blob(b"1"), "k", name="\ud800")
    assert not list(store.storage.list(""))


def test_a_description_that_is_no_json_does_not_stop_saving() -> None:
    class Odd(BlobSerializer):
        def describe(self, obj: Blob, budget: Any) -> Any:
            return {"mean": float("nan")}

    registry = Registry(plugins=False)
    registry.register(Odd(), package="odd 1")
    store = ArtifactStore("memory://", registry=registry)
    store.put(Blob(b"1"), "k")
    assert "error" in store.manifest("k").description


def test_the_digest_does_not_depend_on_the_release_that_wrote_it() -> None:
    store = ArtifactStore("memory://", registry=new_registry())
    content = store.manifest(store.put(Blob(b"1"), "k")).content
    later = dataclasses.replace(content, package="test 2")
    assert content_digest(later) == content_digest(content)


def test_threads_find_plugins_only_when_all_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(group: str) -> list[Any]:
        time.sleep(0.05)
        return []

    monkeypatch.setattr("importlib.metadata.entry_points", slowly)
    registry = Registry()
    seen: list[bool] = []

    def look() -> None:
        registry.serializers()
        seen.append(registry._discovered)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4


@pytest.mark.parametrize("returned", [[1], "text", 3, ("a", 1)])
def test_what_a_serializer_returns_that_nobody_could_read_again_is_not_stored(
    returned: object,
) -> None:
    class Wrong(BlobSerializer):
        def dump(self, obj: Blob, sink: Any) -> Any:
            sink.write(obj)
            return returned

    registry = Registry()
    registry.register(Wrong)
    store = ArtifactStore("memory://", registry=registry)
    with pytest.raises(TypeError, match=r"'test\.blob' returned \w+ from dump\(\)"):
        store.put(Blob(b"x"), "k")
    assert not store.exists("k")


def test_a_part_that_there_is_not_is_told_from_an_empty_one(registry: Registry) -> None:
    store = ArtifactStore("memory://", registry=registry)
    store.put(Streamed(b""), "k")
    with store.open("k", "more") as file:
        assert file.read() == b"and a second part"
    with store.open("k") as file:
        assert file.read() == b""
    with pytest.raises(MemberNotFoundError, match=r"no part 'mroe'[\s\S]*did you mean 'more'"):
        store.open("k", "mroe")


@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_store_with_its_key_is_not_sent_anywhere(send: Any) -> None:
    with pytest.raises(UnserializableError, match=r"secret[\s\S]*send its url"):
        send(ArtifactStore("memory://", signing_key="secret"))
