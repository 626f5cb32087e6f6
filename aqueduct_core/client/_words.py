"""Durations, sizes and schedules as people say them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["as_time", "schedule_words"]


def as_time(seconds: float) -> str:
    """A duration."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def schedule_words(schedule: Mapping[str, Any] | None) -> str:
    """When a workflow runs by itself; nothing if it doesn't."""
    if schedule is None:
        return ""
    from aqueduct_core.dag import schedule_from

    return str(schedule_from(schedule))
