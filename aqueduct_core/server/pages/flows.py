"""All workflows: how their last runs went, what came out, when they run next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.draw import Bar, bars, sparkline
from aqueduct_core.server.pages._lists import Chosen, Days
from aqueduct_core.server.pages._reading import flow_path, run_path, state_of_run
from aqueduct_core.server.pages._words import elapsed, last_of, number, short_run, took
from aqueduct_core.tracking import CheckPoint, FlowRecord, MetricPoint, RunRecord

__all__ = ["router"]

router = APIRouter()

Order = Literal["name", "-name", "last_run", "-last_run"]
STATES = ("running", "succeeded", "warning", "failed", "canceled")
_PAGE = 15  # a page is to stay below 100 KB
_RUNS = 14
_METRICS = 2

_ORDERS: dict[Order, str] = {
    "name": "By name",
    "-name": "By name, from Z to A",
    "last_run": "Last run first",
    "-last_run": "Last run last",
}

Text = Annotated[str, Query(max_length=200)]


@router.get("/flows")
def page(
    request: Request, q: Text = "", state: Text = "", engine: Text = "", tag: Text = "",
    since: Text = "", until: Text = "", zone: Text = "", order: Text = "name",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:  # fmt: skip
    """The list, or how to publish a first workflow."""
    services = services_of(request)
    filters = {
        "q": q, "state": state, "engine": engine, "tag": tag,
        "since": since, "until": until, "zone": zone,
    }  # fmt: skip
    chosen = Chosen("/flows", filters, _order(order), "name")
    days = Days(since, until, zone)
    found = services.tracking.flows(
        search=q or None,
        state=state or None,
        engine=engine or None,
        tags=[tag] if tag else [],
        since=days.since,
        until=days.until,
        order=_order(order),
        cursor=cursor,
        limit=_PAGE,
    )
    engines = {"local"} | {
        item.name for item in services.tracking.integrations() if item.kind == "airflow"
    }
    context = {
        "rows": _rows(services, list(found)),
        "chosen": chosen,
        "heads": {"name": chosen.head("name", is_down=False), "last_run": chosen.head("last_run")},
        "states": STATES,
        "engines": sorted(engines | ({engine} if engine else set())),
        "tags": sorted({*services.tracking.tags(), *([tag] if tag else [])}),
        "orders": _ORDERS,
        "first": chosen.href() if cursor else None,
        "next": chosen.href(cursor=found.cursor) if found.cursor else None,
    }
    return render(request, "flows.html", context)


def _order(text: str) -> Order:
    return next((order for order in _ORDERS if order == text), "name")


def _rows(services: Services, flows: list[FlowRecord]) -> list[dict[str, Any]]:
    tracking = services.tracking
    runs = tracking.newest_runs([flow.id for flow in flows], limit=_RUNS)
    latest = [items[0] for items in runs.values() if items]
    checks = tracking.checks_of(latest)
    metrics = newest_metrics(services, runs, _METRICS)
    return [
        {
            "flow": flow,
            "href": flow_path(flow.id),
            "state": state_of_run(runs[flow.id][0]) if runs[flow.id] else None,
            "last": runs[flow.id][0] if runs[flow.id] else None,
            "last_href": run_path(flow.id, runs[flow.id][0].id) if runs[flow.id] else None,
            "bars": bars([bar_of(run) for run in reversed(runs[flow.id])]),
            "metrics": metric_tiles(flow.id, runs[flow.id], metrics, _METRICS),
            "checks": _verdicts(checks.get((flow.id, runs[flow.id][0].id), []))
            if runs[flow.id]
            else None,
        }
        for flow in flows
    ]


def bar_of(run: RunRecord) -> Bar:
    """A run as a bar."""
    state = state_of_run(run)
    long = elapsed(run.since) if run.seconds is None else took(run.seconds)
    title = f"{short_run(run.id)}: {state}, {run.started:%-d %b %H:%M} UTC, {long}"
    return Bar(state, run.seconds or 0.0, run_path(run.flow, run.id), title)


def newest_metrics(
    services: Services, runs: Mapping[str, Sequence[RunRecord]], limit: int
) -> dict[tuple[str, str], list[MetricPoint]]:
    """The values of those metrics that `metric_tiles` shows.

    Args:
        services: What routes work with.
        runs: The runs of some workflows by its id, the newest first.
        limit: How many metrics of each workflow.
    """
    tracking = services.tracking
    last = tracking.metrics_of([items[0] for items in runs.values() if items])
    enough: list[RunRecord] = []
    others: list[RunRecord] = []
    names: set[str] = set()
    for flow, items in runs.items():
        if not items:
            continue
        known = list(dict.fromkeys(point.name for point in last.get((flow, items[0].id), [])))
        if len(known) < limit:  # the last run may have failed before it came to them
            others += items
        else:
            enough += items
            names |= {*known[:limit]}
    return tracking.metrics_of(enough, names) | tracking.metrics_of(others)


def metric_tiles(
    flow: str,
    runs: list[RunRecord],
    metrics: dict[tuple[str, str], list[MetricPoint]],
    limit: int,
) -> list[dict[str, Any]]:
    """The newest value of each metric, and how it came to that.

    Args:
        flow: The workflow's id.
        runs: Its runs, the newest first.
        metrics: The values of all of these runs.
        limit: How many metrics.
    """
    of_runs = [
        {point.name: point.value for point in metrics.get((flow, run.id), [])} for run in runs
    ]
    names = list(dict.fromkeys(name for values in of_runs for name in values))[:limit]
    found = []
    for name in names:
        values = [values.get(name) for values in reversed(of_runs)]
        while values[-1] is None:
            values.pop()
        label = f"{name} over {last_of(len(values))}"
        found.append(
            {
                "name": name,
                "value": number(values[-1]),
                "href": flow_path(flow, "metrics", name),
                "is_old": of_runs[0].get(name) is None,
                "spark": sparkline(values, label),
            }
        )
    return found


def _verdicts(checks: list[CheckPoint]) -> dict[str, Any] | None:
    if not checks:
        return None
    judged = [check for check in checks if check.passed is not None]
    if not judged:
        return {"state": "skipped", "words": "not reached", "failed": ""}
    failed = [check for check in judged if not check.passed]
    is_bad = any(check.severity == "error" for check in failed)
    return {
        "state": ("failed" if is_bad else "warning") if failed else "succeeded",
        "words": f"{len(judged) - len(failed)} of {len(checks)} passed",
        "failed": ", ".join(check.name for check in failed),
    }
