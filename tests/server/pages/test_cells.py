"""Cells of tables."""

from __future__ import annotations

import math
from typing import Any

import pytest

from aqueduct_core.server.pages._cells import column_texts, days_text, decimals_of, ends_text, fixed


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([69.42, 117.725, 58.0, None], "float64", ["69.420", "117.725", "58.000", None]),
        ([1.0, 2.0], "float64", ["1", "2"]),
        ([0.1 + 0.2, 1 / 3], "float64", ["0.300000", "0.333333"]),
        ([1e300, 1e-9, 0.5, -0.0], "float64", ["1e+300", "1e-09", "0.5", "-0.0"]),
        (["NaN", 0.25, math.inf], "float64", ["NaN", "0.25", "∞"]),
        ([1000, None], "int64", ["1000", None]),
        (["2026-01-01T00:00:00.000000", None], "datetime64[us]", ["2026-01-01", None]),
        (["2026-01-01T08:30:00.000"], "timestamp[ms]", ["2026-01-01 08:30:00"]),
        (
            ["2026-01-01 08:30:00.000+01:00"],
            "datetime64[ns, Europe/Paris]",
            ["2026-01-01 08:30:00+01:00"],
        ),
        (["3600000000 microseconds"], "timedelta64[us]", ["1:00:00"]),
        (["a while"], "duration[s]", ["a while"]),
        ([f"{10**30} seconds"], "duration[s]", [f"{10**30} seconds"]),
    ],
)
def test_a_column_stands_in_line_and_is_as_exact_as_there_is_room(
    values: list[Any], kind: str, told: list[str | None]
) -> None:
    assert column_texts(values, kind) == told


def test_ends_are_as_short_as_cells() -> None:
    assert ends_text("2019-01-01T00:00:00.000000", "datetime64[us]") == "2019-01-01"
    assert ends_text("7200 seconds", "duration[s]") == "2:00:00"
    assert ends_text("2019-01-01T00:00:00", "str") == "2019-01-01T00:00:00"
    assert ends_text(3, "int64") == 3


@pytest.mark.parametrize(
    ("least", "kind", "told"),
    [
        ("2026-01-01T22:30:00.000000", "datetime64[us, Europe/Paris]", "2026-01-01 23:30:00+01:00"),
        ("2026-07-01T22:30:00", "timestamp[us, tz=Europe/Paris]", "2026-07-02 00:30:00+02:00"),
        ("2026-07-01T22:30:00", "timestamp[s, tz=-05:30][pyarrow]", "2026-07-01 17:00:00-05:30"),
        (
            "2026-07-01T22:30:00.123456789",
            "datetime64[ns, UTC+05:30]",
            "2026-07-02 04:00:00.123456789+05:30",
        ),
        (
            "2026-07-01T22:30:00",
            "Datetime(time_unit='us', time_zone='Asia/Tokyo')",
            "2026-07-02 07:30:00+09:00",
        ),
        ("2026-01-01T00:00:00", "datetime64[us, UTC]", "2026-01-01 00:00:00+00:00"),
        ("2026-01-01T00:00:00", "datetime64[us, Atlantis]", "2026-01-01 00:00:00+00:00"),
        ("2026-01-01T00:00:00", "datetime64[us, tzfile('/x')]", "2026-01-01 00:00:00+00:00"),
        ("9999-12-31T23:30:00", "datetime64[s, Asia/Tokyo]", "9999-12-31 23:30:00+00:00"),
        ("2026-01-01T00:00:00", "Datetime(time_unit='us', time_zone=None)", "2026-01-01"),
        ("a while ago", "datetime64[us, UTC]", "a while ago"),
        ("2026-01-01T00:30:00+02:00", "datetime64[us, UTC]", "2026-01-01 00:30:00+02:00"),
    ],
)
def test_ends_are_told_in_the_zone_of_the_column(least: str, kind: str, told: str) -> None:
    assert ends_text(least, kind) == told


def test_days_of_a_column_of_moments() -> None:
    kind = "datetime64[us]"
    assert days_text("2026-01-01 08:00:00", "2026-03-01", kind) == "2026-01-01 – 2026-03-01"
    assert days_text("2026-01-01 08:00:00", "2026-01-01 09:00:00", kind) == "2026-01-01"
    assert days_text("2026-01-01", "2026-03-01", "str") is None
    assert days_text(None, None, kind) is None


def test_no_float_becomes_nothing_for_want_of_decimals() -> None:
    assert decimals_of([1e-12, "text", None, 3]) == 0
    assert fixed(1e-12, 2) == "1e-12"
    assert fixed(0.0, 2) == "0.00"
