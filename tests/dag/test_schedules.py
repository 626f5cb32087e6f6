from __future__ import annotations

import dataclasses

import pytest

import aqueduct_core as aq
from aqueduct_core.dag._schedules import schedule_spec
from aqueduct_core.errors import ParameterError


def test_they_are_values() -> None:
    assert aq.daily(hour=8) == aq.daily(hour=8, minute=0, timezone="UTC")
    with pytest.raises(dataclasses.FrozenInstanceError):
        aq.daily(hour=8).hour = 9


@pytest.mark.parametrize(
    "schedule",
    [
        aq.hourly(minute=59),
        aq.daily(hour=23, minute=1, timezone="Europe/Zurich"),
        aq.weekly(day="sunday", hour=1),
        aq.monthly(day=31),
        aq.cron("*/5 0-8 1,15 * mon-fri"),
    ],
)
def test_they_have_a_plain_form(schedule) -> None:
    spec = schedule_spec(schedule)
    assert spec.pop("kind") == type(schedule).__name__.lower()
    assert type(schedule)(**spec) == schedule


@pytest.mark.parametrize(
    "make",
    [
        lambda: aq.hourly(minute=60),
        lambda: aq.daily(hour=24),
        lambda: aq.daily(hour=True),
        lambda: aq.daily(hour=8.0),
        lambda: aq.weekly(day="Sun"),
        lambda: aq.monthly(day=0),
        lambda: aq.cron("* * * *"),
        lambda: aq.cron("* * * * * *"),
        lambda: aq.cron(""),
        lambda: aq.daily(timezone="Mars/Olympus"),
        lambda: aq.daily(timezone="../etc/passwd"),
    ],
)
def test_what_no_clock_shows_is_refused(make) -> None:
    with pytest.raises(ParameterError, match=r"Hint: "):
        make()
