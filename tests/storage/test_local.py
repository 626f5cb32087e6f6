from __future__ import annotations

import errno
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from aqueduct_core.errors import (
    StorageError,
    StorageFullError,
    StorageNotFoundError,
    StoragePermissionError,
)
from aqueduct_core.storage import _opened, open_storage
from aqueduct_core.storage._local import LocalStorage


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "root")


def intact(storage: LocalStorage, key: str) -> bool:
    found = storage.stat(key)
    assert found is not None
    return found.intact


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "memory://name"])
def test_a_url_that_became_a_path_is_no_folder(url: str) -> None:
    with pytest.raises(StorageError, match="before it became a Path") as caught:
        open_storage(str(Path(url)))
    assert url in str(caught.value)


def test_a_path_and_a_file_url_are_the_same_place(tmp_path: Path) -> None:
    spaced = tmp_path / "a folder"
    assert open_storage(str(spaced)).url == open_storage(spaced.as_uri()).url == spaced.as_uri()


@pytest.mark.parametrize(
    "url", ["file://data/artifacts", "file:///data/run#1", "file:///data/what?"]
)
def test_a_file_url_of_another_place_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match="no URL of a folder") as caught:
        open_storage(url)
    assert "%23" in str(caught.value)
    assert open_storage("file://localhost/data").url == "file:///data"


@pytest.mark.parametrize("url", ["folder", "memory://x"])
def test_an_option_that_a_storage_does_not_have_is_named(url: str) -> None:
    hint = "it takes fsync" if url == "folder" else "it takes no options"
    with pytest.raises(StorageError, match=f"'fsycn'\nHint: {hint}"):
        open_storage(url, fsycn=True)


def test_what_does_not_say_what_it_takes_is_asked_itself() -> None:
    made: Any = _opened(iter, "cellar", "wine", {})  # type: ignore[arg-type] # has no signature
    assert next(made) == "w"


def test_folders_that_were_moved_elsewhere_are_listed(
    storage: LocalStorage, tmp_path: Path
) -> None:
    storage.put("a/b/c", b"x")
    storage.put("a/d", b"x")
    storage.path("a/b").rename(tmp_path / "elsewhere")
    storage.path("a/b").symlink_to(tmp_path / "elsewhere")
    assert sorted(info.key for info in storage.list()) == ["a/b/c", "a/d"]
    storage.path("a/b/again").symlink_to(storage.path("a/b"))
    storage.path("a/gone").symlink_to(tmp_path / "nothing")
    assert sorted(info.key for info in storage.list()) == ["a/b/c", "a/d"]


def test_a_link_to_itself_is_named(storage: LocalStorage) -> None:
    storage.put("a/b", b"x")
    storage.path("a/loop").symlink_to("loop")
    with pytest.raises(StorageError, match="'a/loop'"):
        list(storage.list())


def test_any_change_breaks_the_seal(storage: LocalStorage) -> None:
    for change in (b"y", b"x", b""):
        storage.put("a/b", b"x")
        assert intact(storage, "a/b")
        with storage.path("a/b").open("r+b") as file:
            file.write(change)
            file.truncate()
        assert not intact(storage, "a/b")
    storage.put("a/b", b"x")
    assert intact(storage, "a/b")


def test_reading_refreshing_and_copying_times_keep_the_seal(storage: LocalStorage) -> None:
    storage.put("a", b"x")
    assert storage.get("a") == b"x"
    assert storage.refresh("a")
    assert intact(storage, "a")
    assert not storage.refresh("nothing")


def test_a_file_of_another_key_is_not_sealed(storage: LocalStorage) -> None:
    storage.put("a", b"x")
    os.rename(storage.path("a"), storage.path("b"))
    assert not intact(storage, "b")


def test_more_buffers_than_one_system_call_takes(storage: LocalStorage) -> None:
    buffers = [bytes([index % 256]) * (index % 7) for index in range(5_000)]
    storage.put("a", *buffers)
    assert storage.get("a") == b"".join(buffers)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFullError),
        (errno.EDQUOT, StorageFullError),
        (errno.EACCES, StoragePermissionError),
        (errno.EROFS, StoragePermissionError),
        (errno.EIO, StorageError),
    ],
)
def test_a_failing_disk_leaves_nothing(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch, number: int, expected: type
) -> None:
    storage.put("a", b"old")

    def failing(descriptor: int, buffers: list[memoryview]) -> int:
        os.write(descriptor, b"torn")
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", failing)
        with pytest.raises(expected, match="Hint"):
            storage.put("a", b"new")
    assert storage.get("a") == b"old"
    assert not list(storage.list("tmp/"))


def test_a_file_of_another_file_system_is_copied(storage: LocalStorage) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == storage.staging().stat().st_dev:
        pytest.skip("there is no second file system here")
    foreign = shared / f"aqueduct-test-{os.getpid()}"
    data = os.urandom(1 << 20) * 12 + b"x"
    foreign.write_bytes(data)
    tracemalloc.start()
    try:
        storage.put_file("a", foreign)
        assert tracemalloc.get_traced_memory()[1] < len(data) // 4, "it isn't read as a whole"
    finally:
        tracemalloc.stop()
    assert storage.get("a") == data
    assert intact(storage, "a")
    assert not foreign.exists()


def test_a_missing_object(storage: LocalStorage) -> None:
    with pytest.raises(StorageNotFoundError, match="'nothing'"):
        storage.get("nothing")
    assert isinstance(StorageNotFoundError(), FileNotFoundError)
    assert storage.stat("nothing") is None
    assert storage.stat("nothing/below") is None
    storage.put("a", b"x")
    storage.delete("nothing", "a/below")
    assert not storage.refresh("a/below")


def test_fsync_is_for_power_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    open_storage(str(tmp_path)).put("a", b"x")
    assert not synced
    open_storage(str(tmp_path), fsync=True).put("a", b"x")
    assert len(synced) == 2  # the file, then the folder that names it
    open_storage(str(tmp_path), fsync=True).put("b/c/d", b"x")
    assert len(synced) == 6  # those that name the new folders, too
