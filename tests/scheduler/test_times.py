"""Cron's rules, on days of 23, 24 and 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aqueduct_core.dag import Cron, Daily, Hourly, Monthly, Weekly, schedule_spec
from aqueduct_core.errors import ParameterError
from aqueduct_core.scheduler import last_time, next_time

ZURICH, NEW_YORK = "Europe/Zurich", "America/New_York"
# The clock changes by an hour at night, by half an hour, at midnight, by a whole day, and never.
ZONES = (ZURICH, NEW_YORK, "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "UTC")
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cron(expression: str, zone: str = "UTC") -> dict[str, object]:
    return schedule_spec(Cron(expression, timezone=zone))


def following(schedule: dict[str, object], after: str, count: int) -> list[str]:
    """The next moments, as the clock in the schedule's zone shows them."""
    moments, moment = [], at(after)
    for _ in range(count):
        moment = next_time(schedule, moment)
        local = moment.astimezone(ZoneInfo(schedule["timezone"]))
        moments.append(local.strftime("%d %H:%M %z")[:-2])
    return moments


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Hourly(minute=5), "2026-06-01T12:05"),
        (Daily(hour=8, minute=30), "2026-06-02T08:30"),
        (Daily(hour=8, minute=30, timezone=NEW_YORK), "2026-06-01T12:30"),
        (Weekly(day="sunday", hour=1), "2026-06-07T01:00"),
        (Weekly(day="monday", hour=13), "2026-06-01T13:00"),
        (Monthly(day=31), "2026-07-31T00:00"),
        (Cron("*/15 9-17 * * mon-fri"), "2026-06-01T12:15"),
        (Cron("0 0 29 2 *"), "2028-02-29T00:00"),
        (Cron("0 12 * * *"), "2026-06-02T12:00"),
    ],
)
def test_each_kind_of_schedule(schedule, expected: str) -> None:
    assert next_time(schedule_spec(schedule), at("2026-06-01T12:00")) == at(expected)


def test_a_time_that_the_clock_skips_comes_when_it_jumps() -> None:
    """In Zurich, 02:00 to 03:00 on 29 March 2026 is not there."""
    assert following(cron("30 2 * * *", ZURICH), "2026-03-28T00:00", 3) == [
        "28 02:30 +01",
        "29 03:00 +02",
        "30 02:30 +02",
    ]


def test_times_that_the_clock_skips_come_together_once() -> None:
    schedule = cron("0,30 2,3 * * *", ZURICH)
    assert following(schedule, "2026-03-29T00:00", 3) == [
        "29 03:00 +02",
        "29 03:30 +02",
        "30 02:00 +02",
    ]


def test_a_time_that_the_clock_repeats_comes_the_first_time_alone() -> None:
    """In Zurich, 02:00 to 03:00 on 25 October 2026 is there twice."""
    assert following(cron("30 2 * * *", ZURICH), "2026-10-24T00:30", 3) == [
        "25 02:30 +02",
        "26 02:30 +01",
        "27 02:30 +01",
    ]
    # In the second pass of that hour, too, nothing more is to come on this day.
    assert following(cron("30 2 * * *", ZURICH), "2026-10-25T01:10", 1) == ["26 02:30 +01"]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", ZURICH, 23),
        ("2026-10-25", ZURICH, 25),
        ("2026-03-08", NEW_YORK, 23),
        ("2026-11-01", NEW_YORK, 25),
        ("2026-06-01", NEW_YORK, 24),
    ],
)
def test_hourly_comes_in_each_hour_of_a_day(day: str, zone: str, hours: int) -> None:
    schedule = schedule_spec(Hourly(minute=30, timezone=zone))
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    moments = [start]
    while len(moments) <= hours:
        moments.append(next_time(schedule, moments[-1]))
    steps = {after - before for before, after in pairwise(moments[1:])}
    assert steps == {timedelta(hours=1)}
    assert moments[-1].astimezone(ZoneInfo(zone)).date().isoformat() == day
    assert next_time(schedule, moments[-1]).astimezone(ZoneInfo(zone)).date().isoformat() != day


def test_new_york_in_spring_and_autumn() -> None:
    schedule = schedule_spec(Daily(hour=2, minute=15, timezone=NEW_YORK))
    assert following(schedule, "2026-03-08T00:00", 2) == ["08 03:00 -04", "09 02:15 -04"]
    schedule = schedule_spec(Daily(hour=1, minute=15, timezone=NEW_YORK))
    assert following(schedule, "2026-11-01T00:00", 2) == ["01 01:15 -04", "02 01:15 -05"]


