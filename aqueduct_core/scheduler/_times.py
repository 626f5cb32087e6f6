"""When a schedule comes true: cron's rules, in the time zone of the schedule.

The wall clock skips an hour in spring and repeats one in autumn. What Debian's cron does about it:

- A schedule for certain times of the day (neither minute nor hour begins with `*`) comes true once
  for each time: one that is skipped when the clock jumps, one that is repeated the first time.
- A schedule by the hour or minute (one of them begins with `*`) follows what the clock shows: it
  leaves out what is skipped, and comes true again in what is repeated.

The fields are matched by cronsim; its own handling of these rules loses its way where a change is
less than an hour or comes at midnight.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from aqueduct_core.dag import schedule_from
from aqueduct_core.errors import ParameterError

__all__ = ["last_time", "next_time"]

_SECOND = timedelta(seconds=1)
_STEP = timedelta(hours=12)  # no zone changes its offset twice within
_LOOKS_BACK = tuple(timedelta(minutes=minutes) for minutes in (2, 120, 2 * 1440, 62 * 1440))


def next_time(schedule: Mapping[str, Any], after: datetime) -> datetime | None:
    """The first moment after another one that a schedule comes true.

    Args:
        schedule: Its fields and its `kind`, as a spec holds them.
        after: The other moment, with a time zone.

    Returns:
        The moment in UTC; None if there is none in the next fifty years.

    Raises:
        ParameterError: The schedule can't be understood.
    """
    try:
        known = schedule_from(schedule)
        expression, zone = known.cron, ZoneInfo(known.timezone)
        minute, hour = expression.split()[:2]
        if minute.startswith("*") or hour.startswith("*"):
            return _next_shown(expression, zone, after.astimezone(UTC))
        return _next_of_day(expression, zone, after.astimezone(UTC))
    except (CronSimError, KeyError, ValueError) as error:
        raise ParameterError(
            f"the schedule {dict(schedule)} can't be understood: {error}",
            hint="publish the workflow again with another one",
        ) from error


def last_time(schedule: Mapping[str, Any], since: datetime, until: datetime) -> datetime | None:
    """The last moment that a schedule came true, from one moment to another, both included.

    Raises:
        ParameterError: The schedule can't be understood.
    """
    first = since - _SECOND
    for back in (*_LOOKS_BACK, until - first):
        found = None
        following = next_time(schedule, max(first, until - back))
        while following is not None and following <= until:
            found, following = following, next_time(schedule, following)
        if found is not None:
            return found
    return None


def _next_of_day(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Each time that the clock should show, once: when it does, or could have."""
    for wall in CronSim(expression, _wall(after, zone)):
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if _wall(moment, zone) != wall:
            # The clock jumps over it. Of these two, one is before the jump and one after it.
            before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
            moment = _change(zone, before, moment) or moment
        if moment > after:
            return moment
    return None


def _next_shown(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The next time that the clock shows what is asked for, between one change and the next."""
    start, wall = after, _wall(after, zone)
    while True:
        offset = _offset(start, zone)
        match = next(CronSim(expression, wall), None)
        if match is None:
            return None
        moment = (match - offset).replace(tzinfo=UTC)
        change = _change(zone, start, moment)
        if change is None:
            return moment
        start, wall = change, _wall(change, zone) - _SECOND


def _change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first moment after `start` and not after `end` with another offset than at `start`."""
    low = start.replace(microsecond=0)
    offset = _offset(low, zone)
    while low < end:
        high = min(low + _STEP, end)
        if _offset(high, zone) != offset:
            while high - low > _SECOND:
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if _offset(middle, zone) == offset else (low, middle)
            return high
        low = high
    return None


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows, without its zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)
