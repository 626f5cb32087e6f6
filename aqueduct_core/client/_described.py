"""An artifact in a notebook: what was written down about it when it was stored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aqueduct_core.client._markup import card, clip, escape, facts, table

__all__ = ["artifact_html"]

_ROWS = 10
_COLUMNS = 12  # how many fit side by side; the ends say most
_CELL = 60
_TEXT = 2_000
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_FACTS = (
    "rows",
    "columns",
    "shape",
    "dtype",
    "width",
    "height",
    "mode",
    "class",
    "length",
    "lines",
)


def artifact_html(name: str, kind: str, size: int, description: Mapping[str, Any]) -> str:
    """An artifact as HTML.

    Args:
        name: Its name.
        kind: Its artifact type.
        size: Its bytes.
        description: As its manifest holds it.
    """
    known = [(key, _told(description[key])) for key in _FACTS if key in description]
    width = description.get("columns")
    return card(
        f"{escape(name)} <span style='opacity:.65;font-weight:normal'>{escape(kind)}</span>",
        facts([*known, ("size", f"{size:,} bytes")]),
        _preview(description.get("preview"), _types(description), width),
    )


def _types(description: Mapping[str, Any]) -> dict[str, str]:
    schema = description.get("schema")
    if not isinstance(schema, list):
        return {}
    return {str(column.get("name")): str(column.get("type")) for column in schema}


def _preview(preview: Any, types: Mapping[str, str], width: Any) -> str:
    if preview is None:
        return ""
    if isinstance(preview, Mapping) and isinstance(preview.get("rows"), list):
        return "".join(_rows(preview, types, width))
    if isinstance(preview, Mapping) and _BASE64.fullmatch(str(preview.get("png", "-"))):
        return f'<img alt="preview" src="data:image/png;base64,{preview["png"]}">'
    text = preview if isinstance(preview, str) else json.dumps(preview, ensure_ascii=False)
    return f'<pre style="margin:0;white-space:pre-wrap">{escape(text, _TEXT)}</pre>'


def _rows(preview: Mapping[str, Any], types: Mapping[str, str], width: Any) -> Iterator[str]:
    names = [str(name) for name in preview["columns"]]
    shown = list(range(len(names)))
    if len(names) > _COLUMNS:
        half = _COLUMNS // 2
        shown = [*shown[:half], *shown[-half:]]
    index = preview.get("index") or []
    labels = [_cell(label) for label in index[:_ROWS]]
    head = ["", *(names[column] for column in shown)] if labels else [names[c] for c in shown]
    kinds = [f'<i style="opacity:.65">{escape(types.get(names[c], ""))}</i>' for c in shown]
    rows = [["", *kinds] if labels else kinds] if types else []
    for number, row in enumerate(preview["rows"][:_ROWS]):
        cells = [_cell(row[column]) for column in shown]
        rows.append([labels[number] if number < len(labels) else "", *cells] if labels else cells)
    yield table([clip(name, _CELL) for name in head], rows)
    hidden = (width if type(width) is int else len(names)) - len(shown)
    if hidden > 0:
        yield f"<div style='opacity:.65'>{hidden:,} more columns</div>"


def _cell(value: Any) -> str:
    if value is None:
        return '<span style="opacity:.5">∅</span>'
    return escape(_told(value), _CELL)


def _told(value: Any) -> str:
    if isinstance(value, list):
        return " × ".join(map(str, value)) if all(type(n) is int for n in value) else str(value)
    return f"{value:,}" if type(value) is int else str(value)
