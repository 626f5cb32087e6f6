"""What every storage must pass: inherit, give a storage, done."""

from __future__ import annotations

import random
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from aqueduct_core.abc import Storage
from aqueduct_core.errors import StorageNotFoundError
from aqueduct_core.store import ArtifactStore

__all__ = ["StorageTests"]

_ODD_KEYS = [
    "plain",
    "with.dots..and-dashes_",
    "percent%20quoted%2Fslash",
    "100%25",
    "%",
    "a=b,c;d!e~f'g(h)@i&j$k",
    ".hidden",
    "UPPER/lower",
    "parts/ab/" + "0123456789abcdef" * 4 + ".parquet",
    "/".join("d" * (index % 3 + 1) for index in range(60)) + "/deep",
]


class StorageTests:
    """The conformance tests of a storage.

    A complete test module:

        import pytest
        from acme import AcmeStorage
        from aqueduct_core.testing import StorageTests

        class TestAcmeStorage(StorageTests):
            @pytest.fixture
            def storage(self, acme_server, tmp_path):
                return AcmeStorage(f"acme://{acme_server.host}/{tmp_path.name}")

    The fixture gives a new, empty storage to each test.

    Attributes:
        large: The size of an object that the storage must send in several parts.
        many: A number of objects that doesn't fit one page of a listing.
    """

    large: ClassVar[int] = 12 << 20
    many: ClassVar[int] = 1_005

    def test_it_is_a_storage(self, storage: Storage) -> None:
        ArtifactStore(storage)  # refuses what is none, and names what is missing
        assert "://" in storage.url
        assert storage.profile in {"local", "memory", "remote"}

    @pytest.mark.parametrize("size", [0, 1, 1000, (1 << 16) - 1, 1 << 16, (1 << 20) + 7])
    def test_bytes_come_back(self, storage: Storage, size: int) -> None:
        data = random.Random(size).randbytes(size)  # noqa: S311  # no secret
        storage.put("a/key", data)
        assert bytes(storage.get("a/key")) == data
        info = storage.stat("a/key")
        assert info is not None
        assert (info.key, info.size) == ("a/key", size)

    def test_what_is_there_is_not_created_again(self, storage: Storage) -> None:
        create = getattr(storage, "create", None)
        if create is None:
            pytest.skip("this storage has no create")
        made = create("new/key", b"one ", b"object")
        if made is None:
            assert storage.stat("new/key") is None
            return
        assert made is True
        assert create("new/key", b"another one") is False
        assert bytes(storage.get("new/key")) == b"one object"
        storage.delete("new/key")
        assert create("new/key", b"") is True
        assert bytes(storage.get("new/key")) == b""

    def test_a_large_object_comes_back(self, storage: Storage) -> None:
        data = _noise(self.large + 12_345)
        storage.put("large", data)
        got = memoryview(storage.get("large"))
        assert got == data
        middle = memoryview(storage.get("large", 1_000_001, self.large - 3))
        assert middle == data[1_000_001 : self.large - 3]
        assert [info.size for info in storage.list("large")] == [len(data)]

    def test_many_buffers_are_joined_in_order(self, storage: Storage) -> None:
        crumbs = [index.to_bytes(2, "little") for index in range(5_000)]
        buffers = [*crumbs, b"", _noise(200_000), *crumbs[:3], _noise(70_000), b"", b"end"]
        storage.put("many", *buffers)
        assert bytes(storage.get("many")) == b"".join(buffers)

    def test_a_large_object_of_many_buffers(self, storage: Storage) -> None:
        size = self.large // 7
        buffers = [_noise(size + index) for index in range(8)]
        storage.put("many", *(memoryview(buffer) for buffer in buffers))
        assert memoryview(storage.get("many")) == b"".join(buffers)

    def test_no_buffer_is_an_empty_object(self, storage: Storage) -> None:
        storage.put("empty")
        assert bytes(storage.get("empty")) == b""
        assert storage.stat("empty") is not None

    @pytest.mark.parametrize("kind", ["bytearray", "doubles", "shorts", "matrix", "slice", "empty"])
    def test_buffers_of_any_format(self, storage: Storage, kind: str) -> None:
        numbers = array("d", [0.5, float("nan"), -1e300])
        buffer: Any = {
            "bytearray": bytearray(b"mutable"),
            "doubles": numbers,
            "shorts": memoryview(array("h", range(-3, 3))),
            "matrix": memoryview(bytes(range(24))).cast("B", (2, 3, 4)),
            "slice": memoryview(numbers)[1:],
            "empty": array("q"),
        }[kind]
        storage.put("key", b"<", buffer, b">")
        assert bytes(storage.get("key")) == b"<" + memoryview(buffer).tobytes() + b">"

    def test_what_was_there_is_replaced(self, storage: Storage) -> None:
        for data in (b"first, and longer", b"second", b""):
            storage.put("key", data)
            assert bytes(storage.get("key")) == data
        assert len([*storage.list()]) == 1

    def test_what_was_read_stays(self, storage: Storage) -> None:
        old = _noise(300_000)
        storage.put("key", old)
        got = storage.get("key")
        storage.put("key", _noise(300_000, seed=2))
        assert memoryview(got) == old

    def test_what_was_read_can_be_changed_without_changing_the_object(
        self, storage: Storage
    ) -> None:
        data = _noise(300_000)
        storage.put("key", data)
        view = memoryview(storage.get("key"))
        if not view.readonly:
            view[:4] = b"????"
        assert memoryview(storage.get("key")) == data

    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, None), (0, 4), (3, 7), (9, None), (9, 10), (0, 10), (5, 100), (10, None), (50, 60)],
    )
    def test_ranges(self, storage: Storage, start: int, end: int | None) -> None:
        storage.put("digits", b"0123456789")
        assert bytes(storage.get("digits", start, end)) == b"0123456789"[start:end]

    def test_what_is_not_there(self, storage: Storage) -> None:
        assert storage.stat("nothing/here") is None
        assert [*storage.list("nothing/")] == []
        with pytest.raises(StorageNotFoundError, match="nothing/here"):
            storage.get("nothing/here")
        with pytest.raises(FileNotFoundError):
            storage.get("nothing/here", 2, 5)
        storage.delete("nothing/here", "nor/here")
        storage.delete("nothing/here")
        storage.delete()

    def test_a_folder_is_no_object(self, storage: Storage) -> None:
        storage.put("folder/key", b"x")
        assert storage.stat("folder") is None

    def test_times_are_of_now(self, storage: Storage) -> None:
        storage.put("key", b"x")
        info = storage.stat("key")
        assert info is not None
        assert abs(info.modified - time.time()) < 3600
        (listed,) = storage.list("key")
        assert abs(listed.modified - time.time()) < 3600

    def test_lists_what_starts_with_a_prefix(self, storage: Storage) -> None:
        keys = {"a/1", "a/2", "a/b/3", "ab/4", "b", "a.txt"}
        for key in keys:
            storage.put(key, key.encode())
        for prefix in ("", "a", "a/", "a/b", "a/b/", "a/b/3", "ab", "b", "c", "a/1/"):
            listed = [*storage.list(prefix)]
            assert sorted(info.key for info in listed) == sorted(
                key for key in keys if key.startswith(prefix)
            ), prefix
            assert all(info.size == len(info.key) for info in listed)

    def test_lists_and_deletes_more_than_a_page(self, storage: Storage) -> None:
        keys = [f"page/{index:05}" for index in range(self.many)]
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda key: storage.put(key, b"x"), keys):
                pass
        storage.put("other", b"x")
        assert sorted(info.key for info in storage.list("page/")) == keys
        storage.delete(*keys, "page/missing")
        assert [info.key for info in storage.list()] == ["other"]

    @pytest.mark.parametrize("key", _ODD_KEYS, ids=range(len(_ODD_KEYS)))
    def test_odd_keys(self, storage: Storage, key: str) -> None:
        storage.put(key, key.encode())
        storage.put("neighbour", b"")
        assert bytes(storage.get(key)) == key.encode()
        assert bytes(storage.get(key, 0, 1)) == key.encode()[:1]
        info = storage.stat(key)
        assert info is not None
        assert info.key == key
        assert [info.key for info in storage.list(key)] == [key]
        storage.delete(key, "never/there")
        assert storage.stat(key) is None
        assert [info.key for info in storage.list()] == ["neighbour"]

    def test_a_key_of_900_characters(self, storage: Storage) -> None:
        # What is left of the 1,024 bytes of S3 is for the prefix in the storage's URL.
        key = "/".join(["k" * 99] * 9)
        storage.put(key, b"x")
        assert bytes(storage.get(key)) == b"x"
        assert [info.key for info in storage.list()] == [key]

    def test_deletes_some_and_keeps_the_others(self, storage: Storage) -> None:
        for index in range(6):
            storage.put(f"k{index}", b"x")
        storage.delete("k1", "k3", "missing", "k5")
        assert sorted(info.key for info in storage.list()) == ["k0", "k2", "k4"]

    def test_a_put_that_fails_changes_nothing(self, storage: Storage) -> None:
        storage.put("key", b"old")
        wrong: Any = object()
        with pytest.raises(TypeError):
            storage.put("key", _noise(self.large), wrong)
        with pytest.raises(TypeError):
            storage.put("new", b"some", wrong)
        assert bytes(storage.get("key")) == b"old"
        assert [info.key for info in storage.list()] == ["key"]

    @pytest.mark.parametrize("size", [0, 10, 200_000])
    def test_put_file_consumes_the_file(self, storage: Storage, size: int) -> None:
        path = storage.staging() / "spooled"
        path.write_bytes(_noise(size))
        storage.put_file("from/file", path)
        assert not path.exists()
        assert memoryview(storage.get("from/file")) == _noise(size)

    def test_put_file_of_a_large_file_from_elsewhere(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        path = tmp_path / "large"
        path.write_bytes(_noise(self.large + 1))
        storage.put_file("from/file", path)
        assert not path.exists()
        assert memoryview(storage.get("from/file")) == _noise(self.large + 1)

    def test_staging_is_a_folder_that_is_not_listed(self, storage: Storage) -> None:
        folder = storage.staging()
        assert folder.is_dir()
        (folder / "being-written").write_bytes(b"x")
        assert [*storage.list()] == []
        (folder / "being-written").unlink()

    def test_refresh(self, storage: Storage) -> None:
        assert storage.refresh("missing") is False
        storage.put("key", b"data")
        if storage.refresh("key"):
            info = storage.stat("key")
            assert info is not None
            assert abs(info.modified - time.time()) < 3600
        assert bytes(storage.get("key")) == b"data"

    def test_path_is_the_object_or_nothing(self, storage: Storage) -> None:
        storage.put("a/key", b"data")
        path = storage.path("a/key")
        assert path is None or path.read_bytes() == b"data"

    @pytest.mark.parametrize("size", [100, 1 << 20])
    def test_readers_see_one_writer_or_the_other(self, storage: Storage, size: int) -> None:
        versions = [bytes([number]) * size for number in range(1, 5)]
        storage.put("shared", versions[0])

        def write(version: bytes) -> None:
            for _ in range(3):
                storage.put("shared", version[: size // 2], version[size // 2 :])

        def read(_: int) -> None:
            for _ in range(4):
                assert bytes(storage.get("shared")) in versions

        with ThreadPoolExecutor(8) as pool:
            running = [*pool.map(write, versions), *pool.map(read, range(4))]
        assert running == [None] * 8
        assert bytes(storage.get("shared")) in versions

    def test_threads_use_one_storage(self, storage: Storage) -> None:
        def use(number: int) -> None:
            key, data = f"thread/{number}", _noise(5_000, seed=number)
            storage.put(key, data)
            assert bytes(storage.get(key)) == data
            assert [info.key for info in storage.list(key)] == [key]
            storage.delete(key)
            assert storage.stat(key) is None

        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(use, range(100, 124)):
                pass


def _noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311  # no secret
