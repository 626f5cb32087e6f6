"""Connecting an integration, or changing how one is connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from aqueduct_core.errors import AqueductError, ParameterError
from aqueduct_core.integrations import open_integration
from aqueduct_core.server._auth import require
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.pages._fields import (
    Field,
    all_kinds,
    config_from,
    fields_of,
    texts_of,
)
from aqueduct_core.server.pages._reading import integration_path, is_piece

__all__ = ["router"]

router = APIRouter(dependencies=[Depends(require("admin"))])

_PATH = "/connect"


@router.get(_PATH)
def form(
    request: Request,
    kind: Annotated[str, Query(max_length=100)] = "",
    name: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The kinds to choose from; or the form of one, empty or with how it is connected now."""
    services = services_of(request)
    if not kind:
        return render(request, "connect.html", {"kinds": all_kinds(), "kind": None})
    known = services.tracking.integration(name) if name else None
    texts = {} if known is None else texts_of(fields_of(kind), {**known.config})
    return _form(request, kind, name, texts, is_known=known is not None)


@router.post(_PATH)
async def connect(request: Request) -> Response:
    """Connect once; and keep how that is done, unless it is only a try."""
    sent = await request.form()
    given = {name: value for name, value in sent.items() if isinstance(value, str)}
    kind, name = given.get("kind", ""), given.get("name", "").strip()
    is_known = given.get("known") == "yes"
    texts = {key[2:]: value for key, value in given.items() if key.startswith("s.")}
    services = services_of(request)
    is_try = given.get("try") == "yes"
    try:
        await run_in_threadpool(_connect, services, kind, name, texts, is_known, is_try)
    except AqueductError as error:
        shown = await run_in_threadpool(
            _form, request, kind, name, texts, is_known=is_known, problem=error
        )
        shown.status_code = 200 if is_piece(request) else 422
        return shown
    if is_try:
        return await run_in_threadpool(
            _form, request, kind, name, texts, is_known=is_known, is_fine=True
        )
    return RedirectResponse(integration_path(name), 303)


def _connect(
    services: Services, kind: str, name: str, texts: Mapping[str, str], is_known: bool, is_try: bool
) -> None:
    fields = fields_of(kind)
    before = services.tracking.integration(name) if name else None
    if before is not None and not is_known:
        raise ParameterError(
            f"there is an integration {name!r} already",
            hint="open it to change how it is connected",
        )
    config = config_from(fields, texts, {} if before is None else before.secrets)
    if is_try:
        _opened(name or "this", kind, config).test()
    elif not name:
        raise ParameterError("it needs a name", hint="what workflows call it: warehouse")
    else:
        services.client.connect_integration(name, kind, **config)


def _opened(name: str, kind: str, config: Mapping[str, Any]) -> Any:
    """An integration that nobody keeps."""
    from aqueduct_core.engines.airflow import open_cluster
    from aqueduct_core.notifications import KINDS, open_notification

    if kind == "airflow":
        return open_cluster(name, config)
    return (
        open_notification(name, kind, config)
        if kind in KINDS
        else open_integration(name, kind, config)
    )


def _form(
    request: Request,
    kind: str,
    name: str,
    texts: Mapping[str, str],
    *,
    is_known: bool,
    problem: AqueductError | None = None,
    is_fine: bool = False,
) -> Response:
    fields: list[Field] = []
    try:
        fields = fields_of(kind)
    except AqueductError as error:  # a library is missing, for example
        problem = problem or error
    secret = {item.name for item in fields if item.look == "secret"}
    context = {
        "kinds": all_kinds(),
        "kind": next((item for item in all_kinds() if item.name == kind), None),
        "name": name,
        "fields": [item for item in fields if item.is_up_front],
        "others": [item for item in fields if not item.is_up_front],
        "texts": {key: value for key, value in texts.items() if key not in secret},
        "is_known": is_known,
        "problem": problem,
        "is_fine": is_fine,
    }
    return render(request, "connect.html", context)
