"""Handles in a notebook: their value if it was computed, else their place in the graph."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aqueduct_core.dag._artifacts import Artifact

__all__ = ["html_of"]

_ROWS = 10
_COLUMNS = 12
_TEXT = 2_000
_CELL = 80
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


def html_of(artifact: Artifact) -> str:
    """A handle as HTML."""
    operator = artifact.operator
    computed = operator.memo.get("computed")
    lines = [f"<b>{_escape(artifact.name)}</b> {_escape(type(artifact).__name__)}"]
    if computed is None:
        lines += _position(artifact)
    else:
        lines += _described(computed.load(artifact.output, artifact.selected))
    return "".join(f"<div>{line}</div>" for line in lines)


def _position(artifact: Artifact) -> Iterator[str]:
    operator = artifact.operator
    made = f", made at {operator.site}" if operator.site else ""
    yield _escape(f"{operator.kind} {operator.name}{made}")
    if operator.inputs:
        yield _escape("takes " + ", ".join(item.name for item in operator.inputs))
    if operator.after:
        yield _escape("waits for " + ", ".join(item.name for item in operator.after))
    yield "not computed yet: <code>.get()</code> does it"


def _described(value: Any) -> Iterator[str]:
    from aqueduct_core.encoding import PROFILES, Plan
    from aqueduct_core.registry import default_registry
    from aqueduct_core.storage._memory import MemoryStorage
    from aqueduct_core.store._sink import Writer, sayable, tell

    # As a store does it, but nothing is hashed and stored: it is all there, only not described yet.
    plan, staging = Plan("fast", PROFILES["memory"], None), MemoryStorage().staging
    writer = Writer(default_registry(), plan=plan, staging=staging, unsafe=True)
    try:
        draft = writer.draft(value)
        tell(value, draft)
        description = sayable(draft.description)
    finally:
        writer.discard()
    rows = description.get("rows")
    shape = f", {rows:,} rows × {description.get('columns'):,} columns" if rows is not None else ""
    yield _escape(f"{draft.artifact}{shape}, {draft.size():,} bytes")
    preview = description.get("preview")
    if isinstance(preview, Mapping) and "rows" in preview:
        yield _table(preview, description.get("schema") or ())
    elif isinstance(preview, Mapping) and _BASE64.fullmatch(str(preview.get("png", "-"))):
        yield f'<img alt="preview" src="data:image/png;base64,{preview["png"]}">'
    elif preview is not None:
        text = preview if isinstance(preview, str) else json.dumps(preview, ensure_ascii=False)
        yield f"<pre>{_escape(text, _TEXT)}</pre>"


def _table(preview: Mapping[str, Any], schema: Sequence[Mapping[str, Any]]) -> str:
    names = preview["columns"]
    types = {str(column["name"]): column["type"] for column in schema}
    head = [
        f"{_escape(name)}<br><small>{_escape(types.get(str(name), ''))}</small>" for name in names
    ]
    rows = [_cells("th", head)]
    rows += [_cells("td", map(_escape, row)) for row in preview["rows"][:_ROWS]]
    return f"<table>{''.join(rows)}</table>"


def _cells(tag: str, cells: Any) -> str:
    shown = list(cells)
    more = ["…"] if len(shown) > _COLUMNS else []
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in [*shown[:_COLUMNS], *more])}</tr>"


def _escape(text: object, longest: int = _CELL) -> str:
    told = str(text)
    return html.escape(told if len(told) <= longest else told[: longest - 1] + "…")
