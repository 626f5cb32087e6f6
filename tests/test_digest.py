"""Digests don't depend on how the bytes are cut into buffers."""

from __future__ import annotations

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core._buffers import as_bytes, gathered
from aqueduct_core.digest import digest_of, digest_of_all

SIZES = st.lists(
    st.sampled_from([0, 1, 63, 4_096, (128 << 10) - 1, 128 << 10, 600 << 10, 1 << 20]), max_size=12
)
RANDOM = np.random.default_rng(0).bytes(1 << 20)


@given(SIZES)
def test_the_digest_is_that_of_the_bytes_together(sizes: list[int]) -> None:
    buffers = [RANDOM[-size:] if size else b"" for size in sizes]
    assert digest_of_all(buffers) == "blake3:" + blake3(b"".join(buffers)).hexdigest()


@given(SIZES, st.sampled_from([1, 100, 64 << 10]), st.sampled_from([1, 64 << 10, 512 << 10]))
def test_gathered_pieces_are_the_same_bytes_and_none_but_the_last_is_a_crumb(
    sizes: list[int], smaller: int, least: int
) -> None:
    views = [memoryview(RANDOM)[:size] for size in sizes]
    pieces = [*gathered(views, smaller=smaller, least=least)]
    assert b"".join(pieces) == b"".join(views)
    alone = [piece for piece in pieces if piece.nbytes < min(smaller, least)]
    assert len(alone) <= 1 + sum(size >= smaller for size in sizes)


def test_what_is_large_is_not_copied() -> None:
    large = memoryview(RANDOM)
    pieces = [*gathered([large, large[:5], large], smaller=64, least=64)]
    assert [piece.obj is RANDOM for piece in pieces] == [True, True, True]


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 4), (), (3, 5)])
def test_arrays_of_any_shape_are_bytes(shape: tuple[int, ...]) -> None:
    array = np.ones(shape, "<i4")
    assert bytes(as_bytes(array)) == array.tobytes()
    assert digest_of(array) == digest_of(array.tobytes())
