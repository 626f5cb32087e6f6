"""The stored bytes, for clients of other machines: opaque here, never loaded.

Clients read what the workspace has signed, and write parts, which are named by their digest, and
functions and parameters of workflows, which the workspace signs for those who may publish.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

from blake3 import blake3
from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from aqueduct_core.abc import ListsAfter, ObjectInfo, Storage
from aqueduct_core.errors import (
    CorruptArtifactError,
    InvalidKeyError,
    ParameterError,
    SignatureError,
    StorageNotFoundError,
)
from aqueduct_core.manifest import Manifest
from aqueduct_core.server._deadline import asks_others
from aqueduct_core.server._services import Services
from aqueduct_core.server.api import _models as models
from aqueduct_core.server.api._publish import read_version
from aqueduct_core.server.api._route import Editor, Limit, Served, new_router
from aqueduct_core.store._keys import manifest_path
from aqueduct_core.store._parts import confirm

__all__ = ["router"]

router = new_router("storage")
_SEGMENT = r"(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+"
_READABLE = re.compile(rf"(?:manifests|parts|operators|flows)(?:/{_SEGMENT})+")
_LISTABLE = re.compile(rf"(?:manifests|operators|flows)/(?:{_SEGMENT}/)*(?:{_SEGMENT})?")
_PART = re.compile(r"parts/([0-9a-f]{2})/(\1[0-9a-f]{62})(\.[A-Za-z0-9]{1,14})")
_VERSION = re.compile(r"flows/[0-9a-f-]{36}/versions/[0-9a-f]{64}\.json")
_OF_A_FLOW = re.compile(r"flows/[0-9a-f-]{36}/(?:code|parameters)/[0-9a-f]{64}")
_LARGEST_MANIFEST = 64 << 20
_CHUNK = 4 << 20
_BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}
}


@router.get("/objects")
def objects(
    services: Served,
    prefix: Annotated[str, Query(max_length=1000)],
    after: Annotated[str, Query(max_length=1000, description="The last key of a page.")] = "",
    limit: Limit = 500,
) -> models.Page[models.Object]:
    """What is stored, by key."""
    if not _LISTABLE.fullmatch(prefix):
        raise InvalidKeyError(
            f"{prefix!r} can't be listed", hint="manifests/, operators/ or flows/"
        )
    found = list(islice(_listed(services.store.storage, prefix, after), limit + 1))
    more = found[limit - 1].key if len(found) > limit else None
    items = [models.Object.model_validate(info) for info in found[:limit]]
    return models.Page[models.Object](items=items, cursor=more)


@router.get("/objects/{key:path}")
def stat(services: Served, key: str) -> models.Object:
    """What is known about stored bytes."""
    return models.Object.model_validate(_stat(services.store.storage, _readable(key)))


@router.post("/objects/{key:path}/refresh")
def refresh(services: Served, user: Editor, key: str) -> bool:
    """Let a part count as just written; false if it must be sent again."""
    if not _PART.fullmatch(key):
        raise InvalidKeyError(f"{key!r} is no part")
    return services.store.storage.refresh(key)


@router.get("/storage/{key:path}", response_class=Response, responses=_BYTES)
@asks_others
def get(
    services: Served,
    key: str,
    start: Annotated[int, Query(ge=0, le=1 << 60)] = 0,
    end: Annotated[int | None, Query(ge=0, le=1 << 60)] = None,
) -> Response:
    """Stored bytes from `start` to before `end`."""
    storage = services.store.storage
    if _readable(key).startswith("manifests/"):
        data = _signed(services, key)[start:end]
        return Response(data, media_type="application/octet-stream")
    size = _stat(storage, key).size
    last = size if end is None else min(end, size)
    first = min(start, last)
    headers = {"content-length": str(last - first), "content-encoding": "identity"}
    return StreamingResponse(
        _chunks(storage, key, first, last), media_type="application/octet-stream", headers=headers
    )


@router.put("/storage/{key:path}", status_code=204)
async def put(services: Served, user: Editor, request: Request, key: str) -> None:
    """Store a part, or the manifest of a function or parameter of a workflow."""
    part = _PART.fullmatch(key)
    storage = services.store.storage
    is_version = _VERSION.fullmatch(key) is not None
    if not (part or is_version or key.startswith("manifests/flows/")):
        raise InvalidKeyError(f"{key!r} can't be written", hint="publish a workflow instead")
    path = storage.staging() / f"upload-{token_hex(12)}"
    digest = blake3()
    try:
        with path.open("wb") as file:
            async for data in request.stream():
                digest.update(data)
                await run_in_threadpool(file.write, data)
        if is_version:
            await run_in_threadpool(_put_version, services, key, path)
        elif part is None:
            await run_in_threadpool(_put_manifest, services, key, path)
        elif digest.hexdigest() != part[2]:
            raise ParameterError("the bytes are not what their digest says", hint="send them again")
        else:
            await run_in_threadpool(storage.put_file, key, path)
    finally:
        path.unlink(missing_ok=True)


def _listed(storage: Storage, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """What is stored behind a key, in the order of keys; nothing before it is listed, where that can be."""
    listed = storage.list_after(prefix, after) if isinstance(storage, ListsAfter) else None
    if listed is not None:
        return listed
    left = (info for info in storage.list(prefix) if info.key > after)
    return iter(sorted(left, key=lambda info: info.key))


def _readable(key: str) -> str:
    if not _READABLE.fullmatch(key):
        raise InvalidKeyError(f"{key[:200]!r} can't be read")
    return key


def _stat(storage: Storage, key: str) -> ObjectInfo:
    info = storage.stat(key)
    if info is None:
        raise StorageNotFoundError(f"there is no {key!r}")
    return info


def _chunks(storage: Storage, key: str, start: int, end: int) -> Iterator[bytes]:
    for first in range(start, end, _CHUNK):
        yield bytes(storage.get(key, first, min(first + _CHUNK, end)))


def _signed(services: Services, key: str) -> bytes:
    """A manifest that this workspace has signed: those who get it may trust what it names."""
    data = bytes(services.store.storage.get(key))
    manifest = Manifest.from_bytes(data, key)
    if not manifest.check_signature(data, services.session.home.signing_key()):
        raise SignatureError(
            f"{manifest.key!r} isn't signed by this workspace",
            hint="whoever put it there can load it and put it again with this workspace's client",
        )
    return data


def _put_version(services: Services, key: str, path: Path) -> None:
    try:
        version = read_version(json.loads(path.read_bytes()))
    except ValueError as error:
        raise ParameterError("this is no JSON") from error
    if not version.location(services.store).endswith(f"/{key}"):
        raise InvalidKeyError(f"{key!r} is not the place of this version")
    version.save(services.session.store)


def _put_manifest(services: Services, key: str, path: Path) -> None:
    storage = services.store.storage
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise InvalidKeyError(f"the manifest has more than {_LARGEST_MANIFEST:,} bytes")
    try:
        manifest = Manifest.from_bytes(path.read_bytes(), key)
    except CorruptArtifactError as error:
        raise ParameterError(
            error.message, hint="client and server of one release agree"
        ) from error
    if not _OF_A_FLOW.fullmatch(manifest.key) or manifest_path(manifest.key) != key:
        raise InvalidKeyError(f"{manifest.key[:200]!r} is no function or parameter of a workflow")
    if not confirm(manifest.content, storage):
        raise ParameterError("parts of it are missing", hint="send them first")
    if storage.stat(key) is not None:  # named by its content: what is there is as good
        return
    signed = replace(manifest, signature=None).to_bytes(services.session.home.signing_key())
    storage.put(key, signed)
