"""Workflows, their versions, and what came out of them over time."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from fastapi import Query

from aqueduct_core.client import Flow
from aqueduct_core.client._run import is_lost
from aqueduct_core.dag import diff
from aqueduct_core.errors import ParameterError
from aqueduct_core.server._services import Services
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._route import Cursor, Editor, Limit, Served, Since, Until, new_router
from aqueduct_core.server.api._trigger import start
from aqueduct_core.tracking import RunFilter, RunRecord

__all__ = ["router", "run_of"]

router = new_router("workflows")
_FLOW = "/flows/{flow}"


@router.get("/flows")
def flows(
    services: Served,
    search: Annotated[str | None, Query(max_length=500)] = None,
    state: models.State | None = None,
    engine: str | None = None,
    tag: Annotated[list[str], Query(description="Tags that they all have.")] = [],  # noqa: B006 - never changed
    since: Since = None,
    until: Until = None,
    order: Literal["name", "-name", "last_run", "-last_run"] = "name",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> models.Page[models.Flow]:
    """Workflows, by name or the one that ran last first; chosen by when they ran last, and how."""
    found = services.tracking.flows(
        search=search,
        state=state,
        engine=engine,
        tags=tag,
        since=since,
        until=until,
        order=order,
        cursor=cursor,
        limit=limit,
    )
    return models.Page[models.Flow].model_validate(found)


@router.get("/tags")
def tags(services: Served) -> list[str]:
    """All tags that workflows have, in order."""
    return services.tracking.tags()


@router.get(_FLOW)
def flow(services: Served, flow: str) -> models.Flow:
    """A workflow by its id."""
    return models.Flow.model_validate(services.tracking.flow(flow))


@router.delete(_FLOW)
def delete(
    services: Served,
    user: Editor,
    flow: str,
    saved: Annotated[
        list[str], Query(description="Also drop these saved tables: `integration:table`.")
    ] = [],  # noqa: B006 - never changed
) -> models.Deletion:
    """Delete a workflow, with its versions, its runs and their data."""
    name = services.tracking.flow(flow).name
    known = {f"{place}:{table}": (place, table) for place, table in _saved(services, flow)}
    # A name that isn't known is told as the client tells it.
    chosen = [known.get(item) or _pair(item) for item in saved]
    deleted = services.client.delete_flow(name, saved_objects=chosen)
    return models.Deletion(
        flow=deleted.flow,
        runs=deleted.runs,
        dropped=[models.SavedObject(integration=a, target=b) for a, b in deleted.dropped],
        left=[models.Left(what=what, why=why) for what, why in deleted.left],
        followers=list(deleted.followers),
    )


@router.post(f"{_FLOW}/pause")
def pause(services: Served, user: Editor, flow: str) -> models.Flow:
    """Keep it from starting by itself."""
    Flow(services.tracking.flow(flow), services.session).pause()
    return models.Flow.model_validate(services.tracking.flow(flow))


@router.post(f"{_FLOW}/resume")
def resume(services: Served, user: Editor, flow: str) -> models.Flow:
    """Let it start by itself again."""
    Flow(services.tracking.flow(flow), services.session).resume()
    return models.Flow.model_validate(services.tracking.flow(flow))


@router.post(f"{_FLOW}/trigger", status_code=202)
def trigger(services: Served, user: Editor, flow: str, wanted: models.Trigger) -> models.Run:
    """Run it now; answers as soon as the run has started."""
    key = start(services, services.tracking.flow(flow), wanted)
    return run_of(services.tracking.run(key, flow=flow))


@router.get(f"{_FLOW}/versions")
def versions(services: Served, flow: str) -> list[models.Version]:
    """Its versions, the newest first."""
    services.tracking.flow(flow)
    return [models.Version.model_validate(item) for item in services.tracking.versions(flow)]


@router.get(f"{_FLOW}/versions/{{version}}")
def version(services: Served, flow: str, version: str) -> models.VersionDetail:
    """A version by its number, its digest, or the start of it."""
    found = _version(services, flow, version)
    known = {name: getattr(found, name) for name in models.Version.model_fields}
    return models.VersionDetail(**known, document=found.version.to_json())


@router.get(f"{_FLOW}/diff")
def differences(services: Served, flow: str, before: str, after: str) -> dict[str, Any]:
    """What is different in another version."""
    one, other = (_version(services, flow, which).version for which in (before, after))
    return diff(one, other).to_json()


@router.get(f"{_FLOW}/runs")
def runs(
    services: Served,
    flow: str,
    state: Annotated[list[models.State] | None, Query()] = None,
    search: Annotated[
        str, Query(max_length=500, description="Words of the key, the parameters or the reason.")
    ] = "",
    since: Since = None,
    until: Until = None,
    order: Annotated[
        str,
        Query(
            pattern=r"^-?(started|seconds|metrics\..{1,255})$",
            description="The newest, the longest, or those with the largest metric first; with "
            "`-` the other way round.",
        ),
    ] = "started",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> models.Page[models.Run]:
    """Its runs, the newest first; or those that are looked for."""
    services.tracking.flow(flow)
    wanted = RunFilter(search, state, since, until)
    if order == "started" and wanted == RunFilter(states=state):  # an index has these in order
        found = services.tracking.runs(flow, states=state, cursor=cursor, limit=limit)
    else:
        found = services.tracking.find_runs(flow, wanted, order=order, cursor=cursor, limit=limit)
    return models.Page[models.Run](items=[run_of(item) for item in found], cursor=found.cursor)


@router.get(f"{_FLOW}/metrics/{{name:path}}")
def metrics(services: Served, flow: str, name: str, limit: Limit = 100) -> list[models.Metric]:
    """The values of a metric, the newest first."""
    services.tracking.flow(flow)
    return [
        models.Metric(
            run=item.run,
            name=item.name,
            time=item.time,
            value=item.value if math.isfinite(item.value) else str(item.value),
        )
        for item in services.tracking.metric_history(flow, name, limit=limit)
    ]


@router.get(f"{_FLOW}/checks/{{name:path}}")
def checks(services: Served, flow: str, name: str, limit: Limit = 100) -> list[models.Check]:
    """What a check found, the newest first."""
    services.tracking.flow(flow)
    found = services.tracking.check_history(flow, name, limit=limit)
    return [models.Check.model_validate(item) for item in found]


@router.get(f"{_FLOW}/operators/{{name:path}}")
def operators(
    services: Served, flow: str, name: str, limit: Limit = 100
) -> list[models.HistoryItem]:
    """How an operator went, the newest run first."""
    services.tracking.flow(flow)
    found = services.tracking.operator_history(flow, name, limit=limit)
    return [models.HistoryItem.model_validate(item) for item in found]


@router.get(f"{_FLOW}/artifacts/{{name:path}}")
def artifacts(services: Served, flow: str, name: str, limit: Limit = 100) -> list[models.Artifact]:
    """The artifacts of a name, those of the newest run first."""
    services.tracking.flow(flow)
    found = services.tracking.artifact_history(flow, name, limit=limit)
    return [models.Artifact.model_validate(item) for item in found]


@router.get("/saves")
def saves(
    services: Served,
    flow: str | None = None,
    integration: str | None = None,
    target: str | None = None,
    limit: Limit = 100,
) -> list[models.Save]:
    """Who wrote into which table or object, the newest first."""
    found = services.tracking.saves(flow=flow, integration=integration, target=target, limit=limit)
    return [models.Save.model_validate(item) for item in found]


@router.get(f"{_FLOW}/saved")
def saved_objects(services: Served, flow: str) -> list[models.SavedObject]:
    """The tables and objects that it has written to."""
    return [
        models.SavedObject(integration=place, target=target)
        for place, target in _saved(services, flow)
    ]


def run_of(record: RunRecord) -> models.Run:
    """A run as the API tells of it: one that nobody runs any more has failed."""
    found = models.Run.model_validate(record)
    if is_lost(record):
        found.state, found.reason = "failed", "the process that ran it is gone"
    return found


def _saved(services: Services, flow: str) -> list[tuple[str, str]]:
    services.tracking.flow(flow)
    return services.tracking.saved_objects(flow)


def _pair(text: str) -> tuple[str, str]:
    integration, colon, table = text.partition(":")
    if not colon:
        raise ParameterError(f"{text!r} names no table", hint="integration:table")
    return integration, table


def _version(services: Services, flow: str, which: str) -> Any:
    return Flow(services.tracking.flow(flow), services.session).version(which)
