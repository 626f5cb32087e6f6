"""What is shown of an artifact: made of its manifest's description alone, whatever stands in that.

Descriptions come from the processes of users. Nothing in them is trusted to have the form that our
own serializers give it: what doesn't fit is shown as JSON.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from aqueduct_core.server.draw import histogram
from aqueduct_core.server.draw.charts import shade, spread
from aqueduct_core.server.pages._cells import cell, column_texts, days_text, decimals_of, ends_text
from aqueduct_core.server.pages._words import number, plural

__all__ = ["columns_of", "shape_of", "view_of"]

_COLUMNS = 24  # side by side; all of them stand in the table of statistics
_MEMBERS = 20
_DEEPEST = 6
_NODES = 1_500  # of a tree
_TABLES = ("table", "series")
_NUMBERS = ("int", "float", "double", "decimal", "uint", "Int", "Float", "UInt")
_PNG = b"\x89PNG\r\n\x1a\n"


def view_of(kind: str, description: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """What is shown of a value: `look` says which part of the template shows it.

    Args:
        kind: The artifact type.
        description: As the manifest holds it.
        depth: How many collections it is inside of.
    """
    known = {"kind": kind, "facts": shape_of(description), "error": description.get("error")}
    makers = {
        "array": _array, "image": _image, "text": _text, "bytes": _bytes, "numeric": _number,
        "bool": _bool, "object": _object,
    }  # fmt: skip
    maker = _table if kind in _TABLES else makers.get(kind)
    try:
        if kind == "collection" and depth < _DEEPEST and description.get("members"):
            return known | _collection(description, depth)
        found = None if maker is None else maker(description)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        found = None  # not as our serializers write it
    return known | (found or _json(description.get("preview")))


def shape_of(description: Mapping[str, Any]) -> str:
    """How large a value is, in words: `82,609 × 11`, `480 × 300 RGB`, `7 keys`."""
    shape = description.get("shape")
    rows, columns = description.get("rows"), description.get("columns")
    if isinstance(rows, int) and isinstance(columns, int):
        return f"{plural(rows, 'row')} × {plural(columns, 'column')}"
    if isinstance(shape, list):
        return f"{' × '.join(map(str, shape)) or 'scalar'} {cell(description.get('dtype', ''))}"
    if isinstance(description.get("width"), int):
        mode = cell(description.get("mode", ""))
        return f"{description['width']} × {description.get('height')} {mode}"
    if isinstance(description.get("lines"), int):
        characters = description.get("characters", 0)
        return f"{plural(description['lines'], 'line')}, {plural(characters, 'character')}"
    if isinstance(description.get("length"), int):
        return f"{cell(description.get('class', ''))} of {description['length']:,}"
    return cell(description.get("class", ""))


def columns_of(description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns of a table with what is known of them."""
    schema = description.get("schema")
    statistics = description.get("statistics")
    rows = description.get("rows") if isinstance(description.get("rows"), int) else None
    found = []
    for field in schema if isinstance(schema, list) else []:
        name = cell(field.get("name"))
        known = statistics.get(name, {}) if isinstance(statistics, Mapping) else {}
        found.append(_column(name, field, known, rows))
    return found


def _column(
    name: str, field: Mapping[str, Any], known: Mapping[str, Any], rows: int | None
) -> dict[str, Any]:
    kind = cell(field.get("type"))
    nulls = field.get("nulls", known.get("nulls"))
    counted = known.get("histogram")
    counts = counted.get("counts") if isinstance(counted, Mapping) else None
    least, most = (ends_text(known.get(name), kind) for name in ("min", "max"))
    told = f"{name}: {cell(least)} to {cell(most)}" if least is not None else name
    quantiles = known.get("quantiles")
    top = known.get("top")
    return {
        "name": name,
        "type": kind,
        "is_number": kind.startswith(_NUMBERS),
        "nulls": nulls if isinstance(nulls, int) else None,
        "null_share": nulls / rows if isinstance(nulls, int) and rows else None,
        "spread": spread(counts, told) if isinstance(counts, list) and _are_numbers(counts) else "",
        "days": days_text(least, most, kind),
        "min": least, "max": most, "mean": known.get("mean"), "std": known.get("std"),
        "quantiles": quantiles if isinstance(quantiles, Mapping) else {},
        "distinct": known.get("distinct"),
        "true": known.get("true"),
        "top": [pair for pair in top if isinstance(pair, list) and len(pair) == 2]
        if isinstance(top, list) else [],
    }  # fmt: skip


