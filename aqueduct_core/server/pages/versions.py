"""The versions of a workflow: what each consists of, and what is different from the one before."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response

from aqueduct_core.dag import FlowSpec, OperatorDiff, TextDiff, VersionDiff, diff
from aqueduct_core.dag._diff_text import told, told_parameter
from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render, static
from aqueduct_core.server.draw import Card, Row, graph, key_of
from aqueduct_core.server.pages._flow import head_of
from aqueduct_core.server.pages._operators import default_of
from aqueduct_core.server.pages._reading import Recent, flow_path, places_in, version_of
from aqueduct_core.server.pages._words import icon_name
from aqueduct_core.tracking import VersionRecord

__all__ = ["changes_of", "compared", "router"]

router = APIRouter()
_MOST = 60  # versions that are shown with what changed
_diffs: Recent[VersionDiff] = Recent(256)


@router.get("/flows/{flow}/versions")
def versions(request: Request, flow: str) -> Response:
    """All versions, each with a summary of what changed."""
    services = services_of(request)
    record = services.tracking.flow(flow)
    known = services.tracking.versions(flow)
    rows = [
        {
            "version": item,
            "href": flow_path(flow, "versions", str(item.number)),
            "is_current": item.digest == record.digest,
            "summary": summary_of(compared(services, known[index + 1], item))
            if index + 1 < len(known) and index < _MOST
            else None,
        }
        for index, item in enumerate(known)
    ]
    context = head_of(services, record, len(known)) | {"tab": "Versions", "rows": rows}
    return render(request, "versions.html", context)


@router.get("/flows/{flow}/versions/{number}")
def version(request: Request, flow: str, number: int) -> Response:
    """One version: its graph, and what changed."""
    services = services_of(request)
    record = services.tracking.flow(flow)
    known = services.tracking.versions(flow)
    shown = next((item for item in known if item.number == number), None)
    if shown is None:
        raise NotFoundError(
            f"{record.name!r} has no version {number}", hint=f"its versions are 1 to {len(known)}"
        )
    before = next((item for item in known if item.number == number - 1), None)
    found = version_of(services, flow, shown.digest)
    is_current = shown.digest == record.digest
    context = head_of(services, record, len(known)) | {
        "tab": "Graph" if is_current else "Versions",
        "version": shown,
        "is_current": is_current,
        "before": before,
        "graph": _drawing(services, found.spec, flow, record.name),
        "changes": None if before is None else changes_of(compared(services, before, shown)),
        "metadata": found.version.metadata,
        "count": len(found.spec.operators),
    }
    return render(request, "version.html", context)


def compared(services: Services, one: VersionRecord, other: VersionRecord) -> VersionDiff:
    """What is different in the other version."""

    def make() -> VersionDiff:
        pair = [version_of(services, item.flow, item.digest).version for item in (one, other)]
        return diff(*pair)

    return _diffs.get((one.digest, other.digest), make)


def summary_of(found: VersionDiff) -> list[tuple[str, str, str]]:
    """What changed in a few words: sign, kind and name."""
    told_flow = [("~", "workflow", change.field) for change in found.flow]
    parameters = [(_sign(change), "parameter", change.field) for change in found.parameters]
    operators = [
        (sign, item.kind, item.name)
        for sign, items in (("+", found.added), ("-", found.removed), ("~", found.changed))
        for item in items
    ]
    return [*told_flow, *parameters, *operators]


def changes_of(found: VersionDiff) -> dict[str, Any]:
    """Everything that changed."""
    return {
        "any": bool(found),
        "flow": [(change.field, told(change)) for change in found.flow],
        "parameters": [
            (_sign(item), item.field, told_parameter(item)) for item in found.parameters
        ],
        "operators": [
            _operator(sign, item)
            for sign, items in (("+", found.added), ("-", found.removed), ("~", found.changed))
            for item in items
        ],
    }


def _sign(change: Any) -> str:
    return "+" if change.before is None else "-" if change.after is None else "~"


def _operator(sign: str, item: OperatorDiff) -> dict[str, Any]:
    is_renamed = item.before is not None and item.after is not None and item.before != item.after
    return {
        "sign": sign,
        "kind": item.kind,
        "name": item.name,
        "was": item.before if is_renamed else None,
        "changes": [(change.field, told(change)) for change in item.changes],
        "texts": [{"name": text.name, "lines": list(_lines(text))} for text in item.texts],
    }


def _lines(text: TextDiff) -> Iterator[tuple[str, str]]:
    """The lines of a diff with what they are: `+`, `-`, `@` or nothing."""
    before, after = (text.before or "").splitlines(), (text.after or "").splitlines()
    for line in list(difflib.unified_diff(before, after, lineterm=""))[2:]:
        yield (line[:1] if line[:1] in "+-@" else ""), (line if line[:1] == "@" else line[1:])


def _drawing(services: Services, spec: FlowSpec, flow: str, name: str) -> Any:
    places = places_in(spec)
    if places is None:
        return None
    types = services.tracking.artifact_types(flow)
    cards = {
        key_of(item.name, parameter=True): Card(item.name, "parameter", default_of(item))
        for item in spec.parameters.values()
        if not item.implicit
    }
    for operator in spec.operators.values():
        rows: list[Row] = []
        if operator.kind in ("op", "query"):
            for output in operator.outputs[:4]:
                kind = types.get(operator.output_name(output), "")
                label = output if len(operator.outputs) > 1 else kind or "output"
                rows.append(Row(icon_name(kind), label))
        elif operator.kind == "save":
            rows.append(
                Row("save", str(operator.task.get("table") or operator.task.get("path") or ""))
            )
        elif operator.kind == "check":
            rows.append(Row("check", operator.severity or ""))
        else:
            rows.append(Row("numeric", "value"))
        cards[key_of(operator.name)] = Card(operator.name, operator.kind, operator.kind, rows=rows)
    for key, names in places.stacks.items():
        first = spec.operators[names[0]]
        cards[key] = Card(
            f"{len(names)} × {first.name}",
            first.kind,
            first.kind,
            rows=[Row("collection", "alike")],
        )
    kept = {key: cards[key] for key in places.layout.boxes}
    return graph(places, kept, static("icons.svg"), f"Graph of {name}")
