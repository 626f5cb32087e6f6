"""Large pickles are proved to load, too, and that takes no second load of what was proved before."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from aqueduct_core.errors import UnserializableError
from aqueduct_core.serializers.pickle import _proof
from aqueduct_core.store import ArtifactStore

LARGE = "text" * 500_000


@pytest.fixture(scope="module")
def store() -> ArtifactStore:
    return ArtifactStore("memory://proofs", allow_pickle=True)


class Unloadable:
    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> Any:
        return Unloadable, (), self.__dict__


class Forgetful:
    def __init__(self, content: Any) -> None:
        self.content = content

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Forgetful) and self.content == other.content

    def __hash__(self) -> int:
        return 1

    def __reduce__(self) -> Any:
        return Forgetful, (None,)


class Counted:
    loads: ClassVar[list[int]] = []

    def __init__(self, content: Any) -> None:
        self.content = content

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.loads.append(1)
        self.__dict__.update(state)


class Writes:
    """One that changes its array while it is loaded."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.content[0] += 1
        self.content[0] -= 1


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: Unloadable(LARGE), ""),
        (lambda: Counted({"a": LARGE, "b": Unloadable(1)}), ".content['b']"),
        (lambda: Unloadable(np.ones(2_000_000)), ""),
        (lambda: Counted([np.ones(2_000_000), Unloadable(1)]), ".content[1]"),
    ],
    ids=["text", "member", "array", "beside an array"],
)
def test_what_is_large_and_does_not_load_is_refused(
    make: Any, path: str, store: ArtifactStore
) -> None:
    with pytest.raises(UnserializableError, match="can't be loaded: TypeError") as caught:
        store.put(make(), "large", serializer="pickle")
    assert caught.value.path == path
    assert not store.exists("large")


def test_so_is_what_is_too_large_for_a_copy_if_one_of_its_members_does_not_load(
    monkeypatch: pytest.MonkeyPatch, store: ArtifactStore
) -> None:
    monkeypatch.setattr("aqueduct_core.serializers.pickle._serializer.KEPT", 2 << 20)
    with pytest.raises(UnserializableError, match="Unloadable can be pickled, but"):
        store.put(Counted([LARGE, LARGE[1:], Unloadable(1)]), serializer="pickle")


def test_what_is_large_and_would_change_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(UnserializableError, match="what comes back doesn't equal it"):
        store.put(Forgetful(LARGE), serializer="pickle")


def test_a_class_is_proved_once(monkeypatch: pytest.MonkeyPatch, store: ArtifactStore) -> None:
    monkeypatch.setattr(_proof, "_proved", set())
    monkeypatch.setattr(Counted, "loads", [])
    store.put(Counted(LARGE), serializer="pickle")
    assert len(Counted.loads) == 1
    store.put(Counted(LARGE[1:]), serializer="pickle")
    assert len(Counted.loads) == 1


def test_one_of_many_is_tried(monkeypatch: pytest.MonkeyPatch, store: ArtifactStore) -> None:
    monkeypatch.setattr(_proof, "_proved", set())
    monkeypatch.setattr(Counted, "loads", [])
    ref = store.put([Counted(i) for i in range(100_000)], serializer="pickle")
    assert len(Counted.loads) == 1
    assert [one.content for one in store.get(ref)] == [*range(100_000)]


def test_objects_that_write_into_their_arrays_while_they_are_loaded_are_kept(
    store: ArtifactStore,
) -> None:
    array = np.ones(2_000_000)
    assert store.get(store.put(Writes(array))).content.sum() == 2_000_000
    assert array.sum() == 2_000_000


def test_arrays_are_not_copied_for_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[int] = []
    monkeypatch.setattr(_proof, "bytearray", lambda data: copies.append(1), raising=False)
    ArtifactStore("memory://", allow_pickle=True).put(Counted(np.ones(2_000_000)))
    assert not copies
