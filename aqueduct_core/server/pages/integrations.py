"""Data systems, clusters and receivers of messages: whether they answer, who uses them, what is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from aqueduct_core.client._connect import is_database
from aqueduct_core.errors import AqueductError, NotFoundError, UnsupportedError
from aqueduct_core.integrations import FileIntegration
from aqueduct_core.integrations.files._browse import open_file
from aqueduct_core.server._auth import User, require
from aqueduct_core.server._deadline import asks_others
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.api._stream import chunks, part_response
from aqueduct_core.server.pages._cells import cell, decimals_of, fixed
from aqueduct_core.server.pages._fields import all_kinds
from aqueduct_core.server.pages._files import PICTURES, files_context, kind_of_picture, tiff_as_png
from aqueduct_core.server.pages._reach import cluster_state, is_quiet, reach
from aqueduct_core.server.pages._reading import Recent, flow_path, integration_path, is_piece
from aqueduct_core.tracking import FlowRecord, IntegrationRecord

__all__ = ["found_integration", "router"]

router = APIRouter()

_TABLES = 300
_ROWS = 50
_COLUMNS = 60
_PAGE = 200
_used: Recent[frozenset[str]] = Recent(10_000)

_FILES = ("filesystem", "s3", "gcs", "azure")

Text = Annotated[str, Query(max_length=600)]
Path = Annotated[str, Query(max_length=1024)]


@router.get("/integrations")
def page(request: Request) -> Response:
    """All of them."""
    services = services_of(request)
    users = _users(services)
    kinds = {item.name: item for item in all_kinds()}
    rows = [
        {
            "item": item,
            "kind": kinds.get(item.kind),
            "href": integration_path(item.name),
            "place": _place(item),
            "is_quiet": is_quiet(item.kind),
            "users": users[item.name],
        }
        for item in services.tracking.integrations()
    ]
    groups = (
        ("data", "Data systems"),
        ("engine", "Clusters"),
        ("message", "Who is told about runs"),
    )
    context = {
        "groups": [
            (title, [row for row in rows if _group(row) == group]) for group, title in groups
        ],
        "any": bool(rows),
        "kinds": list(kinds.values()),
    }
    return render(request, "integrations.html", context)


@router.get("/integrations/{name}")
def one(request: Request, name: str, table: Text = "", path: Path = "", q: Text = "") -> Response:
    """One of them."""
    services = services_of(request)
    item = found_integration(services, name)
    kind = next((known for known in all_kinds() if known.name == item.kind), None)
    context = {
        "item": item,
        "kind": kind,
        "here": integration_path(name),
        "group": "data" if kind is None else kind.group,
        "is_quiet": is_quiet(item.kind),
        "config": _config(item),
        "users": _users(services)[name],
        "saved": [
            (target, times)
            for system, target, times in services.tracking.saved_places(limit=200)
            if system == name
        ],
        "looked": urlencode(
            {"path": path, "q": q} if item.kind in _FILES else {"table": table, "q": q}
        ),
        "has_files": item.kind in _FILES,
    }
    return render(request, "integration.html", context)


@router.get("/integrations/{name}/reach")
@asks_others
def reached(request: Request, name: str) -> Response:
    """Whether it answers, as a piece of a page."""
    services = services_of(request)
    item = found_integration(services, name)
    found = reach(services, item) if is_quiet(item.kind) else None
    return _piece(request, name, "reach", {"reach": found})


@router.post("/integrations/{name}/test")
def test(
    request: Request, name: str, user: Annotated[User, Depends(require("editor"))]
) -> Response:
    """Connect once, now."""
    services = services_of(request)
    found = reach(services, found_integration(services, name), now=True)
    if is_piece(request):
        return _piece(request, name, "reach", {"reach": found})
    return RedirectResponse(integration_path(name), 303)


@router.post("/integrations/{name}/forget", dependencies=[Depends(require("admin"))])
def forget(request: Request, name: str) -> Response:
    """Forget it; its data stays where it is."""
    services_of(request).client.delete_integration(name)
    return RedirectResponse("/integrations", 303)


@router.get("/integrations/{name}/tables", dependencies=[Depends(require("editor"))])
@asks_others
def tables(request: Request, name: str, table: Text = "", q: Text = "") -> Response:
    """Its tables and a look into one of them, as a piece of a page."""
    services = services_of(request)
    found_integration(services, name)
    context: dict[str, Any] = {
        "here": integration_path(name), "table": table, "q": q, "problem": None, "names": [],
        "more": 0, "shown": None,
    }  # fmt: skip
    try:
        made: Any = services.client.integration(name)
        names = made.tables() if is_database(made) else []
        listed = [item for item in names if q.lower() in item.lower()]
        context |= {"names": listed[:_TABLES], "more": len(listed) - _TABLES}
        if table:
            context["shown"] = _looked_into(made, table)
    except AqueductError as error:
        context["problem"] = error
    return _piece(request, name, "tables", context)


@router.get("/integrations/{name}/files", dependencies=[Depends(require("editor"))])
@asks_others
def files(request: Request, name: str, path: Path = "", q: Text = "") -> Response:
    """What is in a folder, and how a file begins, as a piece of a page."""
    services = services_of(request)
    found_integration(services, name)
    here = integration_path(name)
    context: dict[str, Any] = {
        "here": here, "path": path, "q": q, "problem": None, "entries": None, "shown": None,
    }  # fmt: skip
    try:
        context |= files_context(_files(services, name), here, path, q)
    except AqueductError as error:
        context["problem"] = error
    return _piece(request, name, "files", context)


@router.get("/integrations/{name}/file", dependencies=[Depends(require("editor"))])
@asks_others
def file(
    request: Request, name: str, path: Path, show: Annotated[Literal["yes", "no"], Query()] = "no"
) -> Response:
    """A file to be saved; an image to be shown, if it is one that browsers show."""
    made = _files(services_of(request), name)
    opened, size = open_file(made.name, made._place, path)
    if show == "yes" and size <= PICTURES:
        kind = kind_of_picture(opened.read(12))
        opened.seek(0)
        if kind == "image/tiff":  # which browsers don't show
            with opened:
                opened, kind = tiff_as_png(made, path, opened), "image/png"
        if kind is not None:
            return StreamingResponse(chunks(opened), media_type=kind)
    return part_response(opened, size, path.rpartition("/")[2])


@router.get("/integrations/{name}/cluster")
@asks_others
def cluster(request: Request, name: str) -> Response:
    """What a cluster has and does, as a piece of a page."""
    from aqueduct_core.engines.airflow import AirflowCluster

    services = services_of(request)
    found_integration(services, name)
    context: dict[str, Any] = {"state": None, "problem": None}
    try:
        made = services.client.integration(name)
        if isinstance(made, AirflowCluster):
            context["state"] = cluster_state(services, made)
    except AqueductError as error:
        context["problem"] = error
    return _piece(request, name, "cluster", context)


def found_integration(services: Services, name: str) -> IntegrationRecord:
    """An integration, without its secrets.

    Raises:
        NotFoundError: There is none of this name.
    """
    for item in services.tracking.integrations():
        if item.name == name:
            return item
    raise NotFoundError(
        f"there is no integration {name!r}", hint="/integrations lists what there is"
    )


def _files(services: Services, name: str) -> FileIntegration:
    found_integration(services, name)
    made: Any = services.client.integration(name)
    if not isinstance(made, FileIntegration):
        raise UnsupportedError(
            f"{name!r} has no files: it is of the kind {made.kind}", hint="look at its page"
        )
    return made


def _piece(request: Request, name: str, what: str, context: Mapping[str, Any]) -> Response:
    """A piece of the page of an integration; a page of its own for those without scripts."""
    layout = "piece.html" if is_piece(request) else "base.html"
    return render(request, f"integration_{what}.html", {"layout": layout, "name": name, **context})


def _group(row: Mapping[str, Any]) -> str:
    return "data" if row["kind"] is None else str(row["kind"].group)


def _users(services: Services) -> dict[str, list[dict[str, str]]]:
    """The workflows that use each integration in their current version."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    cursor: str | None = None
    while True:
        page = services.tracking.flows(cursor=cursor, limit=_PAGE)
        for flow in page:
            for system in _systems(services, flow):
                found[system].append({"name": flow.name, "href": flow_path(flow.id)})
        cursor = page.cursor
        if cursor is None:
            return found


