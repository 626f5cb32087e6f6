"""Large parts: what is done in other threads while a value is described."""

from __future__ import annotations

import errno
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aqueduct_core import ArtifactStore
from aqueduct_core.digest import digest_of, digest_of_all
from aqueduct_core.errors import StorageFullError
from aqueduct_core.serializers.array import ArraySerializer
from aqueduct_core.store import _parts

_LARGE = 3 << 20  # numbers of 4 bytes


def value() -> Any:
    return np.arange(_LARGE, dtype=np.int32)


def waiting_files(store: ArtifactStore) -> list[str]:
    return [info.key for info in store.storage.list("tmp/")]


def test_a_large_value_is_described_and_comes_back(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    ref = store.put(value(), "a")
    statistics = store.manifest(ref).description["statistics"]
    assert (statistics["min"], statistics["nulls"]) == (0, 0)
    np.testing.assert_array_equal(store.get(ref), value())
    assert not store.verify()
    assert not waiting_files(store)


def test_a_value_is_described_once_while_its_bytes_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    described = ArraySerializer.describe

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            events.append(name)
            return call(*given)

        return run

    monkeypatch.setattr(ArraySerializer, "describe", noted("described", described))
    monkeypatch.setattr(_parts, "new_file", noted("created", _parts.new_file))
    store = ArtifactStore(tmp_path)
    ref = store.put([value(), value() + 1], "a")
    # Each member, when it is drafted.
    assert events == ["described", "described", "created", "created"]
    events.clear()
    store.put(value() + 2, "b")
    assert events == ["created", "described"]
    np.testing.assert_array_equal(store.get(ref)[1], value() + 1)


def test_a_disk_that_fills_while_another_thread_hashes_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_descriptor: int, _buffers: list[memoryview]) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = ArtifactStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", failing)
        with pytest.raises(StorageFullError, match="no space left"):
            store.put(value(), "a")
    assert not store.exists("a")
    assert not waiting_files(store)


def test_without_threads_one_thing_is_done_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_function: Callable[..., None], _arguments: tuple[Any, ...]) -> int:
        raise RuntimeError("can't start new thread")

    store = ArtifactStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(_parts, "start_new_thread", refused)
        ref = store.put(value(), "a")
    np.testing.assert_array_equal(store.get(ref), value())
    assert not store.verify()


def test_an_interrupted_description_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_serializer: Any, _obj: Any, _budget: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(ArraySerializer, "describe", interrupted)
    store = ArtifactStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        store.put(value(), "a")
    assert not store.exists("a")
    assert not waiting_files(store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_can_hash_what_takes_several_threads() -> None:
    data = value().tobytes()
    expected = digest_of(data)
    inside, outside = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(outside, digest_of_all((data,)).encode())
        finally:
            os._exit(0)
    os.close(outside)
    with os.fdopen(inside) as found:
        ready = select.select([found], [], [], 60)[0]
        told = os.read(inside, 1_000).decode() if ready else "nothing"
    os.kill(child, signal.SIGKILL)  # one that hangs as well
    os.waitpid(child, 0)
    assert told == expected
