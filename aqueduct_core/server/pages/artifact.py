"""One artifact of a run: what is in it, where it comes from and goes to, how it was in other runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from aqueduct_core.dag import FlowSpec
from aqueduct_core.errors import AqueductError, NotFoundError, ParameterError
from aqueduct_core.manifest import Manifest
from aqueduct_core.server._deadline import asks_others
from aqueduct_core.server._security import CSP
from aqueduct_core.server._services import Services, services_of
from aqueduct_core.server._templates import render
from aqueduct_core.server.api._stream import chunks, part_response
from aqueduct_core.server.pages._drift import drift
from aqueduct_core.server.pages._looks import (
    FRAMING,
    height_of,
    look_response,
    looks_like_something,
)
from aqueduct_core.server.pages._pictures import as_picture, is_shown
from aqueduct_core.server.pages._preview import view_of
from aqueduct_core.server.pages._reading import Recent, flow_path, run_path, version_of
from aqueduct_core.server.pages._rows import rows_between
from aqueduct_core.server.pages._tables import as_file
from aqueduct_core.tracking import ArtifactRecord, FlowRecord

__all__ = ["router"]

router = APIRouter()

View = Literal["preview", "history"]

_RUNS = 30
_MANIFESTS = 12  # of earlier runs, from which statistics over time are made
_SAME = 8
_CONVERTED = 256 << 20  # bytes of a table that is converted for a download
_TABLES = ("table", "series")
_manifests: Recent[Manifest] = Recent(512)


@router.get("/flows/{flow}/runs/{run}/artifacts/{name:path}")
def page(
    request: Request, flow: str, run: str, name: str, view: Annotated[View, Query()] = "preview"
) -> Response:
    """An artifact: what is in it, or how it was in other runs."""
    services = services_of(request)
    tracking = services.tracking
    record = _record(services, flow, run, name)
    manifest = _manifest(services, record)
    if manifest is None:
        raise NotFoundError(
            f"the data of {name!r} is not there any more",
            hint="it was deleted from the store; the run's other pages still tell of it",
        )
    version = version_of(services, flow, tracking.run(run, flow=flow).version)
    path = run_path(flow, run, "artifacts", name)
    context: dict[str, Any] = {
        "flow": tracking.flow(flow),
        "flow_path": flow_path(flow),
        "run": run,
        "run_path": run_path(flow, run),
        "version": version,
        "name": name,
        "record": record,
        "manifest": manifest,
        "view": view,
        "location": f"{services.store.url.rstrip('/')}/{record.ref.key}",
        "tabs": [
            {"name": "Preview", "href": path, "icon": None},
            {"name": "History", "href": f"{path}?view=history", "icon": None},
        ],
        "downloads": _downloads(flow, run, name, manifest),
        "snippet": _snippet(run, name, manifest),
        "ancestry": _ancestry(version.spec, flow, run, name, services),
    }
    if view == "history":
        context["history"] = _history(services, flow, name, record)
    else:
        context["shown"] = view_of(record.ref.type, manifest.description)
        is_picture = is_shown(manifest)
        context["picture"] = run_path(flow, run, "pictures", name) if is_picture else None
        context["same"] = _same(services, record)
        context["rows_from"] = run_path(flow, run, "rows", name) if _is_table(manifest) else None
        if looks_like_something(manifest):
            context["frame"] = run_path(flow, run, "looks", name)
            context["height"] = height_of(manifest)
    response = render(request, "artifact.html", context)
    if "frame" in context:
        response.headers["content-security-policy"] = f"{CSP}; {FRAMING}"
    return response


@router.get("/flows/{flow}/runs/{run}/tables/{name:path}")
@asks_others
def table(
    request: Request, flow: str, run: str, name: str, form: Annotated[Literal["csv", "parquet"], Query()]
) -> Response:  # fmt: skip
    """A table as a file of another format; the only page that loads data, and only safe one."""
    services = services_of(request)
    record = _record(services, flow, run, name)
    manifest = services.store.manifest(record.ref)
    if not _is_table(manifest):
        raise ParameterError(
            f"{name!r} can't be made a {form} file here",
            hint="download it as it is stored, or load it in Python",
        )
    file, size = as_file(services.store, record.ref, form)
    return part_response(file, size, f"{name}.{form}")


@router.get("/flows/{flow}/runs/{run}/rows/{name:path}")
@asks_others
def rows(
    request: Request,
    flow: str,
    run: str,
    name: str,
    start: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
    count: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Rows of a table beyond its preview, for the script that scrolls through it."""
    services = services_of(request)
    record = _record(services, flow, run, name)
    manifest = services.store.manifest(record.ref)
    if not _is_table(manifest):
        raise ParameterError(f"{name!r} is shown by its preview alone")
    shown = view_of(manifest.type, manifest.description)
    columns = [column["name"] for column in shown.get("head", ())]
    known = dict(zip(columns, shown.get("decimals", ()), strict=False))
    return JSONResponse({"rows": rows_between(services.store, record.ref, known, start, count)})


@router.get("/flows/{flow}/runs/{run}/pictures/{name:path}")
def picture(request: Request, flow: str, run: str, name: str) -> Response:
    """An image as browsers show it: as it is stored, or made a PNG."""
    services = services_of(request)
    record = _record(services, flow, run, name)
    manifest = services.store.manifest(record.ref)
    if not is_shown(manifest):
        raise NotFoundError(f"{name!r} is no image that can be shown")
    file, kind = as_picture(services.store, record.ref, manifest)
    return StreamingResponse(chunks(file), media_type=kind)


