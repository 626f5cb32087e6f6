from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import (
    ArtifactNotFoundError,
    ColumnNotFoundError,
    ConversionError,
    InvalidKeyError,
    ParameterError,
    SerializerNotFoundError,
    SignatureError,
    StaleReferenceError,
    UnsafeArtifactError,
    UnserializableError,
)
from aqueduct_core.storage._memory import MemoryStorage
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import forge
from tests.store.toys import VALUES, Blob, Streamed, Tree, objects

POLICIES = ("fast", "balanced", "small")


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


@pytest.mark.parametrize("serializer", ["arrow", "parquet"])
def test_a_missing_column_is_named(store: ArtifactStore, serializer: str) -> None:
    import pandas as pd

    store.put(pd.DataFrame({"a": [1], "b": [2]}), "k", serializer=serializer)
    assert list(store.get("k", columns=["b"])) == ["b"]
    with pytest.raises(ColumnNotFoundError, match=r"'c'.*'a'"):
        store.get("k", columns=["c"])
