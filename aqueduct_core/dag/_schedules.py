"""Schedules: when a workflow runs by itself."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aqueduct_core.errors import ParameterError

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["Cron", "Daily", "Hourly", "Monthly", "Schedule", "Weekly", "schedule_spec"]

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CRON = re.compile(r"[0-9A-Za-z*/,\-#?]+(\s+[0-9A-Za-z*/,\-#?]+){4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """Every hour.

    Attributes:
        minute: The minute of the hour, 0 to 59.
        timezone: An IANA name; matters where zones differ by part of an hour.
    """

    kind: ClassVar[str] = "hourly"
    minute: int = 0
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _check(self, minute=(0, 59))


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Every day.

    Attributes:
        hour: The hour, 0 to 23.
        minute: The minute, 0 to 59.
        timezone: An IANA name, `Europe/Zurich`.
    """

    kind: ClassVar[str] = "daily"
    hour: int = 0
    minute: int = 0
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _check(self, hour=(0, 23), minute=(0, 59))


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Every week.

    Attributes:
        day: The English name of the day.
        hour: The hour, 0 to 23.
        minute: The minute, 0 to 59.
        timezone: An IANA name.
    """

    kind: ClassVar[str] = "weekly"
    day: str = "monday"
    hour: int = 0
    minute: int = 0
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.day not in _DAYS:
            raise ParameterError(
                f"weekly(day={self.day!r}): no such day", hint=f"one of {', '.join(_DAYS)}"
            )
        _check(self, hour=(0, 23), minute=(0, 59))


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """Every month.

    Attributes:
        day: The day of the month, 1 to 31; months without it are left out.
        hour: The hour, 0 to 23.
        minute: The minute, 0 to 59.
        timezone: An IANA name.
    """

    kind: ClassVar[str] = "monthly"
    day: int = 1
    hour: int = 0
    minute: int = 0
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _check(self, day=(1, 31), hour=(0, 23), minute=(0, 59))


@dataclass(frozen=True, slots=True)
class Cron:
    """By a cron expression.

    Attributes:
        expression: Five fields: minute, hour, day of the month, month, day of the week.
        timezone: An IANA name.
    """

    kind: ClassVar[str] = "cron"
    expression: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if not _CRON.fullmatch(str(self.expression).strip()):
            raise ParameterError(
                f"cron({self.expression!r}) does not have five fields",
                hint='minute, hour, day of month, month, day of week: cron("0 8 * * mon-fri")',
            )
        _check(self)


Schedule: TypeAlias = Hourly | Daily | Weekly | Monthly | Cron


def schedule_spec(schedule: Schedule) -> dict[str, JSON]:
    """A schedule as plain JSON."""
    return {"kind": schedule.kind, **asdict(schedule)}


def _check(schedule: Schedule, **limits: tuple[int, int]) -> None:
    for name, (low, high) in limits.items():
        value = getattr(schedule, name)
        if type(value) is not int or not low <= value <= high:
            raise ParameterError(
                f"{schedule.kind}({name}={value!r}) is out of range",
                hint=f"{name} is a whole number from {low} to {high}",
            )
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ParameterError(
            f"{schedule.kind}(timezone={schedule.timezone!r}): no such time zone",
            hint='an IANA name such as "Europe/Zurich"; "pip install tzdata" where the system has '
            "no time zones",
        ) from error