def _table(description: Mapping[str, Any]) -> dict[str, Any] | None:
    preview = description.get("preview")
    columns = columns_of(description)
    if not isinstance(preview, Mapping):
        return {"look": "table", "columns": columns, "rows": [], "shown": 0, "index": False}
    shown = [cell(name) for name in preview["columns"]][:_COLUMNS]
    by_name = {column["name"]: column for column in columns}
    index = preview.get("index")
    labels = [cell(label) for label in index] if isinstance(index, list) else []
    kinds = [str(by_name.get(name, {}).get("type", "")) for name in shown]
    width = len(shown)
    given = [[*row[:width], *[None] * (width - len(row))] for row in preview["rows"]]
    values = [[row[at] for row in given] for at in range(width)]
    texts = [column_texts(column, kind) for column, kind in zip(values, kinds, strict=True)]
    rows = [
        {
            "label": labels[place] if place < len(labels) else None,
            "cells": [column[place] for column in texts],
        }
        for place in range(len(given))
    ]
    return {
        "look": "table",
        "head": [by_name.get(name) or _column(name, {}, {}, None) for name in shown],
        "columns": columns,
        "rows": rows,
        "decimals": [decimals_of(column) for column in values],
        "index": bool(labels),
        "hidden": max(0, int(description.get("columns", 0)) - len(shown)),
        "all_rows": description.get("rows"),
        "sampled": description.get("sampled"),
    }


def _image(description: Mapping[str, Any]) -> dict[str, Any] | None:
    png = description["preview"]["png"]
    try:
        data = base64.b64decode(png, validate=True)
    except binascii.Error:
        return None
    if not data.startswith(_PNG):
        return None
    width, height = int(description["width"]), int(description["height"])
    channels = description.get("statistics", {})
    return {
        "look": "image",
        "png": base64.b64encode(data).decode(),
        "thumbnail": (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])),
        "size": (width, height),
        "channels": [
            (name, [cell(values.get(item)) for item in ("min", "mean", "max")])
            for name, values in channels.items()
            if isinstance(values, Mapping)
        ],
        "exif": [(name, cell(value)) for name, value in description.get("exif", {}).items()],
    }


def _array(description: Mapping[str, Any]) -> dict[str, Any] | None:
    preview = description["preview"]
    statistics = description.get("statistics", {})
    fields = [(name, item) for name, item in statistics.items() if isinstance(item, Mapping)
              and name not in ("histogram", "quantiles")]  # fmt: skip
    low, high = statistics.get("min"), statistics.get("max")
    is_ranged = isinstance(low, int | float) and isinstance(high, int | float)
    rows = preview if isinstance(preview, list) else [preview]
    is_flat = not any(isinstance(row, list) for row in rows)
    cells = [
        [
            {
                "text": cell(item),
                "shade": shade(item, low, high) if is_ranged else shade(item, 0, 1),
            }
            for item in (row if isinstance(row, list) else [row])
        ]
        for row in ([rows] if is_flat else rows)
    ]
    if is_flat:  # a vector reads better in lines of ten
        cells = [cells[0][start : start + 10] for start in range(0, len(cells[0]), 10)]
    counted = statistics.get("histogram")
    counts = counted.get("counts") if isinstance(counted, Mapping) else None
    return {
        "look": "array",
        "cells": cells,
        "is_shaded": any(item["shade"] is not None for row in cells for item in row),
        "shape": description.get("shape"),
        "statistics": [
            (name, cell(statistics[name]))
            for name in ("min", "mean", "max", "std", "nulls", "infinite", "distinct", "true")
            if name in statistics and not isinstance(statistics[name], Mapping)
        ],
        "fields": [(cell(name), _summary(item)) for name, item in fields],
        "histogram": histogram(counts, counted.get("edges"), "Distribution of the values")
        if isinstance(counted, Mapping) and _are_numbers(counts) and counts is not None
        else "",
        "sampled": description.get("sampled"),
    }


