"""Two runs side by side: how they went, what came out, what the data was like, what the code was."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from aqueduct_core.errors import AqueductError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.pages._operators import Output, Step
from aqueduct_core.server.pages._reading import run_path, state_of_run
from aqueduct_core.server.pages._words import file_size, moment, number, short_run, took
from aqueduct_core.server.pages.run import Found
from aqueduct_core.server.pages.versions import changes_of, compared
from aqueduct_core.tracking import RunRecord

__all__ = ["router"]

router = APIRouter()
_CHOICES = 60
_TABLES = 20  # artifacts whose columns are compared
_SHOWN = 12  # columns of each
_NOTICED = 0.005  # a mean that moved by less of its spread is the same


@router.get("/flows/{flow}/runs/{run}/compare")
def page(
    request: Request,
    flow: str,
    run: str,
    other: Annotated[str | None, Query(alias="with", max_length=300)] = None,
) -> Response:
    """The run beside another one: by default the one before it that went well."""
    services = services_of(request)
    found = Found.of(services, flow, run)
    choices = [item for item in services.tracking.runs(flow, limit=_CHOICES) if item.id != run]
    other = other or _usual(found.record, choices)
    context = found.context("compare") | {"view": "compare", "panel": None, "other": None}
    if other is None:
        return render(request, "compare.html", context | {"choices": []})
    before = Found.of(services, flow, other)
    if all(item.id != other for item in choices):
        choices.append(before.record)
    context |= {
        "other": before.record,
        "other_href": run_path(flow, other),
        "choices": [
            (item.id, f"{short_run(item.id)} · {state_of_run(item)} · {moment(item.started)}")
            for item in choices
        ],
        "heads": [_head(item) for item in (before, found)],
        "given": _parameters(before, found),
        "metrics": _metrics(before, found),
        "operators": _operators(before, found),
        "data": _data(services, before, found),
        "changes": changes_of(compared(services, before.version, found.version)),
        "is_same_version": before.record.version == found.record.version,
    }
    return render(request, "compare.html", context)


def _usual(run: RunRecord, choices: list[RunRecord]) -> str | None:
    """The run that says most beside this one."""
    earlier = [item for item in choices if item.started < run.started]
    good = [item for item in earlier if item.state in ("succeeded", "warning")]
    return next((item.id for item in [*good, *earlier, *choices]), None)


def _head(found: Found) -> dict[str, Any]:
    record = found.record
    return {
        "name": short_run(record.id),
        "href": run_path(record.flow, record.id),
        "state": state_of_run(record),
        "started": record.started,
        "since": record.since,
        "seconds": record.seconds,
        "version": found.version.number,
    }


def _parameters(one: Found, other: Found) -> list[tuple[str, str, str]]:
    pair = [{item["name"]: item["value"] for item in found.parameters()} for found in (one, other)]
    names = dict.fromkeys([*pair[0], *pair[1]])
    rows = [(name, pair[0].get(name, "–"), pair[1].get(name, "–")) for name in names]
    return [row for row in rows if row[1] != row[2]]


def _metrics(one: Found, other: Found) -> list[dict[str, Any]]:
    pair = [_values(found) for found in (one, other)]
    rows = []
    for name in dict.fromkeys([*pair[1], *pair[0]]):
        before, after = pair[0].get(name), pair[1].get(name)
        change = None if before is None or after is None else after - before
        rows.append(
            {
                "name": name,
                "before": number(before),
                "after": number(after),
                "change": ""
                if not change
                else f"{'+' if change > 0 else '−'}{number(abs(change))}",
                "share": _share(before, change),
            }
        )
    return rows


def _values(found: Found) -> dict[str, float]:
    return {
        step.spec.name: step.result.value
        for step in found.steps
        if step.result is not None and step.result.value is not None
    }


def _share(before: float | None, change: float | None) -> str:
    if not before or not change:
        return ""
    share = 100 * change / abs(before)
    return f"{'+' if share > 0 else '−'}{abs(share):.1f}%" if abs(share) < 1000 else ""


def _operators(one: Found, other: Found) -> list[dict[str, Any]]:
    pair = [{step.spec.name: step for step in found.steps} for found in (one, other)]
    longest = max([step.seconds or 0.0 for known in pair for step in known.values()], default=0.0)
    rows = []
    for name in dict.fromkeys([*pair[1], *pair[0]]):
        sides = [_side(known.get(name), longest) for known in pair]
        there = pair[1].get(name) or pair[0][name]
        rows.append(
            {
                "name": name,
                "kind": there.spec.kind,
                "sides": sides,
                "is_other": len({side["state"] for side in sides}) > 1,
            }
        )
    return rows


def _side(step: Step | None, longest: float) -> dict[str, Any]:
    if step is None:
        return {"state": None, "took": "", "share": 0.0, "href": None}
    seconds = None if step.state == "cached" else step.seconds
    return {
        "state": step.state,
        "took": "–" if seconds is None else took(seconds),
        "share": 0.0 if seconds is None or not longest else seconds / longest,
        "href": step.href,
    }


def _data(services: Services, one: Found, other: Found) -> list[dict[str, Any]]:
    """The artifacts that both have, and in what they differ."""
    pair = [
        {item.name: item for step in found.steps for item in step.outputs if item.ref is not None}
        for found in (one, other)
    ]
    kept = [
        name
        for step in other.steps
        if step.spec.kind in ("op", "query")
        for name in [item.name for item in step.outputs]
        if name in pair[0] and name in pair[1]
    ]
    rows: list[dict[str, Any]] = []
    for name in kept:
        before, after = pair[0][name], pair[1][name]
        assert before.ref is not None
        assert after.ref is not None
        row = _artifact(name, before, after, before.ref, after.ref)
        is_table = before.ref.type == after.ref.type == "table"
        if not row["is_same"] and is_table and len(rows) < _TABLES:
            row["columns"] = _columns(
                _described(services, before.ref), _described(services, after.ref)
            )
        rows.append(row)
    return rows


def _artifact(
    name: str, before: Output, after: Output, one: ArtifactRef, other: ArtifactRef
) -> dict[str, Any]:
    return {
        "name": name,
        "type": other.type,
        "is_same": one.digest == other.digest,
        "before": before.shape,
        "after": after.shape,
        "sizes": (file_size(one.size), file_size(other.size)),
        "hrefs": (before.href, after.href),
        "columns": [],
    }


def _described(services: Services, ref: ArtifactRef) -> Mapping[str, Any]:
    with suppress(AqueductError):  # it may have been deleted since
        return services.store.manifest(ref).description
    return {}


def _columns(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns whose type or statistics are not the same."""
    types = [
        {str(item.get("name")): str(item.get("type")) for item in side.get("schema") or []}
        for side in (one, other)
    ]
    statistics = [side.get("statistics") or {} for side in (one, other)]
    found = []
    for name in dict.fromkeys([*types[1], *types[0]]):
        facts = _differences(
            [known.get(name) for known in types], [known.get(name) or {} for known in statistics]
        )
        if facts:
            found.append({"name": name, "facts": facts})
    return found[:_SHOWN]


def _differences(
    types: list[str | None], statistics: list[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    if types[0] is None or types[1] is None:
        return [("column", types[0] or "not there", types[1] or "not there")]
    found = [] if types[0] == types[1] else [("type", types[0], types[1])]
    for key in ("nulls", "min", "max", "mean", "distinct"):
        before, after = (side.get(key) for side in statistics)
        if (
            before is None
            or after is None
            or before == after
            or key in ("min", "max")
            and isinstance(before, str)
        ):
            continue
        if key == "mean" and abs(after - before) < _NOTICED * (statistics[0].get("std") or 1.0):
            continue
        found.append((key, _told(before), _told(after)))
    return found


def _told(value: Any) -> str:
    return number(value) if isinstance(value, (int, float)) else str(value)
