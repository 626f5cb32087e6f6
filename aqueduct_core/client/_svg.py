"""Draws a workflow, with what happened to it in a run: an SVG that any browser and notebook shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aqueduct_core.client._markup import COLORS, clip, escape
from aqueduct_core.dag.layout import Box, Line, layers, layout

if TYPE_CHECKING:
    from aqueduct_core.dag._spec import FlowSpec

__all__ = ["draw"]

_TALLEST = 40  # nodes in a layer; the others share one box
_LARGEST = 2_000  # nodes that are drawn at all
_WIDTH, _HEIGHT, _MARGIN = 168.0, 42.0, 8.0
_NAME, _NOTE = 22, 28  # characters that fit into a box
_LINE = "#8b919b"
_FONT = "font-family:ui-sans-serif,system-ui,sans-serif"
_PARAMETER = ("#f8fafc", "#475569")
_PLAIN = ("#f1f5f9", "#334155")
_URGENT = ("failed", "running", "warning", "canceled")  # shown before others where many are folded


@dataclass(frozen=True, slots=True)
class _Node:
    title: str
    note: str
    colors: tuple[str, str]
    round: bool = False


def draw(
    spec: FlowSpec,
    states: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> str:
    """The graph of a workflow as SVG.

    Args:
        spec: The workflow.
        states: The state of each operator by name; their colors.
        notes: A few words about operators, instead of their kinds.
    """
    nodes = _nodes(spec, states, notes or {})
    if len(nodes) > _LARGEST:
        return _sentence(f"{spec.name}: {len(nodes):,} operators, too many to be drawn")
    nodes, edges = _fold(nodes, _edges(spec), states or {})
    placed = layout(dict.fromkeys(nodes, (_WIDTH, _HEIGHT)), edges)
    width, height = placed.width + 2 * _MARGIN, placed.height + 2 * _MARGIN
    lines = "".join(map(_path, placed.lines))
    boxes = "".join(_box(nodes[name], box) for name, box in placed.boxes.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}">'
        f"<title>{escape(spec.name)}</title>"
        f'<g fill="none" stroke="{_LINE}" stroke-width="1.4">{lines}</g>'
        f'<g style="{_FONT}">{boxes}</g></svg>'
    )


def _nodes(
    spec: FlowSpec, states: Mapping[str, str] | None, notes: Mapping[str, str]
) -> dict[str, _Node]:
    # No operator has the name of a parameter; the sources of inputs are told apart the same way.
    nodes = {
        _key(name, parameter=True): _Node(name, "parameter", _PARAMETER, round=True)
        for name, item in spec.parameters.items()
        if not item.implicit
    }
    for name, operator in spec.operators.items():
        colors = _PLAIN if states is None else COLORS[states.get(name, "pending")]
        note = notes.get(name) or operator.kind
        nodes[_key(name)] = _Node(name, note, colors)
    return nodes


def _edges(spec: FlowSpec) -> list[tuple[str, str]]:
    edges = []
    for name, operator in spec.operators.items():
        for item in operator.inputs:
            if not item.is_parameter:
                edges.append((_key(item.source), _key(name)))
            elif not spec.parameters[item.source].implicit:
                edges.append((_key(item.source, parameter=True), _key(name)))
        edges += [(_key(other), _key(name)) for other in operator.after]
    return edges


def _key(name: str, *, parameter: bool = False) -> str:
    return f"p:{name}" if parameter else f"o:{name}"


def _fold(
    nodes: Mapping[str, _Node], edges: Iterable[tuple[str, str]], states: Mapping[str, str]
) -> tuple[dict[str, _Node], list[tuple[str, str]]]:
    """In a layer of very many nodes, those that say least share one box."""
    edges = list(edges)
    rows: dict[int, list[str]] = defaultdict(list)
    layer = layers(nodes, edges)
    for name, index in layer.items():
        rows[index].append(name)
    into = {name: name for name in nodes}
    more: dict[int, _Node] = {}
    for index, row in rows.items():
        if len(row) > _TALLEST:
            row.sort(key=lambda name: _urgency(states.get(nodes[name].title)))
            hidden = row[_TALLEST - 1 :]
            more[index] = _Node(f"… and {len(hidden):,} more", "", _PLAIN)
            into.update((name, f"more:{index}") for name in hidden)
    kept = {name: node for name, node in nodes.items() if into[name] == name}
    kept |= {f"more:{index}": node for index, node in more.items()}
    layer |= {f"more:{index}": index for index in more}
    folded = dict.fromkeys((into[source], into[target]) for source, target in edges)
    order = sorted(kept, key=lambda name: layer[name])  # stable: needs before what needs them
    return {name: kept[name] for name in order}, list(folded)


def _urgency(state: str | None) -> int:
    return _URGENT.index(state) if state in _URGENT else len(_URGENT)


def _box(node: _Node, box: Box) -> str:
    fill, ink = node.colors
    radius = box.height / 2 if node.round else 6
    middle = box.x + box.width / 2
    note = ""
    if node.note:
        note = (
            f'<text x="{middle:.1f}" y="{box.y + 32:.1f}" text-anchor="middle" font-size="10" '
            f'fill="{ink}" opacity=".8">{escape(node.note, _NOTE)}</text>'
        )
    return (
        f"<g><title>{escape(node.title)} ({escape(node.note)})</title>"
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{radius:.0f}" fill="{fill}" stroke="{ink}" stroke-opacity=".6"/>'
        f'<text x="{middle:.1f}" y="{box.y + (18 if node.note else 25):.1f}" text-anchor="middle" '
        f'font-size="12" fill="{ink}">{escape(clip(node.title, _NAME))}</text>{note}</g>'
    )


def _path(line: Line) -> str:
    """Bows from point to point that leave and enter level."""
    (x, y), *others = line.points
    text = f"M{x:.1f} {y:.1f}"
    for to_x, to_y in others:
        half = (x + to_x) / 2
        text += f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return f'<path d="{text}"/>'


def _sentence(text: str) -> str:
    width = 8 * len(text) + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="28">'
        f'<text x="8" y="19" font-size="13" fill="{_LINE}" style="{_FONT}">{escape(text)}</text>'
        "</svg>"
    )
