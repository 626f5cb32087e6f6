"""The runs of a workflow: looked for, sorted, ticked, and two of them compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from aqueduct_core.errors import ParameterError
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.pages._flow import head_of
from aqueduct_core.server.pages._lists import Chosen, Days
from aqueduct_core.server.pages._operators import value_words
from aqueduct_core.server.pages._reading import flow_path, run_path, state_of_run
from aqueduct_core.server.pages._words import plural
from aqueduct_core.server.pages.flows import STATES
from aqueduct_core.tracking import RunFilter, RunRecord

__all__ = ["router"]

router = APIRouter()

_PAGE = 50
_METRICS = 4  # beside each other
_COUNTED = 10_000
_TICKS = 20

Text = Annotated[str, Query(max_length=300)]


@router.get("/flows/{flow}/runs")
def page(
    request: Request, flow: str, q: Text = "", state: Text = "", since: Text = "", until: Text = "",
    zone: Text = "", order: Text = "started",
    tick: Annotated[Sequence[str], Query()] = (),
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:  # fmt: skip
    """The runs that somebody looks for, in the order that they want."""
    services = services_of(request)
    tracking = services.tracking
    tick = tick[:_TICKS]
    record, versions = tracking.flow(flow), tracking.versions(flow)
    filters = {"q": q, "state": state, "since": since, "until": until, "zone": zone}
    chosen = Chosen(f"{flow_path(flow)}/runs", filters, order or "started", "started", tick)
    days = Days(since, until, zone)
    wanted = RunFilter(q, [state] if state else None, days.since, days.until)
    found = tracking.find_runs(flow, wanted, order=chosen.order, cursor=cursor, limit=_PAGE)
    names, values = _metrics_of(services, list(found), chosen.order)
    numbers = {item.digest: item.number for item in versions}
    all_runs = tracking.count_runs(flow, most=_COUNTED)
    rows = [
        {
            "run": run,
            "state": state_of_run(run),
            "href": run_path(flow, run.id),
            "version": numbers.get(run.version),
            "parameters": {name: value_words(value) for name, value in run.parameters.items()},
            "metrics": [values[run.id].get(name) for name in names],
        }
        for run in found
    ]
    context = head_of(services, record, len(versions)) | {
        "tab": "Runs",
        "rows": rows,
        "metrics": [(name, chosen.head(f"metrics.{name}")) for name in names],
        "has_notes": any(run.reason for run in found),
        "chosen": chosen,
        "states": STATES,
        "count": _count(
            tracking.count_runs(flow, wanted, most=_COUNTED) if chosen.is_filtered else None,
            all_runs,
        ),
        "has_runs": all_runs > 0,
        "can_compare": all_runs > 1,
        "unticked": [(item, chosen.unticked(item, cursor)) for item in tick],
        "elsewhere": [item for item in tick if all(run.id != item for run in found)],
        "first": chosen.href() if cursor else None,
        "next": chosen.href(cursor=found.cursor) if found.cursor else None,
    }
    return render(request, "flow_runs.html", context)


@router.get("/flows/{flow}/compare")
def compare(
    request: Request, flow: str, run: Annotated[Sequence[str], Query(max_length=_TICKS)] = ()
) -> Response:
    """On to the page that has the runs that were ticked beside each other, the older one first."""
    tracking = services_of(request).tracking
    ticked = [tracking.run(item, flow=flow) for item in dict.fromkeys(run)]
    if len(ticked) not in (1, 2):
        raise ParameterError(
            f"{plural(len(ticked), 'run')} can't be compared", hint="go back and tick two of them"
        )
    *before, last = sorted(ticked, key=lambda item: item.started)
    query = f"?{urlencode({'with': before[0].id})}" if before else ""
    return RedirectResponse(f"{run_path(flow, last.id, 'compare')}{query}", 303)


def _count(found: int | None, all_runs: int) -> str:
    """How many runs there are, in words."""
    told = plural(all_runs, "run")
    if all_runs > _COUNTED:
        told = f"more than {_COUNTED:,} runs"
    if found is None:
        return told
    return f"{'more than ' if found > _COUNTED else ''}{min(found, _COUNTED):,} of {told}"


def _metrics_of(
    services: Services, runs: list[RunRecord], order: str
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """The first metrics of some runs, before them the one that orders them: names, and values by run."""
    known = services.tracking.metrics_of(runs)
    values = {
        run.id: {point.name: point.value for point in known.get((run.flow, run.id), [])}
        for run in runs
    }
    names = dict.fromkeys(name for of_run in values.values() for name in of_run)
    shown = list(names)[:_METRICS]
    chosen = order.partition("metrics.")[2]
    if chosen in names and chosen not in shown:
        shown = [chosen, *shown[: _METRICS - 1]]
    return shown, values