@router.get("/flows/{flow}/runs/{run}/looks/{name:path}")
def look(request: Request, flow: str, run: str, name: str) -> Response:
    """The page that was stored beside an object, for the frame that shows it."""
    services = services_of(request)
    record = _record(services, flow, run, name)
    if not looks_like_something(services.store.manifest(record.ref)):
        raise NotFoundError(f"{name!r} has no page that can be shown")
    return look_response(services.store, record.ref, name)


def _is_table(manifest: Manifest) -> bool:
    """Whether it is a table that may be loaded here."""
    return manifest.safe and manifest.type in _TABLES and manifest.size <= _CONVERTED


def _record(services: Services, flow: str, run: str, name: str) -> ArtifactRecord:
    found = services.tracking.artifacts(run, flow=flow)
    for record in found:
        if record.name == name:
            return record
    raise NotFoundError(
        f"there is no artifact {name!r} in this run",
        hint="the operator that makes it has not succeeded, or it was never part of this version",
    )


def _manifest(services: Services, record: ArtifactRecord) -> Manifest | None:
    """A manifest, if it can be read; it never changes while it is there."""
    key = (services.tracking, record.ref.key, record.ref.digest)
    try:
        return _manifests.get(key, lambda: services.store.manifest(record.ref))
    except AqueductError:
        return None


def _downloads(flow: str, run: str, name: str, manifest: Manifest) -> list[dict[str, Any]]:
    path = f"/api/v1{run_path(flow, run, 'artifacts', name)}/download"
    found = [
        {"name": f"As stored ({part.suffix})" if len(manifest.content.parts) == 1 else label,
         "href": f"{path}?part={label}", "size": part.size}
        for label, part in manifest.content.parts.items()
    ]  # fmt: skip
    if _is_table(manifest):
        converted = run_path(flow, run, "tables", name)
        found += [
            {"name": word, "href": f"{converted}?form={form}", "size": None}
            for word, form in (("CSV", "csv"), ("Parquet", "parquet"))
        ]
    return found


def _snippet(run: str, name: str, manifest: Manifest) -> str:
    """The two lines of Python that load it."""
    word = {"table": "frame", "series": "series", "image": "image", "array": "array"}
    return (
        f"run = aq.Client().run({run!r})\n"
        f"{word.get(manifest.type, 'value')} = run.artifact({name!r}).get()"
    )


def _ancestry(spec: FlowSpec, flow: str, run: str, name: str, services: Services) -> dict[str, Any]:
    """What it was made from, by what, and what was made of it."""
    there = {item.name: item for item in services.tracking.artifacts(run, flow=flow)}

    def node(kind: str, title: str, href: str | None, icon: str) -> dict[str, Any]:
        return {"kind": kind, "name": title, "href": href, "icon": icon}

    maker = next(
        (item for item in spec.operators.values()
         if name in [item.output_name(output) for output in item.outputs]),
        None,
    )  # fmt: skip
    if maker is None:
        return {"up": [], "maker": None, "down": []}
    up = []
    for item in maker.inputs:
        if item.output is None:
            up.append(node("parameter", item.source, None, "parameter"))
            continue
        source = spec.operators[item.source].output_name(item.output)
        href = run_path(flow, run, "artifacts", source) if source in there else None
        up.append(node("artifact", source, href, there[source].ref.type if href else "object"))
    down = [
        node(consumer.kind, consumer.name,
             run_path(flow, run, "operators", consumer.name), consumer.kind)
        for consumer in spec.operators.values()
        if any(item.source == maker.name and item.output is not None
               and maker.output_name(item.output) == name for item in consumer.inputs)
    ]  # fmt: skip
    made = node(maker.kind, maker.name, run_path(flow, run, "operators", maker.name), maker.kind)
    return {"up": up, "maker": made, "down": down}


def _history(services: Services, flow: str, name: str, record: ArtifactRecord) -> dict[str, Any]:
    """The artifact in the last runs, the newest first."""
    found = services.tracking.artifact_history(flow, name, limit=_RUNS)
    manifests: Mapping[str, Manifest | None] = {
        item.run: _manifest(services, item) for item in found[:_MANIFESTS]
    }
    return {
        "rows": [*_rows(flow, found, manifests, record)],
        "drift": drift(flow, found[:_MANIFESTS], manifests, name),
    }


def _rows(
    flow: str,
    found: Sequence[ArtifactRecord],
    manifests: Mapping[str, Manifest | None],
    record: ArtifactRecord,
) -> Iterator[dict[str, Any]]:
    for place, item in enumerate(found):
        manifest = manifests.get(item.run)
        older = found[place + 1] if place + 1 < len(found) else None
        yield {
            "record": item,
            "href": run_path(flow, item.run, "artifacts", item.name),
            "run": run_path(flow, item.run),
            "is_here": item.run == record.run,
            "is_same": older is not None and older.ref.digest == item.ref.digest,
            "change": item.ref.size - older.ref.size if older else None,
            "description": manifest.description if manifest else None,
        }


def _same(services: Services, record: ArtifactRecord) -> list[dict[str, Any]]:
    """Other artifacts of the same content, in any workflow."""
    names: dict[str, FlowRecord] = {}
    found: list[dict[str, Any]] = []
    if record.ref.type in ("bool", "numeric"):
        return found  # that two numbers are the same says nothing
    for item in services.tracking.artifacts_with(record.ref.digest, limit=_SAME + 1):
        if (item.flow, item.run, item.name) == (record.flow, record.run, record.name):
            continue
        if item.flow not in names:
            names[item.flow] = services.tracking.flow(item.flow)
        href = run_path(item.flow, item.run, "artifacts", item.name)
        found.append({"flow": names[item.flow].name, "record": item, "href": href})
    return found[:_SAME]
