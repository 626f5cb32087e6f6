"""The scheduler: starts workflows when their schedules say so, and after others have succeeded."""

from __future__ import annotations

from aqueduct_core.scheduler._scheduler import Scheduler, Trigger
from aqueduct_core.scheduler._times import last_time, next_time

__all__ = ["Scheduler", "Trigger", "last_time", "next_time"]
