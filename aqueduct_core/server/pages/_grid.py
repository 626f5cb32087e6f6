"""The last runs of a workflow as a grid: a column for each run, with the operators of its version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.server._services import Services
from aqueduct_core.server.draw import Bar
from aqueduct_core.server.pages._reading import run_path, state_of_run, version_of
from aqueduct_core.server.pages.flows import bar_of
from aqueduct_core.tracking import RunRecord

__all__ = ["Column", "grid"]

ROWS = 100  # operators that are shown; all are in each run's list
_LETTERS = {
    "succeeded": "s", "failed": "f", "warning": "w", "running": "r", "cached": "k",
    "skipped": "x", "canceled": "c", "pending": "p",
}  # fmt: skip
_ABSENT = "a"


@dataclass(frozen=True, slots=True)
class Column:
    """A run.

    Attributes:
        run: The run.
        state: Its state.
        bar: How it went and how long it took.
        height: Its duration, of the longest one's, 0 to 1.
        version: The version's number.
        is_new: Whether the run before it was one of another version.
    """

    run: RunRecord
    state: str
    bar: Bar
    height: float
    version: int
    is_new: bool


def grid(services: Services, runs: Sequence[RunRecord], numbers: dict[str, int]) -> dict[str, Any]:
    """Columns, the oldest run first, and rows with a letter for each state.

    Args:
        services: What routes work with.
        runs: The runs, the newest first.
        numbers: The numbers of versions by digest.
    """
    runs = list(reversed(runs))
    specs = [version_of(services, run.flow, run.version).spec for run in runs]
    # The order of the newest graph; what is gone since comes last.
    kinds: dict[str, str] = {}
    for spec in reversed(specs):
        for name, operator in spec.operators.items():
            kinds.setdefault(name, operator.kind)
    current = specs[-1].operators if specs else {}
    names = sorted(kinds, key=lambda name: name not in current)
    results = services.tracking.states_of(runs, names[:ROWS])
    states = [results.get((run.flow, run.id), {}) for run in runs]
    rows = [
        {
            "name": name,
            "kind": kinds[name],
            "is_gone": name not in current,
            "cells": [
                _LETTERS.get(known.get(name, ""), "p") if name in spec.operators else _ABSENT
                for known, spec in zip(states, specs, strict=True)
            ],
            "href": _newest(name, runs, specs),
        }
        for name in names[:ROWS]
    ]
    return {"columns": _columns(runs, numbers), "rows": rows, "more": len(names) - len(rows)}


def _newest(name: str, runs: Sequence[RunRecord], specs: Sequence[Any]) -> str:
    run = next(
        run
        for run, spec in zip(reversed(runs), reversed(specs), strict=True)
        if name in spec.operators
    )
    return run_path(run.flow, run.id, "operators", name)


def _columns(runs: Sequence[RunRecord], numbers: dict[str, int]) -> list[Column]:
    longest = max((run.seconds or 0.0 for run in runs), default=0.0) or 1.0
    found = []
    for index, run in enumerate(runs):
        is_new = index > 0 and run.version != runs[index - 1].version
        height = min((run.seconds or 0.0) / longest, 1.0)
        number = numbers.get(run.version, 0)
        found.append(Column(run, state_of_run(run), bar_of(run), height, number, is_new))
    return found
