"""The values that are measured, and what is done with them when they come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from aqueduct_core.bench._cases import (
    array,
    blob,
    floats,
    forest,
    image,
    many_arrays,
    mixed,
    prose,
    records,
    strings,
    tiny,
    wide,
)
from aqueduct_core.bench._touch import size_of as size
from aqueduct_core.bench._touch import touch

__all__ = [
    "CASES",
    "Case",
    "array",
    "floats",
    "image",
    "many_arrays",
    "mixed",
    "prose",
    "records",
    "same",
    "size",
    "strings",
    "tiny",
    "touch",
]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of value.

    Attributes:
        name: What the tables and figures call it.
        kind: Which limit applies: `arrays`, `npy`, `json`, `image`, `bytes`, `text`.
        make: Builds the value; takes the number of things in it, and a seed.
        count: How many things the full value has.
        repeat: How often it is saved in one measurement; small values are saved many times.
        target: The ratios to the limit to reach, save and load; None for those in milliseconds.
        milliseconds: The absolute times to reach, save and load.
    """

    name: str
    kind: str
    make: Callable[[int, int], Any]
    count: int
    repeat: int = 1
    target: tuple[float, float] | None = None
    milliseconds: tuple[float, float] | None = None

    def value(self, *, quick: bool = False, seed: int = 0) -> Any:
        """The value, a tenth as large if in a hurry and if it is large."""
        shrink = quick and self.repeat == 1 and self.count > 1_000
        return self.make(self.count // 10 if shrink else self.count, seed)


CASES = {
    case.name: case
    for case in (
        Case("mixed frame 1M x 10", "arrays", mixed, 1_000_000, target=(1.3, 2)),
        Case("frame 5M x 8 float64", "arrays", floats, 5_000_000, target=(1.3, 2)),
        Case("frame 1M x 3 strings", "arrays", strings, 1_000_000, target=(1.3, 2)),
        Case("frame 1k x 2000 float64", "arrays", wide, 1_000, target=(2, 5)),
        Case("array 256 MB float32", "npy", array, 65_536, target=(1.2, 2)),
        Case("dict of 1,000 arrays", "arrays", many_arrays, 1_000, target=(1, 1)),
        Case("JSON 20 MB", "json", records, 95_000, target=(1.5, 1)),
        Case("image 36 MB", "image", image, 3_000, target=(1, 1)),
        Case("sklearn forest", "arrays", forest, 12_000, target=(1.2, 1.5)),
        Case("bytes 200 MB", "bytes", blob, 200_000_000, target=(1.2, 1.5)),
        Case("text 100 MB", "text", prose, 100_000_000, target=(1.2, 1.5)),
        Case("tiny dict", "json", tiny, 1, repeat=200, milliseconds=(0.5, 0.25)),
        Case("frame 1k x 10", "arrays", mixed, 1_000, repeat=50, milliseconds=(2, 2)),
    )
}


def same(one: Any, other: Any) -> bool:
    """Whether what came back is what went in."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
        return True
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype) and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Image.Image):
        return bool(one.mode == other.mode and one.tobytes() == other.tobytes())
    if hasattr(one, "estimators_"):
        probe = np.random.default_rng(0).standard_normal((100, 20))
        return bool((one.predict_proba(probe) == other.predict_proba(probe)).all())
    return bool(one == other)
