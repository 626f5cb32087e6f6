"""How large artifacts are, in words: rows and columns, or the number itself, without loading any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from aqueduct_core.errors import AqueductError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.server._services import Services
from aqueduct_core.server.pages._reading import Recent
from aqueduct_core.server.pages._words import file_size, number
from aqueduct_core.store import ArtifactStore

__all__ = ["shape_in", "shapes_of"]

_MOST = 80  # manifests that are read for one page
_SHAPED = frozenset(
    ["table", "series", "array", "image", "collection", "text", "json", "numeric", "bool", "object"]
)
_READERS = 8
_told: Recent[str] = Recent(8192)


def shapes_of(services: Services, refs: Iterable[ArtifactRef]) -> dict[str, str]:
    """What there is to say about the size of artifacts, by their keys."""
    refs = list(refs)
    found = {ref.key: file_size(ref.size) for ref in refs}
    asked = [ref for ref in refs if ref.type in _SHAPED][:_MOST]
    known = {ref: _told.known((services.store.url, ref)) for ref in asked}
    unknown = [ref for ref, text in known.items() if text is None]
    if unknown:
        with ThreadPoolExecutor(_READERS) as pool:
            told = pool.map(lambda ref: _shape(services.store, ref), unknown)
            known.update(zip(unknown, told, strict=True))
    return found | {ref.key: text for ref, text in known.items() if text}


def shape_in(description: Mapping[str, Any]) -> str:
    """What a description says about its artifact's size; of a number, which one it is."""
    rows, columns = description.get("rows"), description.get("columns")
    if type(rows) is int:
        return f"{rows:,} × {columns:,}" if type(columns) is int else f"{rows:,} rows"
    shape = description.get("shape")
    if isinstance(shape, list) and shape and all(type(side) is int for side in shape):
        return " × ".join(f"{side:,}" for side in shape)
    width, height = description.get("width"), description.get("height")
    if type(width) is int and type(height) is int:
        return f"{width:,} × {height:,}"
    for name, word in (("length", "item"), ("lines", "line")):
        count = description.get(name)
        if type(count) is int:
            return f"{count:,} {word}{'' if count == 1 else 's'}"
    value = description.get("preview")
    if isinstance(value, int | float):
        return number(value)  # it says more than its size
    kind = description.get("class")
    return kind.rpartition(".")[2][:60] if isinstance(kind, str) else ""


def _shape(store: ArtifactStore, ref: ArtifactRef) -> str:
    with suppress(AqueductError):  # it may have been deleted: its size is known all the same
        return _told.get((store.url, ref), lambda: shape_in(store.manifest(ref).description))
    return ""
