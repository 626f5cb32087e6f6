from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest

from aqueduct_core.checks import Verdict, as_number, as_verdict
from aqueduct_core.errors import OperatorError


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (True, True),
        (False, False),
        (np.True_, True),
        (np.False_, False),
        (np.array([True, False]), False),
        (pd.Series([True, True]), True),
        (pd.Series([True, False]), False),
        (pd.Series([True, None], dtype="boolean"), False),
        (pd.Series([True, True], dtype="boolean"), True),
        (pd.Series([True], dtype="bool[pyarrow]"), True),
        (pd.Series([], dtype=bool), True),
        (pl.Series([True, True]), True),
        (pl.Series([True, None]), False),
    ],
)
def test_verdicts(value, verdict: bool) -> None:
    assert as_verdict(value) is verdict


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([True, False, False]), "2 of 3 rows are not true"),
        (pd.Series([True, False]), "1 of 2 rows are not true"),
        (
            pd.Series([True, None, False], dtype="boolean"),
            "2 of 3 rows are not true, 1 of them missing",
        ),
        (pl.Series([None], dtype=pl.Boolean), "1 of 1 rows are not true, 1 of them missing"),
        (Verdict(False, "because"), "because"),
        (False, None),
        (True, None),
        (pd.Series([True]), None),
    ],
)
def test_a_verdict_says_why(value, reason) -> None:
    assert Verdict.of(value).reason == reason


def test_a_verdict_is_true_if_it_passed() -> None:
    assert Verdict(True)
    assert not Verdict(False, "because")


@pytest.mark.parametrize(
    "value", [None, 1, 0, "yes", np.int64(1), pd.Series([1, 1]), pl.Series([1]), [True]]
)
def test_what_is_no_verdict(value) -> None:
    with pytest.raises(OperatorError, match=r"a check returns a bool"):
        as_verdict(value)


@pytest.mark.parametrize(
    "value", [1, 1.5, float("nan"), 2**80, np.float32(1), np.int8(1), Decimal(1), Fraction(1, 3)]
)
def test_numbers_stay_what_they_are(value) -> None:
    assert as_number(value) is value


@pytest.mark.parametrize("value", [None, True, np.True_, "1", 1j, pd.Series([1]), np.array(1)])
def test_what_is_no_number(value) -> None:
    with pytest.raises(OperatorError, match=r"a metric returns a number"):
        as_number(value)
