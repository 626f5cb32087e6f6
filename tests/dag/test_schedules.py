"""When workflows run by themselves."""

from __future__ import annotations

import dataclasses
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.dag import schedule_from, schedule_spec
from aqueduct_core.errors import ParameterError

HOURS, MINUTES = st.integers(0, 23), st.integers(0, 59)
ZONES = st.sampled_from(["UTC", "Europe/Zurich", "Asia/Kolkata"])
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SCHEDULES = st.one_of(
    st.builds(aq.hourly, minute=MINUTES, timezone=ZONES),
    st.builds(aq.daily, hour=HOURS, minute=MINUTES, timezone=ZONES),
    st.builds(aq.weekly, day=st.sampled_from(DAYS), hour=HOURS, minute=MINUTES, timezone=ZONES),
    st.builds(aq.monthly, day=st.integers(1, 31) | st.just("last"), hour=HOURS, timezone=ZONES),
    st.builds(aq.cron, st.sampled_from(["*/5 0-8 1,15 * mon-fri", "0 0 L * *"]), ZONES),
)


def ticks(schedule, start: datetime, count: int) -> list[datetime]:
    return list(islice(CronSim(schedule.cron, start), count))


def test_they_are_values() -> None:
    assert aq.daily(hour=8) == aq.daily(hour=8, minute=0, timezone="UTC")
    assert hash(aq.daily(hour=8)) == hash(aq.daily(hour=8))
    with pytest.raises(dataclasses.FrozenInstanceError):
        aq.daily(hour=8).hour = 9


@given(SCHEDULES)
def test_they_come_back_from_their_plain_form(schedule) -> None:
    spec = schedule_spec(schedule)
    assert spec["kind"] == type(schedule).__name__.lower()
    assert schedule_from(spec) == schedule
    assert schedule_from({**spec, "added later": 1}) == schedule


def test_a_kind_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'yearly' is not known here[\s\S]*install a newer"):
        schedule_from({"kind": "yearly"})


@pytest.mark.parametrize(
    ("schedule", "cron", "text"),
    [
        (aq.hourly(minute=5), "5 * * * *", "every hour at minute 5 UTC"),
        (
            aq.daily(hour=8, timezone="Europe/Zurich"),
            "0 8 * * *",
            "every day at 08:00 Europe/Zurich",
        ),
        (aq.weekly(day="sunday", hour=1), "0 1 * * sun", "every Sunday at 01:00 UTC"),
        (aq.monthly(day=31), "0 0 31 * *", "on day 31 of every month at 00:00 UTC"),
        (aq.monthly(day="last"), "0 0 L * *", "on the last day of every month at 00:00 UTC"),
        (aq.cron(" 0  8 * * mon-fri"), "0 8 * * mon-fri", "cron 0 8 * * mon-fri UTC"),
    ],
)
def test_they_have_a_cron_expression_and_a_sentence(schedule, cron: str, text: str) -> None:
    assert schedule.cron == cron
    assert str(schedule) == text


@given(SCHEDULES)
def test_the_cron_expression_says_the_same(schedule) -> None:
    found = ticks(schedule, datetime(2026, 1, 15, tzinfo=UTC), 12)
    fields = schedule_spec(schedule)
    for tick in found:
        assert tick.minute == fields.get("minute", tick.minute)
        assert tick.hour == fields.get("hour", tick.hour)
        if schedule.kind == "weekly":
            assert DAYS[tick.weekday()] == schedule.day
        if schedule.kind == "monthly" and schedule.day == "last":
            assert (tick + timedelta(days=1)).day == 1
        elif schedule.kind == "monthly":
            assert tick.day == schedule.day


def test_months_without_the_day_are_left_out_and_last_is_in_all() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert [tick.month for tick in ticks(aq.monthly(day=31), start, 4)] == [1, 3, 5, 7]
    assert [tick.day for tick in ticks(aq.monthly(day="last"), start, 4)] == [31, 28, 31, 30]


def test_the_hour_is_that_of_the_time_zone_also_when_clocks_change() -> None:
    schedule = aq.daily(hour=8, timezone="Europe/Zurich")
    start = datetime(2026, 3, 28, tzinfo=ZoneInfo(schedule.timezone))
    assert [tick.astimezone(UTC).hour for tick in ticks(schedule, start, 2)] == [7, 6]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: aq.hourly(minute=60), "hourly(minute=60) is out of range"),
        (lambda: aq.daily(hour=24), "daily(hour=24) is out of range"),
        (lambda: aq.daily(hour=True), "daily(hour=True)"),
        (lambda: aq.daily(hour=8.0), "daily(hour=8.0)"),
        (lambda: aq.daily(hour="8"), "daily(hour='8')"),
        (lambda: aq.weekly(day="Sun"), "weekly(day='Sun'): no such day\nHint: one of monday"),
        (lambda: aq.monthly(day=0), "monthly(day=0) is out of range"),
        (lambda: aq.monthly(day=32), "from 1 to 31"),
        (lambda: aq.monthly(day="first"), "monthly(day='first')"),
        (lambda: aq.cron("* * * *"), "is not five fields"),
        (lambda: aq.cron("* * * * * *"), "is not five fields"),
        (lambda: aq.cron("@daily"), "is not five fields"),
        (lambda: aq.cron(""), "is not five fields"),
        (lambda: aq.cron(5), "is not five fields"),
        (lambda: aq.cron("61 * * * *"), "cron('61 * * * *'): Bad minute"),
        (lambda: aq.cron("0 8 * * someday"), "Bad day-of-week"),
        (lambda: aq.cron("0 0 31 2 *"), "Bad day-of-month"),
        (lambda: aq.daily(timezone="Mars/Olympus"), "no such time zone"),
        (lambda: aq.daily(timezone="../etc/passwd"), "no such time zone"),
        (lambda: aq.cron("0 8 * * *", timezone=None), "no such time zone"),
    ],
)
def test_what_no_clock_shows_is_refused(make, reason: str) -> None:
    with pytest.raises(ParameterError) as caught:
        make()
    assert reason in str(caught.value)
    assert "\nHint: " in str(caught.value)


def test_without_the_library_of_the_scheduler_the_form_alone_is_checked(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    assert aq.cron("61 * * * *").cron == "61 * * * *"
    with pytest.raises(ParameterError, match="not five fields"):
        aq.cron("61 * * *")
