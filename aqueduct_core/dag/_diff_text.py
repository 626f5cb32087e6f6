"""Differences of versions in plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag._schedules import schedule_from

if TYPE_CHECKING:
    from aqueduct_core.dag._diff import Change, OperatorDiff, VersionDiff

__all__ = ["html_of", "text_of", "told", "told_parameter"]

_LONGEST = 100
_COLORS = {"+": "#15803d", "-": "#b91c1c", "@": "#7c3aed"}  # readable on light and on dark
_SHORT = 12  # digits of a digest


def text_of(found: VersionDiff) -> str:
    """A diff as text; empty if there's no difference."""
    return "".join(f"{line}\n" for line in _lines(found)) if found else ""


def _lines(found: VersionDiff) -> Iterator[str]:
    yield f"--- version {short(found.before)}"
    yield f"+++ version {short(found.after)}"
    for change in found.flow:
        yield f"~ {change.field}: {told(change)}"
    for change in found.parameters:
        yield _parameter(change)
    for operator in found.removed:
        yield from _operator("-", operator)
    for operator in found.changed:
        yield from _operator("~", operator)
    for operator in found.added:
        yield from _operator("+", operator)


def html_of(found: VersionDiff) -> str:
    """A diff as HTML: the text, with what is new and what is gone in colors."""
    lines = []
    for line in str(found).splitlines():
        color = _COLORS.get(line.lstrip()[:1])
        style = f' style="color:{color}"' if color else ""
        lines.append(f"<span{style}>{escape(line)}</span>")
    return f'<pre style="margin:0;white-space:pre-wrap">{"<br>".join(lines)}</pre>'


def short(digest: str) -> str:
    """The beginning of a digest, which is enough to tell versions apart."""
    return digest.partition(":")[2][:_SHORT] or digest


def told_parameter(change: Change) -> str:
    """A parameter's default before and after; the one that there is, if it is new or gone."""
    there = [_default(value) for value in (change.before, change.after) if value is not None]
    return " -> ".join(there)


def _parameter(change: Change) -> str:
    if change.before is None:
        return f"+ parameter {change.field} = {told_parameter(change)}"
    if change.after is None:
        return f"- parameter {change.field} = {told_parameter(change)}"
    return f"~ parameter {change.field}: {told_parameter(change)}"


def _operator(sign: str, operator: OperatorDiff) -> Iterator[str]:
    was = operator.before
    renamed = f", which was {was}" if was and operator.after and was != operator.after else ""
    yield f"{sign} {operator.kind} {operator.name}{renamed}"
    for change in operator.changes:
        yield f"    {change.field}: {told(change)}"
    for text in operator.texts:
        yield from (f"    {line}".rstrip() for line in text.lines)


def told(change: Change) -> str:
    """A field's value before and after."""
    return f"{_value(change.field, change.before)} -> {_value(change.field, change.after)}"


def _value(field: str, value: Any) -> str:
    if value is None:
        return "none"
    if field == "schedule":
        return str(schedule_from(value))
    if isinstance(value, str):
        return _cut(_digests(value)) if value else '""'
    return _cut(json.dumps(value, ensure_ascii=False))


def _default(value: Any) -> str:
    if not isinstance(value, dict):
        return _value("", value)
    if "artifact" in value:
        ref = value["artifact"]
        return f"{ref['type']} of {ref['size']:,} bytes, {short(value['digest'])}"
    return _cut(json.dumps(value.get("value"), ensure_ascii=False))


def _digests(text: str) -> str:
    """A text with its digests cut to what people compare."""
    words = text.split(" ")
    return " ".join(short(word) if word.startswith("blake3:") else word for word in words)


def _cut(text: str) -> str:
    line = " ".join(text.splitlines())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
