"""A run in time: when each operator started, and what it spent its time on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aqueduct_core.server.pages._operators import Step
from aqueduct_core.server.pages._words import took
from aqueduct_core.tracking import RunRecord

__all__ = ["Lane", "Phase", "timeline"]

_STEPS = (
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    21600,
    86400,
)
_COLUMNS = 8
WHOLE = 1000.0
_PHASES = ("load", "environment", "run", "store")


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a bar, in thousandths of the axis."""

    name: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """An operator's line.

    Attributes:
        step: The operator.
        phases: What it spent its time on.
        x: Where its bar begins, in thousandths of the axis.
        width: How wide that is.
        since: When it started, as long as it runs.
    """

    step: Step
    phases: list[Phase]
    x: float
    width: float
    since: datetime | None


def timeline(run: RunRecord, steps: Sequence[Step]) -> dict[str, Any]:
    """The axis, and a lane for each operator that ran, the first one first."""
    began = run.since
    kept = [step for step in steps if run.resumed is not None and _was_before(step, began)]
    ran = [
        (step, max((_started(step) - began).total_seconds(), 0.0))
        for step in steps
        if _ran(step) and step not in kept
    ]
    now = (datetime.now(UTC) - began).total_seconds()
    ends = [start + _length(step, now - start) for step, start in ran]
    whole = max([*ends, run.seconds or 0.0, 0.001])
    tick = next((size for size in _STEPS if whole / size <= _COLUMNS), whole / _COLUMNS)
    columns = max(1, math.ceil(whole / tick - 1e-6))
    scale = WHOLE / (columns * tick)
    lanes = [_lane(step, start, now - start, scale) for step, start in ran]
    lanes.sort(key=lambda lane: lane.x)
    return {
        "ticks": [took(tick * index) if index else "0" for index in range(columns)],
        "lanes": lanes,
        "kept": kept,
        "others": [step for step in steps if not _ran(step)],
    }


def _ran(step: Step) -> bool:
    return step.state == "running" or (step.result is not None and bool(step.result.seconds))


def _was_before(step: Step, began: datetime) -> bool:
    """Whether it had come to its end when a run was retried."""
    return _ran(step) and step.state != "running" and _started(step) < began


def _started(step: Step) -> datetime:
    assert step.result is not None
    time = datetime.fromisoformat(step.result.started)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _length(step: Step, until_now: float) -> float:
    return until_now if step.state == "running" else (step.seconds or 0.0)


def _lane(step: Step, start: float, until_now: float, scale: float) -> Lane:
    phases = []
    at = start
    seconds = {} if step.result is None or step.state == "running" else step.result.seconds
    for name in [*_PHASES, *(name for name in seconds if name not in _PHASES)]:
        length = seconds.get(name, 0.0)
        if length * scale >= 0.4:
            phases.append(Phase(name, at * scale, length * scale, f"{name}: {took(length)}"))
        at += length
    width = max(_length(step, until_now) * scale, 2.0)
    since = _started(step) if step.state == "running" else None
    return Lane(step, phases, min(start * scale, WHOLE - 2.0), width, since)
