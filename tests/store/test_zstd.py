from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.store._zstd import compress, decompress_into

data = st.binary(max_size=500).map(lambda piece: piece * 50)


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@given(st.lists(data, max_size=4), st.integers(1, 400), st.sampled_from([1, 3, 9]))
def test_what_is_compressed_comes_back(buffers: list[bytes], size: int, level: int) -> None:
    whole = b"".join(buffers)
    target = bytearray(len(whole))
    decompress_into(cut(compress(list(buffers), level), size), memoryview(target))
    assert target == whole


@given(data, st.integers(1, 400), st.data())
def test_a_frame_of_another_size_is_refused(text: bytes, size: int, draw: st.DataObject) -> None:
    frame = compress([text], 1)
    wrong = draw.draw(st.integers(0, 2 * len(text) + 1).filter(lambda length: length != len(text)))
    with pytest.raises(ValueError, match="bytes than its manifest says"):
        decompress_into(cut(frame, size), memoryview(bytearray(wrong)))


@given(data, st.integers(1, 400), st.data())
def test_a_cut_or_longer_frame_is_refused(text: bytes, size: int, draw: st.DataObject) -> None:
    frame = compress([text], 1)
    short = frame[: draw.draw(st.integers(0, len(frame) - 1))]
    with pytest.raises(ValueError, match=r"ends too early|fewer bytes"):
        decompress_into(cut(short, size), memoryview(bytearray(len(text))))
    with pytest.raises(ValueError, match="follows its end"):
        decompress_into([frame, b"x"], memoryview(bytearray(len(text))))


@given(st.binary(max_size=200))
def test_anything_else_is_refused(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decompress_into([noise], memoryview(bytearray(7)))
