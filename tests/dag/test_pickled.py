"""Functions as they are stored."""

from __future__ import annotations

import numpy as np

from tests.dag.capturing import capture


def test_a_captured_function_tells_its_size_and_not_its_bytes() -> None:
    numbers = np.arange(100_000)
    shown = repr(capture(lambda: numbers.sum()).pickled)
    assert shown.startswith("<PickledFunction: 80")
    assert len(shown) < 50
