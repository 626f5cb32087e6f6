"""The storage that fails when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from aqueduct_core.abc import Storage
from aqueduct_core.errors import StorageFullError, StorageUnavailableError
from aqueduct_core.storage import open_storage
from aqueduct_core.testing import Fault, FaultyStorage


@pytest.fixture
def inner() -> Storage:
    return open_storage("memory://")


def test_the_nth_call_fails(inner: Storage) -> None:
    faulty = FaultyStorage(inner, [Fault("put", nth=2, times=2)])
    faulty.put("a", b"1")
    for _ in range(2):
        with pytest.raises(StorageUnavailableError, match=r"put of 'b' failed \(injected\)"):
            faulty.put("b", b"2")
    faulty.put("b", b"2")
    assert sorted(info.key for info in inner.list()) == ["a", "b"]
    assert faulty.calls == [("put", "a"), ("put", "b"), ("put", "b"), ("put", "b")]


def test_every_verb_can_fail(inner: Storage, tmp_path: Path) -> None:
    faulty = FaultyStorage(inner, [Fault(error=KeyboardInterrupt, times=None)])
    file = tmp_path / "file"
    file.write_bytes(b"x")
    for verb in (
        lambda: faulty.put("k", b"x"),
        lambda: faulty.put_file("k", file),
        lambda: faulty.get("k"),
        lambda: faulty.stat("k"),
        lambda: faulty.refresh("k"),
        lambda: [*faulty.list()],
        lambda: faulty.delete("k"),
        lambda: faulty.staging(),
    ):
        with pytest.raises(KeyboardInterrupt):
            verb()
    assert [verb for verb, _ in faulty.calls] == [
        *("put", "put_file", "get", "stat", "refresh", "list", "delete", "staging")
    ]
    assert file.exists()


def test_only_some_keys(inner: Storage) -> None:
    faulty = FaultyStorage(inner, [Fault("put", key="parts/", error=OSError(5, "I/O"))])
    faulty.put("manifests/a", b"x")
    with pytest.raises(OSError, match="I/O"):
        faulty.put("parts/a", b"x")


def test_a_torn_write(inner: Storage, tmp_path: Path) -> None:
    faulty = FaultyStorage(inner, [Fault("put", tear=0.5), Fault("put_file", tear=0.25)])
    with pytest.raises(StorageUnavailableError):
        faulty.put("k", b"0123", b"4567")
    assert bytes(inner.get("k")) == b"0123"
    file = tmp_path / "file"
    file.write_bytes(b"01234567")
    with pytest.raises(StorageUnavailableError):
        faulty.put_file("f", file)
    assert bytes(inner.get("f")) == b"01"


def test_a_lost_answer(inner: Storage) -> None:
    faulty = FaultyStorage(inner, [Fault("put", after=True)])
    with pytest.raises(StorageUnavailableError):
        faulty.put("k", b"x")
    assert bytes(inner.get("k")) == b"x"


def test_a_full_disk_and_a_delay(inner: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    faulty = FaultyStorage(inner, [Fault("get", seconds=2.0), Fault.disk_full(nth=2)])
    faulty.put("k", b"x")
    for _ in range(3):
        with pytest.raises(StorageFullError):
            faulty.put("k", b"y")
    assert bytes(faulty.get("k")) == b"x"
    assert slept == [2.0]
