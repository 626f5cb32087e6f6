"""One run: its graph, its operators in a list and in time, what went wrong."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from aqueduct_core.client import Run
from aqueduct_core.engines._watch import FINISHED
from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._auth import require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render, static
from aqueduct_core.server.draw import graph
from aqueduct_core.server.pages._code import CodeLine, code_lines
from aqueduct_core.server.pages._operators import Step, cards_of, default_of, steps_of, value_words
from aqueduct_core.server.pages._reading import (
    Recent,
    flow_path,
    places_in,
    run_path,
    state_of_run,
    version_of,
)
from aqueduct_core.server.pages._shapes import shapes_of
from aqueduct_core.server.pages._stack import failure
from aqueduct_core.server.pages._timeline import timeline
from aqueduct_core.tracking import FlowRecord, RunRecord, Tracking, VersionDetail

__all__ = ["router"]

router = APIRouter()

_SETTLED = timedelta(minutes=2)  # a cluster's results may come later than the end of the run
_RUNS = 16  # whose operators are remembered
_steps: WeakKeyDictionary[Tracking, Recent[list[Step]]] = WeakKeyDictionary()
_TOLD = 3  # failures at the top of the page
View = Literal["graph", "list", "timeline"]


@router.get("/flows/{flow}/runs/{run}")
def page(
    request: Request,
    flow: str,
    run: str,
    view: Annotated[View, Query()] = "graph",
    opened: Annotated[list[str], Query(alias="open", max_length=50)] = [],  # noqa: B006 - never changed
) -> Response:
    """A run as a graph, as a list, or in time."""
    services = services_of(request)
    found = Found.of(services, flow, run)
    context = found.context(view) | {"view": view, "panel": None}
    if view == "graph":
        context |= _graph(found, opened)
    elif view == "timeline":
        context["timeline"] = timeline(found.record, found.steps)
    return render(request, "run.html", context)


@router.get("/flows/{flow}/runs/{run}/panels/{name:path}")
def panel(request: Request, flow: str, run: str, name: str) -> Response:
    """What stands beside the graph when an operator is clicked."""
    found = Found.of(services_of(request), flow, run)
    step = next((step for step in found.steps if step.spec.name == name), None)
    if step is None:
        raise NotFoundError(f"there is no operator {name!r} in this run")
    spec = found.version.spec
    context = {
        "step": step,
        "flow_id": flow,
        "failure": _failure(step),
        "needs": [item for item in found.steps if item.spec.name in step.spec.needs],
        "needed": [item for item in found.steps if item.spec.name in spec.consumers[name]],
        "code": _code(step),
    }
    return render(request, "run_panel.html", context)


@router.post("/flows/{flow}/runs/{run}/cancel", dependencies=[Depends(require("editor"))])
def cancel(request: Request, flow: str, run: str) -> Response:
    """Stop it."""
    services = services_of(request)
    Run(services.tracking.run(run, flow=flow), services.session).cancel()
    return RedirectResponse(run_path(flow, run), 303)


@router.post("/flows/{flow}/runs/{run}/retry", dependencies=[Depends(require("editor"))])
def retry(request: Request, flow: str, run: str) -> Response:
    """Run again what failed, and what was skipped for it."""
    services = services_of(request)
    Run(services.tracking.run(run, flow=flow), services.session).retry(wait=False, quiet=True)
    return RedirectResponse(run_path(flow, run), 303)


class Found:
    """A run with everything that its pages show.

    Attributes:
        flow: The workflow.
        record: The run.
        reason: Why it ended as it did.
        version: The version that ran.
        steps: Its operators.
    """

    def __init__(
        self,
        flow: FlowRecord,
        record: RunRecord,
        reason: str | None,
        version: VersionDetail,
        steps: list[Step],
    ) -> None:
        self.flow = flow
        self.reason = reason
        self.record = record
        self.version = version
        self.steps = steps

    @classmethod
    def of(cls, services: Services, flow: str, run: str) -> Found:
        """A run by its key."""
        record = services.tracking.run(run, flow=flow)
        version = version_of(services, flow, record.version)

        def read() -> list[Step]:
            results = services.tracking.results(run, flow=flow)
            shapes = shapes_of(services, (ref for item in results for ref in item.outputs.values()))
            return steps_of(version.spec, record, results, shapes)

        # What came to its end a while ago stays as it is, until it is repeated and ends anew.
        is_final = record.ended is not None and datetime.now(UTC) - record.ended > _SETTLED
        if is_final and record.state in FINISHED:
            known = _steps.setdefault(services.tracking, Recent(_RUNS))
            steps = known.get((flow, run, record.state, record.ended), read)
        else:
            steps = read()
        reason = Run(record, services.session).reason
        return cls(services.tracking.flow(flow), record, reason, version, steps)

    def context(self, view: str) -> dict[str, Any]:
        """What every page of the run shows."""
        here = run_path(self.record.flow, self.record.id)
        state = state_of_run(self.record)
        wrong = [step for step in self.steps if step.state in ("failed", "warning")]
        counts = Counter(step.state for step in self.steps)
        return {
            "flow": self.flow,
            "run": self.record,
            "version": self.version,
            "state": state,
            "reason": self.reason,
            "is_live": state not in FINISHED,
            "can_retry": state in ("failed", "canceled", "warning"),
            "steps": self.steps,
            "counts": [(name, counts[name]) for name in _ORDER if counts[name]],
            "failures": [(step, _failure(step)) for step in wrong[:_TOLD]],
            "more_failures": len(wrong) - _TOLD,
            "parameters": self.parameters(),
            "here": here,
            "crumbs": [("Workflows", "/flows"), (self.flow.name, flow_path(self.flow.id))],
            "tabs": [
                {"name": "Graph", "href": here, "icon": "graph"},
                {"name": "List", "href": f"{here}?view=list", "icon": "list"},
                {"name": "Timeline", "href": f"{here}?view=timeline", "icon": "timeline"},
                {"name": "Compare", "href": f"{here}/compare", "icon": "compare"},
            ],
        }

    def parameters(self) -> list[dict[str, Any]]:
        """The parameters, and whether they had other values than usual."""
        own = self.record.parameters
        return [
            {
                "name": name,
                "value": value_words(own[name]) if name in own else default_of(item),
                "is_other": name in own,
            }
            for name, item in self.version.spec.parameters.items()
            if not item.implicit or name in own
        ]


_ORDER = ("failed", "warning", "running", "succeeded", "cached", "skipped", "canceled", "pending")


def _failure(step: Step) -> dict[str, Any] | None:
    """What an operator raised."""
    error = None if step.result is None else step.result.error
    return None if error is None else failure(error)


def _code(step: Step) -> list[CodeLine] | None:
    """The text of a function or query."""
    task = step.spec.task
    if "query" in task:
        return code_lines(str(task["query"]), "sql")
    return code_lines(task["source"]) if "source" in task else None


def _graph(found: Found, opened: list[str]) -> dict[str, Any]:
    spec = found.version.spec
    whole = places_in(spec)
    opened = [key for key in opened if whole is not None and key in whole.stacks]
    places = places_in(spec, opened)
    if places is None or whole is None:
        return {"graph": None}
    values = {item["name"]: item["value"] for item in found.parameters()}
    here = run_path(found.record.flow, found.record.id)
    cards = cards_of(spec, found.record.flow, found.steps, places, values, here, opened)
    folds = []
    for key in opened:
        others = urlencode({"open": [item for item in opened if item != key]}, doseq=True)
        name = f"{len(whole.stacks[key])} × {key.removeprefix('s:')}"
        folds.append((name, f"{here}?{others}" if others else here))
    label = f"Graph of {found.flow.name}: {len(found.steps)} operators"
    return {"graph": graph(places, cards, static("icons.svg"), label), "folds": folds}
