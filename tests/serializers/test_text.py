"""Text and bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.abc import Budget
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.serializers.text import BytesSerializer, TextSerializer
from aqueduct_core.store import ArtifactStore
from aqueduct_core.testing import SerializerTests
from tests.serializers import nests

TEXTS = [
    "",
    "text\nof two lines\n",
    "äöü€😀\r\n",
    "\x00",
    "\ud800",
    "a\ud83d\ude00\udcff",
    "x" * 100_000,
]


class TestTextSerializer(SerializerTests):
    serializer = TextSerializer()
    values = TEXTS

    @given(st.text(st.characters()))
    def test_any_text(self, value: str) -> None:
        store = ArtifactStore("memory://text")
        loaded = store.get(store.put(value, "k"))
        assert type(loaded) is str
        assert loaded == value

    def test_the_file_is_plain_text(self) -> None:
        store = ArtifactStore("memory://text")
        ref = store.put("é\n", "k")
        assert (ref.type, ref.serializer) == ("text", "text")
        with store.open(ref) as file:
            assert file.read() == b"\xc3\xa9\n"

    def test_subclasses_are_left_to_others(self) -> None:
        assert not TextSerializer().accepts(nests.MyStr("a"))
        assert not TextSerializer().accepts(nests.Word.YES)

    @pytest.mark.parametrize("data", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
    def test_bytes_that_are_no_text(self, data: bytes) -> None:
        with pytest.raises(CorruptArtifactError, match="UTF-8"):
            TextSerializer().load(Source(data, {}))

    def test_description(self) -> None:
        describe = TextSerializer().describe
        assert describe("a\nb", Budget()) == {"characters": 3, "lines": 2, "preview": "a\nb"}
        assert describe("a\n", Budget())["lines"] == 1
        assert describe("", Budget())["lines"] == 0
        long = describe("x\n" * 3_000_000, Budget())
        assert long["characters"] == 6_000_000
        assert long["sampled"] < 6_000_000
        assert len(long["preview"]) < 3_000


class TestBytesSerializer(SerializerTests):
    serializer = BytesSerializer()
    values = (b"", b"\x00\xff", bytearray(), bytearray(b"abc"), b"x" * 100_000)

    def test_the_file_is_the_bytes(self) -> None:
        store = ArtifactStore("memory://bytes")
        ref = store.put(bytearray(b"abc"), "k")
        assert (ref.type, ref.serializer) == ("bytes", "bytes")
        with store.open(ref) as file:
            assert file.read() == b"abc"

    def test_what_is_loaded_is_one_s_own(self) -> None:
        store = ArtifactStore("memory://bytes")
        ref = store.put(bytearray(b"abc"), "k")
        store.get(ref).extend(b"def")
        assert store.get(ref) == b"abc"

    def test_a_type_that_nobody_wrote(self) -> None:
        with pytest.raises(CorruptArtifactError):
            BytesSerializer().load(Source(b"", {"class": "str"}))

    def test_description(self) -> None:
        found = BytesSerializer().describe(b"\x01" * 1000, Budget(size=80))
        assert found == {"bytes": 1000, "preview": " ".join(["01"] * 10)}


class Source:
    version, trusted = 1, False

    def __init__(self, data: bytes, meta: Any) -> None:
        self.data, self.meta = data, meta

    def view(self, part: str = "data") -> memoryview:
        return memoryview(bytearray(self.data))
