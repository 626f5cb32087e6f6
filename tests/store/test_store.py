from __future__ import annotations

import errno
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.abc import ObjectInfo
from aqueduct_core.errors import (
    AqueductError,
    ArtifactNotFoundError,
    ColumnNotFoundError,
    ConversionError,
    CorruptArtifactError,
    InvalidKeyError,
    ParameterError,
    SerializerNotFoundError,
    SignatureError,
    StaleReferenceError,
    StorageError,
    StorageFullError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.registry import Registry
from aqueduct_core.storage._memory import MemoryStorage
from aqueduct_core.store import ArtifactStore, Retention
from aqueduct_core.testing import forge
from tests.store.toys import Blob, BlobSerializer, Streamed, Tree

NOW = timedelta(0)
POLICIES = ("fast", "balanced", "small")
VALUES = {
    "empty": Blob(),
    "inline": Blob(b"hi"),
    "own part": Blob(b"ab" * 50_000),
    "incompressible": Blob(os.urandom(100_000)),
    "hashed while written": Blob(os.urandom(9 << 20)),
    "streamed small": Streamed(b"x" * 10),
    "streamed large": Streamed(b"xyz" * 1_000_000),
    "packed": Tree([Blob(b"x" * 9_000), Blob(b"y" * 5_000), Streamed(b"z" * 5_001), Blob()]),
    "nested": Tree([Tree([Blob(b"1"), Tree()]), Tree([Streamed(b"s" * 2_000_000)])]),
}


def objects(store: ArtifactStore) -> set[str]:
    return {info.key for folder in ("parts/", "tmp/") for info in store.storage.list(folder)}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", VALUES)
def test_what_is_put_comes_back(store: ArtifactStore, name: str, policy: Any) -> None:
    store.policy = policy
    ref = store.put(VALUES[name], "a/key")
    for source in (ref, "a/key"):
        loaded = store.get(source)
        assert type(loaded) is type(VALUES[name])
        assert loaded == VALUES[name]
    assert ref.size == store.manifest(ref).size
    assert not store.verify()
    assert {part.path for part in store.manifest(ref).parts} >= objects(store)


def test_identical_parts_are_stored_once(store: ArtifactStore) -> None:
    first = store.put(VALUES["incompressible"], "one")
    before = objects(store)
    second = store.put(VALUES["incompressible"], "two")
    assert objects(store) == before
    assert first.digest == second.digest
    assert store.put(VALUES["incompressible"]).key == f"objects/{first.digest[7:]}"


def test_one_object_nested_twice_is_stored_and_loaded_once(store: ArtifactStore) -> None:
    blob = Blob(b"x" * 9_000)
    loaded = store.get(store.put(Tree([blob, blob]), "k"))
    assert loaded[0] is loaded[1]
    assert len(store.manifest("k").content.members) == 1


def test_a_loaded_value_is_the_callers_own(store: ArtifactStore) -> None:
    store.put(Blob(b"a" * 200_000), "k")
    with store.open("k") as file:
        assert file.read(2) == b"aa"
    for _ in range(2):
        loaded = store.get("k")
        assert loaded == b"a" * 200_000
        loaded[0] = 0


def test_a_reference_to_a_replaced_artifact_is_stale(store: ArtifactStore) -> None:
    old = store.put(Blob(b"old"), "k")
    new = store.put(Blob(b"new"), "k")
    with pytest.raises(StaleReferenceError, match="was replaced"):
        store.get(old)
    assert store.get(new) == store.get("k") == b"new"


def test_a_missing_artifact(store: ArtifactStore) -> None:
    for call in (store.get, store.manifest, store.open):
        with pytest.raises(ArtifactNotFoundError, match="no artifact 'nothing'"):
            call("nothing")  # type: ignore[operator] # three signatures, one first argument
    assert isinstance(ArtifactNotFoundError(), KeyError)
    assert not store.exists("nothing")
    assert not store.delete("nothing")


def test_list_exists_delete(store: ArtifactStore) -> None:
    keys = ["a", "a/b", "a/b/c", "a b", "a:b+c", "b", "a.json/x", "ü" * 1_000]
    for key in keys:
        store.put(Blob(key.encode()), key)
    assert [ref.key for ref in store.list()] == sorted(keys)
    assert [ref.key for ref in store.list("a/")] == ["a/b", "a/b/c"]
    assert [ref.key for ref in store.list("a/b")] == ["a/b", "a/b/c"]
    assert [ref.key for ref in store.list("ü")] == ["ü" * 1_000]
    assert [ref.key for ref in store.list("none")] == []
    assert store.delete("a/b")
    assert not store.exists("a/b")
    assert store.exists("a/b/c")


def test_names_lineage_and_description_are_kept(store: ArtifactStore) -> None:
    lineage = {"inputs": ["blake3:..."], "operator": "predict"}
    ref = store.put(Blob(b"12"), "k", name="customers", lineage=lineage)
    manifest = store.manifest(ref)
    assert manifest.name == ref.name == "customers"
    assert manifest.lineage == lineage
    assert manifest.description == {"bytes": 2}
    store.put(Tree([Blob(b"12"), Blob(b"123")]), "t")
    members = store.manifest("t").description["members"]
    assert members == [{"type": "bytes", "bytes": 2}, {"type": "bytes", "bytes": 3}]


def test_a_serializer_can_be_chosen(store: ArtifactStore) -> None:
    assert store.put(Blob(b"1"), serializer="test.blob").serializer == "test.blob"
    with pytest.raises(UnserializableError, match=r"can't keep this .*Blob exactly"):
        store.put(Blob(b"1"), serializer="test.tree")
    with pytest.raises(SerializerNotFoundError, match=r"test\.tree"):
        store.put(Blob(b"1"), serializer="test.nothing")


def test_columns_and_members_only_where_there_are_some(store: ArtifactStore) -> None:
    store.put(Blob(b"1"), "k")
    with pytest.raises(ConversionError, match="no columns"):
        store.get("k", columns=["a"])
    with pytest.raises(ConversionError, match="no members"):
        store.get("k", at=["a"])


def test_a_failing_serializer_leaves_nothing(store: ArtifactStore) -> None:
    value = Tree([Streamed(b"s" * 2_000_000), Streamed(b"fail" * 500_000)])
    with pytest.raises(RuntimeError, match="gave up"):
        store.put(value, "k")
    assert not store.exists("k")
    assert not objects(store)


def test_an_unstorable_member_is_named_by_its_path(store: ArtifactStore) -> None:
    with pytest.raises(UnserializableError) as raised:
        store.put(Tree([Blob(), Tree([Blob(), object()])]), "k")
    assert raised.value.path == "[1][1]"
    assert str(raised.value).startswith("At value[1][1]: object has no serializer of its own")
    assert "allow_pickle=True" in str(raised.value)


def test_bottomless_nesting_is_refused(store: ArtifactStore) -> None:
    value = Tree()
    value.append(value)
    with pytest.raises(UnserializableError, match="nested more than"):
        store.put(value, "k")


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="balanced"):
        ArtifactStore("memory://", policy="fastest")  # type: ignore[arg-type] # on purpose
    with pytest.raises(InvalidKeyError, match="not int"):
        ArtifactStore("memory://").put("x", 3)  # type: ignore[arg-type] # on purpose
    for words in ({"columns": "a"}, {"at": "a"}):
        with pytest.raises(TypeError, match=r"list of labels: \w+=\['a'\]"):
            ArtifactStore("memory://").get("x", **words)  # type: ignore[arg-type] # on purpose


