"""Runs: how they went, what was printed; stopping them and repeating what failed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query, Response

from aqueduct_core.client import Run
from aqueduct_core.errors import NotFoundError
from aqueduct_core.server._services import Services
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._flows import run_of
from aqueduct_core.server.api._logs import read_log
from aqueduct_core.server.api._route import Cursor, Editor, Limit, Served, new_router
from aqueduct_core.tracking import VersionDetail

__all__ = ["router"]

router = new_router("runs")
_RUN = "/flows/{flow}/runs/{run}"
_OPERATOR = f"{_RUN}/operators/{{name:path}}"


@router.get("/runs")
def runs(
    services: Served,
    state: Annotated[list[models.State] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> models.Page[models.Run]:
    """The runs of all workflows, the newest first."""
    found = services.tracking.runs(states=state, cursor=cursor, limit=limit)
    return models.Page[models.Run](items=[run_of(item) for item in found], cursor=found.cursor)


@router.get("/runs/{run}")
def run_by_key(services: Served, run: str) -> models.Run:
    """A run by its key alone, if only one workflow has a run of this key."""
    return run_of(services.tracking.run(run))


@router.get(_RUN)
def run(services: Served, flow: str, run: str) -> models.Run:
    """A run."""
    return run_of(services.tracking.run(run, flow=flow))


@router.post(f"{_RUN}/cancel", status_code=202)
def cancel(services: Served, user: Editor, flow: str, run: str) -> models.Run:
    """Stop it; answers as soon as that is asked for."""
    Run(services.tracking.run(run, flow=flow), services.session).cancel()
    return run_of(services.tracking.run(run, flow=flow))


@router.post(f"{_RUN}/retry", status_code=202)
def retry(services: Served, user: Editor, flow: str, run: str) -> models.Run:
    """Run what failed again; what succeeded stays as it is."""
    Run(services.tracking.run(run, flow=flow), services.session).retry(wait=False, quiet=True)
    return run_of(services.tracking.run(run, flow=flow))


@router.get(f"{_RUN}/operators")
def operators(services: Served, flow: str, run: str) -> list[models.Result]:
    """The results of all operators that have come to an end, in the order of the graph."""
    found = services.tracking.results(run, flow=flow)
    return [models.Result.model_validate(item.to_json()) for item in found]


@router.get(f"{_OPERATOR}/attempts")
def attempts(services: Served, flow: str, run: str, name: str) -> list[models.Result]:
    """All attempts of an operator, the first one first."""
    _check(services, flow, run, name)
    found = services.tracking.attempts(run, name, flow=flow)
    return [models.Result.model_validate(item.to_json()) for item in found]


@router.get(
    f"{_OPERATOR}/logs/{{stream}}",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "The text."}},
)
def logs(
    services: Served,
    flow: str,
    run: str,
    name: str,
    stream: Literal["stdout", "stderr"],
    attempt: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="The last by default.")
    ] = None,
    start: Annotated[int, Query(ge=0, le=1 << 60, description="The first byte.")] = 0,
    limit: Annotated[int, Query(ge=1, le=8 << 20, description="The most bytes.")] = 1 << 20,
    tail: Annotated[bool, Query(description="The last bytes instead of the first.")] = False,
) -> Response:
    """What an operator printed, also while it runs. `X-Log-Size` says how much there is."""
    uuid = _check(services, flow, run, name).ids[name]
    found = read_log(
        services.store.storage, uuid, run, stream, attempt, start=start, limit=limit, tail=tail
    )
    headers = {"X-Log-Size": str(found.size), "X-Log-Start": str(found.start)}
    return Response(found.data, media_type="text/plain; charset=utf-8", headers=headers)


@router.get(f"{_OPERATOR}/code")
def code(services: Served, flow: str, run: str, name: str) -> dict[str, Any]:
    """What an operator was made of: its function or query, as it was."""
    found = _check(services, flow, run, name)
    spec = found.spec.operators[name]
    return {"site": found.version.sites.get(name), **spec.to_json()}


@router.get(_OPERATOR)
def operator(services: Served, flow: str, run: str, name: str) -> models.Result:
    """The result of an operator that has come to an end."""
    _check(services, flow, run, name)
    found = services.tracking.result(run, name, flow=flow)
    if found is None:
        raise NotFoundError(f"the operator {name!r} has no result in run {run}")
    return models.Result.model_validate(found.to_json())


def _check(services: Services, flow: str, run: str, name: str) -> VersionDetail:
    """The version that ran; it has an operator of this name."""
    record = services.tracking.run(run, flow=flow)
    found = services.tracking.version(flow, record.version)
    if name not in found.ids:
        raise NotFoundError(f"there is no operator {name!r} in this run")
    return found
