"""One metric over the runs of a workflow, with the bounds that checks set to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from aqueduct_core.server._services import services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.draw import Point, plot
from aqueduct_core.server.pages._over_time import SHOWN, Timeline, bounds_of
from aqueduct_core.server.pages._reading import flow_path, run_path, state_of_run
from aqueduct_core.server.pages._words import last_of, number, short_run
from aqueduct_core.tracking import MetricPoint

__all__ = ["router"]

router = APIRouter()

_SIGNS = {"lower": "at least", "upper": "at most", "equal": "equal to", "not_equal": "other than"}


@router.get("/flows/{flow}/metrics/{name:path}")
def page(request: Request, flow: str, name: str) -> Response:
    """A metric over time."""
    services = services_of(request)
    time = Timeline.of(services, flow)
    found = services.tracking.metric_history(flow, name, limit=SHOWN)
    time.check(name, "metric", found)
    checks = bounds_of(time.spec, name)
    points = _points(time, list(reversed(found)), list(checks.values()))
    lines = {
        f"{_SIGNS[sign]}": value
        for bounds in checks.values()
        for sign, value in bounds.items()
        if sign in _SIGNS
    }
    values = [item.value for item in found if math.isfinite(item.value)]
    context = time.context(name) | {
        "plot": plot(points, label=f"{name} over {last_of(len(points))}", bounds=lines,
                     width=1000, height=300),
        "tiles": _tiles(values),
        "rows": [*_rows(time, found, list(checks.values()))],
        "bounds": [
            {
                "name": check,
                "href": flow_path(flow, "checks", check),
                "words": ", ".join(f"{_SIGNS[sign]} {value:,.6g}"
                                   for sign, value in bounds.items() if sign in _SIGNS),
            }
            for check, bounds in checks.items()
        ],
    }  # fmt: skip
    return render(request, "metric.html", context)


def _points(
    time: Timeline, found: Sequence[MetricPoint], bounds: Sequence[Mapping[str, float]]
) -> list[Point]:
    marks = time.marks([item.run for item in found])
    return [
        Point(
            item.value,
            item.time,
            f"{number(item.value)} in run {short_run(item.run)}",
            run_path(time.flow.id, item.run),
            state="" if _is_inside(item.value, bounds) else "failed",
            version=mark,
        )
        for item, mark in zip(found, marks, strict=True)
    ]


def _tiles(values: Sequence[float]) -> list[tuple[str, str]]:
    if not values:
        return []
    known = [("Last", values[0]), ("Least", min(values)), ("Most", max(values))]
    known.append(("Mean", sum(values) / len(values)))
    return [(word, number(value)) for word, value in known]


def _rows(
    time: Timeline, found: Sequence[MetricPoint], bounds: Sequence[Mapping[str, float]]
) -> list[dict[str, Any]]:
    older = [*found[1:], None][: len(found)]
    return [
        {
            "point": item,
            "href": run_path(time.flow.id, item.run),
            "run": time.runs.get(item.run),
            "state": state_of_run(time.runs[item.run]) if item.run in time.runs else None,
            "version": time.version(item.run),
            "change": item.value - before.value if before else None,
            "is_inside": _is_inside(item.value, bounds),
        }
        for item, before in zip(found, older, strict=True)
    ]


def _is_inside(value: float, bounds: Sequence[Mapping[str, float]]) -> bool:
    """Whether a value is within all bounds as they are now."""
    tests = {
        "lower": lambda limit: value >= limit,
        "upper": lambda limit: value <= limit,
        "equal": lambda limit: value == limit,
        "not_equal": lambda limit: value != limit,
    }
    return all(
        tests[sign](limit) for item in bounds for sign, limit in item.items() if sign in tests
    )
