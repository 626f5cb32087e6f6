"""One check over the runs of a workflow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from aqueduct_core.server._services import services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.draw.charts import Verdict, verdicts
from aqueduct_core.server.pages._code import code_lines
from aqueduct_core.server.pages._over_time import SHOWN, Timeline
from aqueduct_core.server.pages._reading import flow_path, run_path
from aqueduct_core.server.pages._words import short_run
from aqueduct_core.tracking import CheckPoint

__all__ = ["router"]

router = APIRouter()


@router.get("/flows/{flow}/checks/{name:path}")
def page(request: Request, flow: str, name: str) -> Response:
    """A check over time."""
    services = services_of(request)
    time = Timeline.of(services, flow)
    found = services.tracking.check_history(flow, name, limit=SHOWN)
    time.check(name, "check", found)
    spec = time.spec.operators.get(name)
    known = [item for item in found if item.passed is not None]
    passed = sum(item.passed is True for item in known)
    context = time.context(name) | {
        "strip": verdicts(_verdicts(time, list(reversed(found)))),
        "rows": [_row(time, item) for item in found],
        "tiles": [
            ("Passed", f"{passed / len(known):.0%}" if known else "–"),
            ("Runs", str(len(found))),
            ("Failed", str(len(known) - passed)),
            ("No verdict", str(len(found) - len(known))),
        ],
        "severity": found[0].severity if found else None,
        "metrics": [
            {"name": item.source, "href": flow_path(flow, "metrics", item.source)}
            for item in (spec.inputs if spec else ())
            if item.source in time.spec.operators
            and time.spec.operators[item.source].kind == "metric"
        ],
        "source": code_lines(str(spec.task["source"])) if spec and "source" in spec.task else None,
    }
    return render(request, "check.html", context)


def _state(item: CheckPoint) -> str:
    if item.passed is not False:
        return "succeeded" if item.passed else "skipped"
    return "failed" if item.severity == "error" else "warning"


def _verdicts(time: Timeline, found: Sequence[CheckPoint]) -> list[Verdict]:
    marks = time.marks([item.run for item in found])
    return [
        Verdict(
            _state(item),
            run_path(time.flow.id, item.run),
            f"Run {short_run(item.run)}, {item.time:%-d %b %H:%M}: {_word(item)}",
            mark,
        )
        for item, mark in zip(found, marks, strict=True)
    ]


def _row(time: Timeline, item: CheckPoint) -> dict[str, Any]:
    return {
        "point": item,
        "state": _state(item),
        "word": _word(item),
        "href": run_path(time.flow.id, item.run),
        "operator": run_path(time.flow.id, item.run, "operators", item.name),
        "version": time.version(item.run),
    }


def _word(item: CheckPoint) -> str:
    return {True: "passed", False: "failed", None: "no verdict"}[item.passed]
