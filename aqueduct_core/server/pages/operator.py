"""One operator of a run: its code and what changed of it, what it took and gave, how it went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from aqueduct_core.dag import OperatorSpec, diff
from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.api._logs import read_log
from aqueduct_core.server.draw import Bar, bars
from aqueduct_core.server.draw.charts import phases
from aqueduct_core.server.pages._code import code_lines, diff_lines
from aqueduct_core.server.pages._log_text import log_lines, marked
from aqueduct_core.server.pages._reading import flow_path, part, run_path, state_of, version_of
from aqueduct_core.server.pages._stack import failed_line, failure
from aqueduct_core.server.pages._words import short_run, took
from aqueduct_core.tracking import ArtifactRecord, ResultRecord, RunRecord, VersionDetail

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result

__all__ = ["router"]

router = APIRouter()

_GOING = ("pending", "running")
_TAIL = 12_000  # bytes of each log; the whole of it has a page of its own
_RUNS = 30
_VALUE = 200
_PHASES = ("environment", "load", "run", "store")


@router.get("/flows/{flow}/runs/{run}/operators/{name:path}")
def page(
    request: Request,
    flow: str,
    run: str,
    name: str,
    attempt: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
) -> Response:
    """An operator in a run; an earlier attempt of it, if asked for."""
    services = services_of(request)
    tracking = services.tracking
    record = tracking.run(run, flow=flow)
    version = version_of(services, flow, record.version)
    spec = version.spec.operators.get(name)
    if spec is None:
        raise NotFoundError(
            f"there is no operator {name!r} in this run",
            hint=f"it has {', '.join(map(repr, [*version.spec.operators][:20]))}",
        )
    attempts = tracking.attempts(run, name, flow=flow)
    result = _chosen(attempts, attempt)
    artifacts = {item.name: item for item in tracking.artifacts(run, flow=flow)}
    history = tracking.operator_history(flow, name, limit=_RUNS)
    context = {
        "flow": tracking.flow(flow),
        "run": record,
        "version": version,
        "spec": spec,
        "result": result,
        "state": state_of(result),
        "paths": _paths(flow, run, name),
        "is_live": record.state in _GOING,
        "is_printing": record.state in _GOING and (result is None or result.state in _GOING),
        "error": failure(result.error) if result and result.error else None,
        "attempts": attempts,
        "attempt": result.attempt if result else attempt,
        "sources": _sources(spec, result),
        "site": version.version.sites.get(name),
        "changes": _changes(services, flow, version, name),
        "inputs": _inputs(spec, version, record, artifacts),
        "outputs": _outputs(spec, record, artifacts, result),
        "logs": _logs(services, version.ids[name], run, result),
        "phases": phases(_in_order(result)) if result else "",
        "seconds": _in_order(result) if result else {},
        "started": datetime.fromisoformat(result.started) if result else None,
        "data_path": _data_path(spec, result),
        "history": bars([_bar(flow, item) for item in reversed(history)]),
        "settings": _settings(spec),
        "environment": _environment(result),
    }
    return render(request, "operator.html", context)


def _in_order(result: Result) -> dict[str, float]:
    known = {name: result.seconds[name] for name in _PHASES if name in result.seconds}
    return {**known, **result.seconds}


def _chosen(attempts: Sequence[Result], attempt: int | None) -> Result | None:
    if attempt is None:
        return attempts[-1] if attempts else None
    found = next((item for item in attempts if item.attempt == attempt), None)
    if found is None:
        raise NotFoundError(f"there is no attempt {attempt}")
    return found


def _paths(flow: str, run: str, name: str) -> dict[str, str]:
    return {
        "flow": flow_path(flow),
        "run": run_path(flow, run),
        "self": run_path(flow, run, "operators", name),
        "log": run_path(flow, run, "logs", name),
        "metric": flow_path(flow, "metrics", name),
        "check": flow_path(flow, "checks", name),
        "api_logs": f"/api/v1{run_path(flow, run, 'operators', name)}/logs",
        "events": f"/api/v1/events?flow={part(flow)}&run={part(run)}",
    }


def _sources(spec: OperatorSpec, result: Result | None) -> list[dict[str, Any]]:
    """The texts that say what the operator does."""
    task = spec.task
    if "query" in task:
        return [{"name": "Query", "lines": code_lines(str(task["query"]), "sql")}]
    if "source" not in task:
        return []
    failed = failed_line(result.error) if result else None
    name = "Source"
    found = [{"name": name, "lines": code_lines(str(task["source"]), marked=failed)}]
    for helper, source in dict(task.get("helpers", {})).items():
        found.append({"name": helper, "lines": code_lines(str(source), marked=failed)})
    return found


def _changes(
    services: Services, flow: str, version: VersionDetail, name: str
) -> dict[str, Any] | None:
    """What is different of the operator in the version before; None if there is none before."""
    before = [item for item in services.tracking.versions(flow) if item.number < version.number]
    if not before:
        return None
    last = max(before, key=lambda item: item.number)
    found = diff(version_of(services, flow, last.digest).version, version.version)
    known = {"number": last.number, "is_new": any(item.after == name for item in found.added)}
    mine = next((item for item in found.changed if item.after == name), None)
    if mine is None:
        return known | {"fields": [], "texts": [], "was": name}
    return known | {
        "fields": [
            {"name": change.field, "before": _told(change.before), "after": _told(change.after)}
            for change in mine.changes
        ],
        "texts": [{"name": text.name, "lines": diff_lines(text.lines)} for text in mine.texts],
        "was": mine.before,
    }


def _inputs(
    spec: OperatorSpec,
    version: VersionDetail,
    run: RunRecord,
    artifacts: Mapping[str, ArtifactRecord],
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    named = [("", item) for item in spec.args] + [*spec.kwargs.items()]
    for label, item in named:
        if item.output is None:
            parameter = version.spec.parameters[item.source]
            value = run.parameters.get(item.source, parameter.value)
            found.append(
                {
                    "name": item.source, "as": label, "type": parameter.type, "href": None,
                    "value": _told(value["value"]) if "value" in value else None,
                    "is_given": item.source in run.parameters, "record": None,
                }
            )  # fmt: skip
            continue
        name = version.spec.operators[item.source].output_name(item.output)
        record = artifacts.get(name)
        found.append(
            {
                "name": name, "as": label, "value": None, "record": record,
                "type": record.ref.type if record else "object",
                "href": run_path(run.flow, run.id, "artifacts", name) if record else None,
                "operator": run_path(run.flow, run.id, "operators", item.source),
            }
        )  # fmt: skip
    return found


def _outputs(
    spec: OperatorSpec,
    run: RunRecord,
    artifacts: Mapping[str, ArtifactRecord],
    result: Result | None,
) -> list[dict[str, Any]]:
    names = [spec.output_name(output) for output in spec.outputs]
    return [
        {
            "name": name,
            "record": artifacts.get(name),
            "type": artifacts[name].ref.type if name in artifacts else "object",
            "href": run_path(run.flow, run.id, "artifacts", name) if name in artifacts else None,
        }
        for name in names
    ]


def _logs(
    services: Services, operator: str, run: str, result: Result | None
) -> list[dict[str, Any]]:
    found = []
    for stream in ("stdout", "stderr"):
        read = read_log(
            services.store.storage, operator, run, stream,
            result.attempt if result else None, limit=_TAIL, tail=True,
        )  # fmt: skip
        lines = log_lines(read.data)
        if read.start and lines:
            lines = lines[1:]  # the first one is half a line
        found.append(
            {
                "stream": stream,
                "size": read.size,
                "end": read.start + len(read.data),
                "is_cut": read.start > 0,
                "lines": [marked(line) for line in lines],
            }
        )
    return found


def _bar(flow: str, item: ResultRecord) -> Bar:
    state = "cached" if item.cached is not None and item.state == "succeeded" else item.state
    title = f"{short_run(item.run)}: {state}, {item.started:%-d %b %H:%M} UTC, {took(item.seconds)}"
    return Bar(state, item.seconds, run_path(flow, item.run, "operators", item.name), title)


def _settings(spec: OperatorSpec) -> list[tuple[str, str]]:
    """What was asked for in `@op(...)`, and what a task is made of that has no code."""
    found = [
        (name.replace("_", " "), _told(value))
        for name, value in asdict(spec.settings).items()
        if name in spec.settings.to_json()
    ]
    if spec.severity is not None:
        found.append(("severity", spec.severity))
    for name, value in spec.task.items():
        if name not in ("source", "helpers", "values", "digest", "query"):
            found.append((name, _told(value)))
    return found


def _environment(result: Result | None) -> dict[str, Any]:
    known = dict(result.environment) if result else {}
    packages = known.pop("packages", None)
    return {
        "facts": [(name.replace("_", " "), _told(value)) for name, value in known.items()],
        "packages": sorted(packages.items()) if isinstance(packages, Mapping) else [],
    }


def _data_path(spec: OperatorSpec, result: Result | None) -> str:
    """Where the page of the table or file is that a save wrote."""
    wrote = {} if result is None else result.detail
    target = wrote.get("table") or wrote.get("path") or ""
    return f"/data?{urlencode({'integration': spec.task.get('integration', ''), 'target': target})}"


def _told(value: Any) -> str:
    """A value as text: strings as they are, others as JSON."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"