def _summary(statistics: Mapping[str, Any]) -> str:
    names = ("min", "mean", "max", "nulls")
    return ", ".join(f"{name} {cell(statistics[name])}" for name in names if name in statistics)


def _text(description: Mapping[str, Any]) -> dict[str, Any]:
    text = description["preview"]
    return {
        "look": "text",
        "text": text,
        "is_cut": text.endswith("…") and len(text) <= int(description.get("characters", 0)),
    }


def _bytes(description: Mapping[str, Any]) -> dict[str, Any]:
    data = bytes.fromhex(description["preview"])
    lines = []
    for start in range(0, len(data), 16):
        row = data[start : start + 16]
        plain = "".join(chr(item) if 32 <= item < 127 else "." for item in row)
        lines.append(f"{start:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {plain}")
    return {
        "look": "bytes",
        "text": "\n".join(lines),
        "is_cut": description.get("bytes", 0) > len(data),
    }


def _number(description: Mapping[str, Any]) -> dict[str, Any] | None:
    value = description.get("preview", description.get("value"))
    if isinstance(value, list | Mapping):
        return None
    exact = cell(value) if isinstance(value, str) else repr(value)
    return {"look": "number", "text": value if isinstance(value, str) else number(value),
            "exact": exact}  # fmt: skip


def _bool(description: Mapping[str, Any]) -> dict[str, Any] | None:
    value = description.get("preview")
    return {"look": "bool", "value": value} if isinstance(value, bool) else None


def _object(description: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "look": "object",
        "class": cell(description.get("class", "")),
        "text": cell(description.get("preview", "")),
    }


def _json(preview: Any) -> dict[str, Any]:
    room = [_NODES]
    return {"look": "json", "tree": _node(None, preview, room, 0)}


def _node(key: str | None, value: Any, room: list[int], depth: int) -> dict[str, Any]:
    room[0] -= 1
    if isinstance(value, Mapping | list):
        is_map = isinstance(value, Mapping)
        items: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
        pairs = [(str(name), item) for name, item in items]
        inside = []
        for name, item in pairs:
            if room[0] <= 0 or depth > 40:
                break
            inside.append(_node(name, item, room, depth + 1))
        return {"key": key, "inside": inside, "is_map": is_map, "count": len(pairs),
                "is_open": depth < 2}  # fmt: skip
    kind = "str" if isinstance(value, str) else "num"
    if value is None or isinstance(value, bool):
        kind = "word"
    text = {None: "None", True: "True", False: "False"}[value] if kind == "word" else str(value)
    return {"key": key, "inside": None, "class": kind, "text": text}


def _collection(description: Mapping[str, Any], depth: int) -> dict[str, Any]:
    members = [item for item in description["members"] if isinstance(item, Mapping)][:_MEMBERS]
    names = _names(description.get("preview"), members)
    return {
        "look": "collection",
        "members": [
            {"name": name, **view_of(cell(item.get("type")), item, depth + 1)}
            for name, item in zip(names, members, strict=True)
        ],
        "length": description.get("length"),
        # What the members don't tell: those that are no artifacts themselves.
        "tree": None
        if _size(description.get("preview")) == len(members)
        else _node(None, description.get("preview"), [_NODES], 0),
    }


def _names(preview: Any, members: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the members of a collection are called.

    Members are what has a serializer of its own; the preview tells of them, in their order, in a
    text that ends with their shape.
    """
    items: Any = preview.items() if isinstance(preview, Mapping) else enumerate(preview or ())
    told = [(name, text) for name, text in items if isinstance(text, str)]
    found, place = [], 0
    for number_of, member in enumerate(members):
        shape = _shape_text(member)
        at = next((at for at in range(place, len(told)) if told[at][1].endswith(shape)), None)
        if shape and at is not None:
            name, place = told[at][0], at + 1
            found.append(name if isinstance(name, str) else f"[{name}]")
        else:
            found.append(f"[{number_of}]")
    return found


def _shape_text(member: Mapping[str, Any]) -> str:
    rows, columns, shape = member.get("rows"), member.get("columns"), member.get("shape")
    if isinstance(rows, int) and isinstance(columns, int):
        return f"({rows}, {columns})"
    return str(tuple(shape)) if isinstance(shape, list) else ""


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, Mapping | list) else None


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(item, int | float) for item in values)
