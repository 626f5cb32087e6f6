"""Metrics and checks that are known by name and arguments."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from aqueduct_core.checks import Verdict, preset
from aqueduct_core.errors import NotFoundError, OperatorError


@dataclass
class Result:
    name: str
    seconds: dict[str, float]
    peak_memory: int | None


def test_they_are_made_from_plain_json() -> None:
    told = json.loads(json.dumps({"name": "mean", "column": "x"}))
    assert preset(**told)(pd.DataFrame({"x": [1, 2]})) == 1.5


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(NotFoundError, match=r"no preset 'mode'[\s\S]*number_of_rows"):
        preset("mode")


@pytest.mark.parametrize(
    ("value", "bounds", "reason"),
    [
        (5, {"lower": 5, "upper": 5, "equal": 5, "not_equal": 6}, None),
        (5, {"lower": 6}, "5 is not >= 6"),
        (5, {"upper": 4.5}, "5 is not <= 4.5"),
        (5, {"equal": 6}, "5 is not == 6"),
        (5, {"not_equal": 5}, "5 is not != 5"),
        (5, {"lower": 1, "upper": 2}, "5 is not <= 2"),
        (0.1 + 0.2, {"equal": 0.3}, "0.30000000000000004 is not == 0.3"),
        (np.float32(2), {"upper": 1}, "2.0 is not <= 1"),
        (np.int8(2), {"lower": 1}, None),
        (Decimal("0.5"), {"lower": 1}, "0.5 is not >= 1"),
        (Fraction(1, 2), {"upper": 1}, None),
        (math.inf, {"upper": 10}, "inf is not <= 10"),
        (math.nan, {"not_equal": 0}, "it is not a number (NaN)"),
        (np.float64("nan"), {"lower": 0}, "it is not a number (NaN)"),
        (2**80, {"lower": 0}, None),
    ],
)
def test_bounds_belong_to_what_is_within_them(value, bounds, reason) -> None:
    assert preset("bound", **bounds)(value) == Verdict(reason is None, reason)


@pytest.mark.parametrize("value", ["5", None, True, [5], pd.Series([5])])
def test_only_numbers_have_bounds(value) -> None:
    with pytest.raises(OperatorError, match="a number, not"):
        preset("bound", lower=0)(value)


def test_system_metrics_read_the_result_of_the_operator() -> None:
    result = Result("train", {"load": 9.0, "run": 1.5, "store": 9.0}, 1_000_000)
    assert preset("system_metric", metric="runtime")(result) == 1.5
    assert preset("system_metric", metric="max_memory")(result) == 1_000_000
    with pytest.raises(OperatorError, match="nobody measured the memory of 'train'"):
        preset("system_metric", metric="max_memory")(Result("train", {"run": 1}, None))
