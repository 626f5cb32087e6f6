"""Schedules: when a workflow runs by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aqueduct_core._version import newer
from aqueduct_core.errors import ParameterError

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = [
    "Cron",
    "Daily",
    "Hourly",
    "Monthly",
    "Schedule",
    "Weekly",
    "cron",
    "daily",
    "hourly",
    "monthly",
    "schedule_from",
    "schedule_spec",
    "weekly",
]

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CRON = re.compile(r"[0-9A-Za-z*/,\-#?]+(\s+[0-9A-Za-z*/,\-#?]+){4}")
_EXAMPLE = 'minute, hour, day of month, month, day of week: cron("0 8 * * mon-fri")'


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

    @property
    def cron(self) -> str:
        """The cron expression that says the same, in `timezone`."""
        return f"{self.minute} * * * *"

    def __str__(self) -> str:
        return f"every hour at minute {self.minute} {self.timezone}"


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

    @property
    def cron(self) -> str:
        """The cron expression that says the same, in `timezone`."""
        return f"{self.minute} {self.hour} * * *"

    def __str__(self) -> str:
        return f"every day at {_clock(self)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Every week.

    Attributes:
        day: The English name of the day: `monday`.
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

    @property
    def cron(self) -> str:
        """The cron expression that says the same, in `timezone`."""
        return f"{self.minute} {self.hour} * * {self.day[:3]}"

    def __str__(self) -> str:
        return f"every {self.day.title()} at {_clock(self)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Monthly:
    """Every month.

    Attributes:
        day: The day of the month, 1 to 31, or `last`; months without such a day are left out.
        hour: The hour, 0 to 23.
        minute: The minute, 0 to 59.
        timezone: An IANA name.
    """

    kind: ClassVar[str] = "monthly"
    day: int | Literal["last"] = 1
    hour: int = 0
    minute: int = 0
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.day != "last":
            _check(self, day=(1, 31))
        _check(self, hour=(0, 23), minute=(0, 59))

    @property
    def cron(self) -> str:
        """The cron expression that says the same, in `timezone`."""
        day = "L" if self.day == "last" else self.day
        return f"{self.minute} {self.hour} {day} * *"

    def __str__(self) -> str:
        day = "the last day" if self.day == "last" else f"day {self.day}"
        return f"on {day} of every month at {_clock(self)}"


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
            raise ParameterError(f"cron({self.expression!r}) is not five fields", hint=_EXAMPLE)
        _check_cron(self.cron)
        _check(self)

    @property
    def cron(self) -> str:
        """The expression, with one space between its fields."""
        return " ".join(self.expression.split())

    def __str__(self) -> str:
        return f"cron {self.cron} {self.timezone}"


# As they are written in a call: schedule=aq.daily(hour=8).
hourly = Hourly
daily = Daily
weekly = Weekly
monthly = Monthly
cron = Cron

Schedule: TypeAlias = Hourly | Daily | Weekly | Monthly | Cron
_SCHEDULES = {item.kind: item for item in (Hourly, Daily, Weekly, Monthly, Cron)}


def schedule_spec(schedule: Schedule) -> dict[str, JSON]:
    """A schedule as plain JSON."""
    return {"kind": schedule.kind, **asdict(schedule)}


def schedule_from(spec: Mapping[str, Any]) -> Schedule:
    """A schedule from what `schedule_spec` returned.

    Raises:
        ParameterError: A newer version of this package wrote it.
    """
    kind = _SCHEDULES.get(spec["kind"])
    if kind is None:
        raise ParameterError(
            f"a schedule of kind {spec['kind']!r} is not known here",
            hint=newer(),
        )
    known = [field.name for field in fields(kind)]
    return kind(**{name: spec[name] for name in known if name in spec})


def _clock(schedule: Daily | Weekly | Monthly) -> str:
    return f"{schedule.hour:02}:{schedule.minute:02} {schedule.timezone}"


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


def _check_cron(expression: str) -> None:
    """Whether the fields mean something, where the library that knows is installed."""
    try:
        from cronsim import CronSim, CronSimError
    except ModuleNotFoundError:
        return  # whoever runs schedules has it, and judges there
    try:
        next(CronSim(expression, datetime.now(UTC)))
    except CronSimError as error:
        raise ParameterError(f"cron({expression!r}): {error}", hint=_EXAMPLE) from error
    except StopIteration:
        raise ParameterError(
            f"cron({expression!r}) never comes", hint="no date has such a day"
        ) from None
