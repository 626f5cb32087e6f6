"""Copies of what never changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aqueduct_core.errors import StorageNotFoundError
from aqueduct_core.runtime._kept import Keeping, keeping
from aqueduct_core.storage import open_storage
from aqueduct_core.testing import Fault, FaultyStorage


@pytest.fixture
def far() -> FaultyStorage:
    storage = FaultyStorage(open_storage("memory://"))
    storage.put("key", b"0123456789")
    del storage.calls[:]
    return storage


def kept(storage: FaultyStorage, folder: Path) -> Keeping:
    found = keeping(storage, folder)
    assert found is not None
    return found


def test_what_was_read_once_is_not_asked_for_again(far: FaultyStorage, tmp_path: Path) -> None:
    assert bytes(kept(far, tmp_path).get("key", 2, 5)) == b"234"
    later = kept(far, tmp_path)  # of another process
    assert bytes(later.get("key")) == b"0123456789"
    assert bytes(later.get("key", 8)) == b"89"
    assert far.calls == [("get", "key")]
    later.forget()
    assert bytes(later.get("key")) == b"0123456789"
    assert far.calls == [("get", "key")] * 2


def test_what_is_missing_stays_missing(far: FaultyStorage, tmp_path: Path) -> None:
    storage = kept(far, tmp_path)
    with pytest.raises(StorageNotFoundError):
        storage.get("other")
    far.put("other", b"now")
    assert bytes(storage.get("other")) == b"now"


def test_what_is_large_is_not_kept(
    far: FaultyStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueduct_core.runtime._kept._LARGEST", 9)
    storage = kept(far, tmp_path)
    assert bytes(storage.get("key", 0, 10)) == b"0123456789"
    assert bytes(storage.get("key")) == b"0123456789"
    assert far.calls == [("get", "key")] * 2
    assert not [*tmp_path.glob("*/key")]


def test_what_nobody_asks_for_goes_after_a_month(far: FaultyStorage, tmp_path: Path) -> None:
    storage = kept(far, tmp_path)
    storage.get("key")
    far.put("other", b"1")
    storage.get("other")
    for copy in tmp_path.glob("*/*"):
        if copy.is_file():
            os.utime(copy, (0, 0))
    storage.get("other")  # which makes it recent
    far.put("third", b"2")
    storage.get("third")
    assert sorted(copy.name for copy in tmp_path.glob("*/*") if copy.is_file()) == [
        "other",
        "third",
    ]


def test_stores_of_two_places_have_copies_of_their_own(tmp_path: Path) -> None:
    one, other = open_storage("memory://kept-one"), open_storage("memory://kept-other")
    for storage, data in ((one, b"1"), (other, b"2")):
        storage.put("key", data)
        found = keeping(storage, tmp_path)
        assert found is not None
        assert bytes(found.get("key")) == data


def test_a_folder_that_can_not_be_used_keeps_nothing(far: FaultyStorage, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert keeping(far, tmp_path / "file") is None
    kept(far, tmp_path / "open")
    [folder] = (tmp_path / "open").iterdir()
    folder.chmod(0o722)
    assert keeping(far, tmp_path / "open") is None


def test_a_full_disk_is_no_trouble(
    far: FaultyStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = kept(far, tmp_path)
    monkeypatch.setattr(
        storage, "_copies", FaultyStorage(open_storage(str(tmp_path)), [Fault.disk_full()])
    )
    assert bytes(storage.get("key")) == b"0123456789"
