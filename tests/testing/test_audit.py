"""Proofs that code doesn't unpickle, start processes or connect."""

from __future__ import annotations

import pickle

import pytest

from aqueduct_core.testing import forbid_code

CODE = pickle.dumps(print)


def test_a_block_within_a_block_leaves_it_watched() -> None:
    with forbid_code():
        with forbid_code(), pytest.raises(RuntimeError, match=r"pickle\.find_class"):
            pickle.loads(CODE)
        with pytest.raises(RuntimeError, match=r"pickle\.find_class"):
            pickle.loads(CODE)
    assert pickle.loads(CODE) is print
