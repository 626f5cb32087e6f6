"""Dates that queries name as `{today}`, bound as values when the query runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

__all__ = ["MACROS", "macro_values"]

MACROS: Mapping[str, Callable[[datetime], date]] = {
    "now": lambda now: now,
    "today": lambda now: now.date(),
    "yesterday": lambda now: now.date() - timedelta(days=1),
    "tomorrow": lambda now: now.date() + timedelta(days=1),
    "week_ago": lambda now: now.date() - timedelta(days=7),
    "month_start": lambda now: now.date().replace(day=1),
    "last_month_start": lambda now: (now.date().replace(day=1) - timedelta(days=1)).replace(day=1),
    "year_start": lambda now: now.date().replace(month=1, day=1),
}


def macro_values(names: frozenset[str], now: datetime | None = None) -> dict[str, date]:
    """What they stand for, all at one moment.

    Args:
        names: Some of `MACROS`.
        now: A moment in UTC; this one if it isn't given.
    """
    moment = now or datetime.now(UTC)
    return {name: MACROS[name](moment) for name in names}
