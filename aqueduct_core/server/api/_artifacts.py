"""Artifacts of runs: what was written down about them, and their bytes. Nothing is ever loaded."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import JSONResponse

from aqueduct_core.errors import NotFoundError
from aqueduct_core.manifest import Manifest
from aqueduct_core.server._deadline import asks_others
from aqueduct_core.server._services import Services
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._route import Served, new_router
from aqueduct_core.server.api._stream import part_response
from aqueduct_core.tracking import ArtifactRecord

__all__ = ["router"]

router = new_router("artifacts")
_ARTIFACTS = "/flows/{flow}/runs/{run}/artifacts"


@router.get(_ARTIFACTS)
def artifacts(services: Served, flow: str, run: str) -> list[models.Artifact]:
    """The artifacts of a run, by name."""
    found = services.tracking.artifacts(run, flow=flow)
    return [models.Artifact.model_validate(item) for item in found]


@router.get(
    f"{_ARTIFACTS}/{{name:path}}/download",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}},
)
@asks_others
def download(
    services: Served,
    flow: str,
    run: str,
    name: str,
    part: Annotated[str, Query(max_length=500)] = "data",
) -> Response:
    """One part of an artifact, as its serializer wrote it: most tables are a Parquet file."""
    record, manifest = _found(services, flow, run, name)
    if part not in manifest.content.parts:
        listed = ", ".join(map(repr, manifest.content.parts)) or "none"
        raise NotFoundError(f"{name!r} has no part {part!r}", hint=f"it has: {listed}")
    suffix = manifest.content.parts[part].suffix
    file = services.store.open(record.ref, part)
    size = manifest.content.parts[part].size
    return part_response(file, size, f"{name}{suffix}")


@router.get(f"{_ARTIFACTS}/{{name:path}}", response_model=models.ArtifactDetail)
def artifact(services: Served, flow: str, run: str, name: str) -> Any:
    """An artifact with its schema, statistics and preview."""
    record, manifest = _found(services, flow, run, name)
    known = models.Artifact.model_validate(record).model_dump(mode="json")
    return _Plain(
        known
        | {
            "created": manifest.created,
            "safe": manifest.safe,
            "description": dict(manifest.description),
            "lineage": dict(manifest.lineage),
            "parts": {label: part.size for label, part in manifest.content.parts.items()},
        }
    )


class _Plain(JSONResponse):
    """JSON of whatever a manifest holds: in ASCII, so that half of a surrogate pair is no problem."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _found(services: Services, flow: str, run: str, name: str) -> tuple[ArtifactRecord, Manifest]:
    for record in services.tracking.artifacts(run, flow=flow):
        if record.name == name:
            return record, services.store.manifest(record.ref)
    raise NotFoundError(f"there is no artifact {name!r} in this run")