def matches(field: str, value: int, low: int, high: int) -> bool:
    """Whether a field has a value: `*`, `*/n`, `n`, `a-b` and lists of those."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        end = int(last or first)
        if value in range(int(first), end + 1, int(step or 1)):
            return True
    return False


def shown(expression: str, wall: datetime) -> bool:
    minute, hour, day, month, weekday = expression.split()
    by_day = matches(day, wall.day, 1, 31)
    by_weekday = matches(weekday, wall.isoweekday() % 7, 0, 6)
    either = by_day or by_weekday
    starred = day.startswith("*") or weekday.startswith("*")
    return (
        matches(minute, wall.minute, 0, 59)
        and matches(hour, wall.hour, 0, 23)
        and matches(month, wall.month, 1, 12)
        and ((by_day and by_weekday) if starred else either)
    )


def by_hand(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """What a schedule does from one moment to another, minute by minute, as cron does it.

    Every minute of real time is looked at. Times of the day that were skipped are made up for when
    the clock has jumped; those that were there already, before it was set back, are left out.
    """
    zoned, minute_and_hour = ZoneInfo(zone), expression.split()[:2]
    by_clock = any(field.startswith("*") for field in minute_and_hour)
    found = []
    wall_before = (start - MINUTE).astimezone(zoned).replace(tzinfo=None)
    latest = wall_before
    moment = start
    while moment <= end:
        wall = moment.astimezone(zoned).replace(tzinfo=None, fold=0)
        if by_clock:
            comes = shown(expression, wall)
        else:
            # All the times that have become past since the last look, that weren't past before.
            passed = latest + MINUTE
            comes = False
            while passed <= wall:
                comes = comes or shown(expression, passed)
                passed += MINUTE
            latest = max(latest, wall)
        if comes:
            found.append(moment)
        moment += MINUTE
    return found


FIELDS = {
    "minute": ["*", "*/20", "0", "15", "30", "0,30", "45", "59", "5-10"],
    "hour": ["*", "*/2", "*/5", "0", "1", "2", "3", "1,2", "0-3", "23", "22-23"],
    "day": ["*", "*", "*", "1", "29", "25-31", "*/2"],
    "month": ["*", "*", "3,4,10,11", "3"],
    "weekday": ["*", "*", "0", "5", "1-5"],
}


@st.composite
def expressions(draw: st.DrawFn) -> str:
    return " ".join(draw(st.sampled_from(choices)) for choices in FIELDS.values())


# A few days around changes of the clock, in each of the zones.
CHANGES = [
    ("2026-03-08", NEW_YORK), ("2026-11-01", NEW_YORK), ("2026-03-29", ZURICH),
    ("2026-10-25", ZURICH), ("2026-04-05", ZONES[2]), ("2026-10-04", ZONES[2]),
    ("2026-04-24", ZONES[3]), ("2026-10-29", ZONES[3]), ("2026-03-08", ZONES[4]),
    ("2026-11-01", ZONES[4]), ("2026-06-01", "UTC"), ("2011-12-30", "Pacific/Apia"),
]  # fmt: skip


@given(expressions(), st.sampled_from(CHANGES), st.integers(0, 2 * 1440))
def test_it_agrees_with_looking_at_every_minute(
    expression: str, change: tuple[str, str], offset: int
) -> None:
    day, zone = change
    start = at(f"{day}T00:00") - timedelta(days=2) + offset * MINUTE
    end = start + timedelta(days=3)
    schedule = cron(expression, zone)
    found, moment = [], next_time(schedule, start - MINUTE)
    while moment is not None and moment <= end:
        found.append(moment)
        moment = next_time(schedule, moment)
    expected = by_hand(expression, zone, start, end)
    # Where the days begin within a repeated hour, cron remembers what the test doesn't.
    wall = start.astimezone(ZoneInfo(zone))
    if wall.fold == 0:
        assert found == expected
    else:
        assert set(found) <= set(expected)


@given(expressions(), st.sampled_from(CHANGES), st.integers(0, 3 * 1440), st.integers(0, 2 * 1440))
def test_the_last_moment_is_the_last_of_all_moments(
    expression: str, change: tuple[str, str], offset: int, length: int
) -> None:
    schedule = cron(expression, change[1])
    since = at(f"{change[0]}T00:00") - timedelta(days=1) + offset * MINUTE
    until = since + length * MINUTE
    last, moment = None, next_time(schedule, since - MINUTE)
    while moment is not None and moment <= until:
        last, moment = moment, next_time(schedule, moment)
    assert last_time(schedule, since, until) == last


def test_years_without_a_look_are_no_reason_to_count_minutes() -> None:
    every_minute = cron("* * * * *")
    assert last_time(every_minute, at("1990-01-01"), at("2026-01-01")) == at("2026-01-01")
    assert last_time(cron("0 0 29 2 *"), at("1990-01-01"), at("2026-01-01")) == at("2024-02-29")


@pytest.mark.parametrize(
    "schedule",
    [
        {"kind": "cron", "expression": "0 99 * * *", "timezone": "UTC"},
        {"kind": "cron", "expression": "0 0 ? * *", "timezone": "UTC"},
        {"kind": "cron", "expression": "", "timezone": "UTC"},
        {"kind": "daily", "hour": 8, "minute": 0, "timezone": "Mars/Olympus"},
        {"kind": "daily", "hour": "eight"},
        {"kind": "lunar", "timezone": "UTC"},
        {"timezone": "UTC"},
    ],
)
def test_what_is_no_schedule_is_refused(schedule: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        next_time(schedule, at("2026-01-01"))


def test_a_day_that_never_comes_is_no_schedule() -> None:
    with pytest.raises(ParameterError):
        next_time({"kind": "cron", "expression": "0 0 30 2 *", "timezone": "UTC"}, at("2026-01-01"))