def _systems(services: Services, flow: FlowRecord) -> frozenset[str]:
    """What the current version of a workflow uses, which never changes."""

    def read() -> frozenset[str]:
        spec = services.tracking.version(flow.id, flow.digest).spec
        used = {str(item.task["integration"]) for item in spec.of_kind("query", "save")}
        return frozenset(used | {spec.engine})

    return _used.get((flow.id, flow.digest), read)


def _place(item: IntegrationRecord) -> str:
    """Where it is, in a few words."""
    for setting in ("path", "url", "host", "bucket", "account", "folder"):
        if item.config.get(setting):
            database = item.config.get("database")
            return f"{item.config[setting]}{f'/{database}' if database else ''}"
    return ""


def _config(item: IntegrationRecord) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), cell(value)) for name, value in item.config.items() if value != []
    ]


def _looked_into(made: Any, table: str) -> dict[str, Any]:
    """The columns and the first rows of a table."""
    info = made.describe(table)
    rows = made.preview(table, _ROWS)
    names = [str(name) for name in rows.columns][:_COLUMNS]
    lines = [row[: len(names)] for row in rows.itertuples(index=False, name=None)]
    values = [[_plain(line[at]) for line in lines] for at in range(len(names))]
    columns = [_cells(column) for column in values]
    return {
        "name": table,
        "columns": info.columns,
        "count": info.rows,
        "names": names,
        "rows": [*zip(*columns, strict=True)],
        "numbers": [_are_numbers(column) for column in values],
        "hidden": max(0, len(rows.columns) - _COLUMNS),
    }


def _plain(value: Any) -> Any:
    """A value of a data frame as one of Python's; None if it is missing."""
    if _is_missing(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _cells(values: Sequence[Any]) -> list[str | None]:
    """A column as its cells show it, floats in line with each other."""
    decimals = decimals_of(values)
    return [None if value is None else _cell(value, decimals) for value in values]


def _cell(value: Any, decimals: int) -> str:
    if isinstance(value, float):
        return fixed(value, decimals)
    text = cell(value) if isinstance(value, bool | int | str) else str(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _are_numbers(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in known
    )


def _is_missing(value: Any) -> bool:
    """Whether it is None, NaN, NA or NaT: only those are not equal to themselves, or have no answer."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ in ("NAType", "NaTType")
