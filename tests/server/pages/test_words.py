"""How pages say things."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from aqueduct_core.server.pages import _words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"), (1234567, "1,234,567"), (0.6765334, "0.6765"), (12.0, "12"), (1234.5678, "1,235"),
        (-0.25, "-0.2500"), (1e-7, "1.000e-07"), (3e20, "3.000e+20"), (math.nan, "NaN"),
        (math.inf, "∞"), (-math.inf, "−∞"), (None, "–"), (True, "True"),
    ],
)  # fmt: skip
def test_numbers_are_short(value: float | None, said: str) -> None:
    assert _words.number(value) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.0 kB"), (8_676_338, "8.7 MB"),
        (254_000_000, "254 MB"), (999_999, "1.0 MB"), (3e18, "3,000 PB"),
    ],
)  # fmt: skip
def test_sizes_have_a_unit(size: float, said: str) -> None:
    assert _words.file_size(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(3, "just now"), (70, "1 min ago"), (7300, "2 h ago"), (-90_000, "in 1 d"), (4e7, "1 y ago")],
)
def test_moments_are_told_from_now(seconds: float, said: str) -> None:
    assert _words.ago(datetime.now(UTC) - timedelta(seconds=seconds)) == said


def test_moments_in_lists_have_their_time_of_day_unless_they_are_near() -> None:
    assert _words.when(datetime.now(UTC) - timedelta(hours=2, minutes=1)) == "2 h ago"
    assert _words.when(datetime(2026, 3, 1, 8, 5, 59, tzinfo=UTC)) == "1 Mar 2026, 08:05 UTC"


def test_what_is_counted_agrees_with_its_number() -> None:
    assert _words.plural(1, "row") == "1 row"
    assert _words.plural(1295, "row") == "1,295 rows"
    assert _words.last_of(1) == "the last run"
    assert _words.last_of(8, "time") == "the last 8 times"


def test_shares_are_told_alike_everywhere() -> None:
    assert [_words.share(part) for part in (0, 0.061, 1)] == ["0%", "6.1%", "100.0%"]


def test_what_took_no_time_took_some() -> None:
    assert _words.took(0.0002) == "< 1 ms"
    assert _words.took(0.0021) == "2 ms"


def test_schedules_are_sentences() -> None:
    spec = {"kind": "daily", "hour": 6, "minute": 0, "timezone": "UTC"}
    assert _words.schedule(spec) == "Every day at 06:00 UTC"
    cron = {"kind": "cron", "expression": "*/15 * * * 1-5", "timezone": "America/New_York"}
    told = _words.schedule(cron, begins=False)
    assert told == "cron */15 * * * 1-5 America/New_York", "zones keep their letters"
    assert _words.cron(spec) == "0 6 * * *"


@pytest.mark.parametrize(
    ("run", "short"),
    [
        ("20261130T111216242909Z-bc2900", "bc2900"),
        ("manual__2026-11-29T06%3A00%3A00%2B00%3A00", "2026-11-29 06:00"),
        ("scheduled__2026-11-22T19:10:34.151562+00:00", "2026-11-22 19:10:34"),
        ("mine%20own", "mine own"),
    ],
)
def test_runs_have_short_names(run: str, short: str) -> None:
    assert _words.short_run(run) == short


def test_code_may_be_broken_behind_brackets_and_is_escaped() -> None:
    assert _words.breakable("a(<b>)") == "a(<wbr>&lt;b&gt;)"
