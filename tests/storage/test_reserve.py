from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from aqueduct_core.errors import StorageFullError
from aqueduct_core.storage import _reserve
from aqueduct_core.storage._local import LocalStorage

_LARGE = bytes(range(256)) * 8_192  # 2 MiB


def answering(code: int, asked: list[int]) -> object:
    def call(_descriptor: int, _mode: int, _offset: int, size: int) -> int:
        asked.append(size)
        return code

    return lambda: call


def test_room_is_asked_for_large_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(_reserve, "_system_call", answering(0, asked))
    storage = LocalStorage(tmp_path)
    storage.put("small", b"x" * 1_000)
    storage.put("large", _LARGE, b"and more")
    assert asked == [len(_LARGE) + 8]


def test_where_there_is_no_room_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalStorage(tmp_path)
    monkeypatch.setattr(_reserve, "_system_call", answering(errno.ENOSPC, []))
    with pytest.raises(StorageFullError, match="no space left"):
        storage.put("a", _LARGE)
    assert storage.stat("a") is None
    assert not list(storage.list("tmp/"))


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINTR, errno.ENOSYS])
def test_a_file_system_that_can_not_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    storage = LocalStorage(tmp_path)
    monkeypatch.setattr(_reserve, "_system_call", answering(code, []))
    storage.put("a", _LARGE)
    assert storage.get("a") == _LARGE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has the system call")
def test_a_file_is_as_long_as_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        _reserve.reserve(descriptor, len(_LARGE))
        assert os.fstat(descriptor).st_size == 0
        os.write(descriptor, b"short")
    finally:
        os.close(descriptor)
    assert path.read_bytes() == b"short"