def test_a_storage_around_another_one_may_leave_the_rest_to_it() -> None:
    """Since Python 3.12, isinstance overlooks what an object has by `__getattr__`."""

    class Around:
        def __init__(self, inner: MemoryStorage) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    store: Any = ArtifactStore
    around = store(Around(MemoryStorage()))
    around.put(3, "x")
    assert around.get("x") == 3


def test_what_is_no_storage_is_refused() -> None:
    class Unfinished:
        url, profile = "cellar://wine", "memory"
        put = put_file = get = stat = list = delete = path = MemoryStorage.get

    class Odd(MemoryStorage):
        profile = "disk"

    with pytest.raises(TypeError, match="NoneType is none of these"):
        ArtifactStore(None)  # type: ignore[arg-type] # as an unset variable gives it
    with pytest.raises(TypeError, match=r"it has no refresh, staging$"):
        ArtifactStore(Unfinished())  # type: ignore[arg-type] # on purpose
    with pytest.raises(ParameterError, match=r"'disk'[\s\S]*memory, local"):
        ArtifactStore(Odd())
    with pytest.raises(ValueError, match="open already"):
        ArtifactStore(MemoryStorage(), storage_options={"key": "x"})


def test_converting_without_the_library_for_it_names_the_extra() -> None:
    program = (
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "from aqueduct_core import ArtifactStore\n"
        "from aqueduct_core.errors import MissingExtraError\n"
        "store = ArtifactStore('memory://')\n"
        "store.put([1], 'k')\n"
        "try:\n"
        "    store.get('k', as_=dict)\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "aqueduct-core[tables]" in done.stdout, done.stderr


class Secret:
    """Anything that only pickle takes."""

    def __init__(self) -> None:
        self.value = 1


def test_pickles_need_a_signature_or_permission(tmp_path: Path) -> None:
    plain = ArtifactStore(tmp_path)
    with pytest.raises(UnserializableError, match="signing_key"):
        plain.put(Secret(), "k")
    signed = ArtifactStore(tmp_path, signing_key="ours")
    signed.put(Secret(), "k")
    assert signed.get("k").value == 1
    assert not signed.manifest("k").safe
    with pytest.raises(UnsafeArtifactError, match="run any code"):
        plain.get("k")
    with pytest.raises(SignatureError):
        ArtifactStore(tmp_path, signing_key="theirs").get("k")
    assert ArtifactStore(tmp_path, allow_pickle=True).get("k").value == 1


def test_an_unsigned_pickle_is_not_loaded_by_a_signing_store(tmp_path: Path) -> None:
    ArtifactStore(tmp_path, allow_pickle=True).put(Secret(), "k")
    with pytest.raises(UnsafeArtifactError):
        ArtifactStore(tmp_path, signing_key="ours").get("k")


def test_a_pickle_can_not_pose_as_safe(tmp_path: Path) -> None:
    """What a manifest says of itself doesn't count: the installed serializer does."""
    store = ArtifactStore(tmp_path, allow_pickle=True)
    store.put(Secret(), "k")
    forge(store, "k", lambda content: content.pop("safe"))
    assert store.manifest("k").safe
    with pytest.raises(UnsafeArtifactError):
        ArtifactStore(tmp_path).get("k")


def the_part(folder: Path) -> Path:
    (path,) = [path for path in (folder / "parts").rglob("*") if path.is_file()]
    return path


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


@pytest.mark.parametrize("limit", [{"count": -1}, {"size": -1}, {"age": -timedelta(seconds=1)}])
def test_a_limit_below_zero_is_none(limit: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="for no limit"):
        Retention(**limit)


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


@pytest.mark.parametrize("serializer", ["arrow", "parquet"])
def test_a_missing_column_is_named(store: ArtifactStore, serializer: str) -> None:
    import pandas as pd

    store.put(pd.DataFrame({"a": [1], "b": [2]}), "k", serializer=serializer)
    assert list(store.get("k", columns=["b"])) == ["b"]
    with pytest.raises(ColumnNotFoundError, match=r"'c'.*'a'"):
        store.get("k", columns=["c"])
