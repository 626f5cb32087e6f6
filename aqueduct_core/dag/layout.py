"""Where the boxes and lines of a graph go: layers from left to right, and as few crossings as is cheap.

Pure geometry: the same graph gives the same drawing, and nothing here knows how one is drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Box", "Layout", "Line", "layers", "layout"]

_SWEEPS = 6  # more hardly changes the order any further
_PASSES = 4
_ROUTED = 12  # layers; longer lines are drawn straight, behind the boxes that are in the way
_SLIM = 10.0  # the height that a line takes in the layers that it passes

_Knot = tuple[str, int]  # a box is (name, -1); a line from `name` through a layer is (name, layer)


@dataclass(frozen=True, slots=True)
class Box:
    """A node.

    Attributes:
        x: Its left edge.
        y: Its upper edge.
        width: As it was asked for.
        height: As it was asked for.
    """

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """An edge.

    Attributes:
        source: The node that it leaves, at the right.
        target: The node that it enters, at the left.
        points: From end to end; those between are where it passes other layers.
    """

    source: str
    target: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph with places.

    Attributes:
        width: The extent to the right; the origin is at the upper left.
        height: The extent downwards.
        boxes: The nodes by name.
        lines: The edges, as they were given.
    """

    width: float
    height: float
    boxes: Mapping[str, Box]
    lines: tuple[Line, ...]


def layers(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The layer of each node, from 0: one to the right of the last node that it needs.

    What needs nothing stands directly before what needs it first.

    Args:
        nodes: The nodes, each after those that it needs.
        edges: Pairs of nodes: what is needed, and what needs it.
    """
    needs, needed = defaultdict(list), defaultdict(list)
    for source, target in edges:
        needs[target].append(source)
        needed[source].append(target)
    found: dict[str, int] = {}
    for node in nodes:
        found[node] = max((found[source] + 1 for source in needs[node]), default=0)
    for node in found:
        if needed[node] and not needs[node]:
            found[node] = min(found[target] for target in needed[node]) - 1
    return found


def layout(
    sizes: Mapping[str, tuple[float, float]],
    edges: Iterable[tuple[str, str]],
    *,
    across: float = 48.0,
    between: float = 14.0,
) -> Layout:
    """Place a graph.

    Args:
        sizes: Width and height of each node; each node comes after those that it needs.
        edges: Pairs of nodes: what is needed, and what needs it.
        across: The space between layers.
        between: The space between nodes of a layer.
    """
    pairs = list(dict.fromkeys(edges))
    layer = layers(sizes, pairs)
    rows, links = _knots(layer, pairs)
    _untangle(rows, links)
    knots = [knot for row in rows for knot in row]
    heights = {knot: (sizes[knot[0]][1] if knot[1] < 0 else _SLIM) + between for knot in knots}
    middle = _settle(rows, links, heights)
    top = min((middle[knot] - heights[knot] / 2 for knot in knots), default=0.0) + between / 2
    middle = {knot: value - top for knot, value in middle.items()}
    bottom = max((middle[knot] + heights[knot] / 2 for knot in knots), default=0.0) - between / 2
    columns = _columns(rows, sizes, across)
    boxes = {
        name: Box(columns[layer[name]][0], middle[name, -1] - size[1] / 2, *size)
        for name, size in sizes.items()
    }
    width = max((right for _, right in columns), default=0.0)
    lines = tuple(_line(source, target, boxes, layer, columns, middle) for source, target in pairs)
    return Layout(width, max(bottom, 0.0), boxes, lines)


def _knots(
    layer: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[_Knot]], dict[_Knot, list[_Knot]]]:
    """The knots of each layer, and for each knot those of the next layer that it is tied to."""
    rows: list[list[_Knot]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name, index in layer.items():
        rows[index].append((name, -1))
    links: dict[_Knot, list[_Knot]] = defaultdict(list)
    for source, target in edges:
        if layer[target] - layer[source] > _ROUTED:
            continue
        before = (source, -1)
        for index in range(layer[source] + 1, layer[target]):
            # All lines of one node share their way until they part.
            knot = (source, index)
            if knot not in links[before]:
                links[before].append(knot)
                rows[index].append(knot)
            before = knot
        links[before].append((target, -1))
    return rows, links


def _untangle(rows: list[list[_Knot]], links: Mapping[_Knot, Sequence[_Knot]]) -> None:
    """Sort each layer by where its neighbours are, to and fro."""
    back = _turned(links)
    place = {knot: index for row in rows for index, knot in enumerate(row)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        ties = back if forward else links
        for row in rows if forward else reversed(rows):
            wish = {knot: _mean([place[near] for near in ties.get(knot, ())]) for knot in row}
            ranked = [place[knot] if wish[knot] is None else wish[knot] for knot in row]
            order = sorted(range(len(row)), key=lambda index: (ranked[index], index))
            row[:] = [row[index] for index in order]
            place.update((knot, index) for index, knot in enumerate(row))


def _settle(
    rows: Sequence[Sequence[_Knot]],
    links: Mapping[_Knot, Sequence[_Knot]],
    heights: Mapping[_Knot, float],
) -> dict[_Knot, float]:
    """The middle of each knot: as near to its neighbours as the others of its layer allow."""
    back = _turned(links)
    middle: dict[_Knot, float] = {}
    for row in rows:
        middle.update(zip(row, _apart([0.0] * len(row), [heights[k] for k in row]), strict=True))
    for turn in range(_PASSES):
        forward = turn % 2 == 0
        ties = back if forward else links
        for row in rows if forward else reversed(rows):
            means = [_mean([middle[near] for near in ties.get(knot, ())]) for knot in row]
            wish = [middle[k] if m is None else m for k, m in zip(row, means, strict=True)]
            middle.update(zip(row, _apart(wish, [heights[k] for k in row]), strict=True))
    return middle


def _apart(wish: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The middles nearest to those wished for (least squares) that don't overlap.

    Isotonic regression: neighbours that would overlap become one block at their mean.
    """
    offsets, total = [], 0.0
    for height in heights:
        offsets.append(total + height / 2)
        total += height
    blocks: list[tuple[float, int]] = []  # mean and count
    for wished, offset in zip(wish, offsets, strict=True):
        mean, count = wished - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, members = blocks.pop()
            mean = (mean * count + other * members) / (count + members)
            count += members
        blocks.append((mean, count))
    starts = [mean for mean, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _columns(
    rows: Sequence[Sequence[_Knot]], sizes: Mapping[str, tuple[float, float]], across: float
) -> list[tuple[float, float]]:
    """The left and the right edge of each layer."""
    found, x = [], 0.0
    for row in rows:
        right = x + max(sizes[name][0] for name, passed in row if passed < 0)
        found.append((x, right))
        x = right + across
    return found


def _line(
    source: str,
    target: str,
    boxes: Mapping[str, Box],
    layer: Mapping[str, int],
    columns: Sequence[tuple[float, float]],
    middle: Mapping[_Knot, float],
) -> Line:
    start, end = boxes[source], boxes[target]
    points = [(start.x + start.width, middle[source, -1])]
    if layer[target] - layer[source] <= _ROUTED:
        for index in range(layer[source] + 1, layer[target]):
            # Level between the boxes of a layer, so that it doesn't touch them.
            points += [(x, middle[source, index]) for x in columns[index]]
    return Line(source, target, (*points, (end.x, middle[target, -1])))


def _turned(links: Mapping[_Knot, Sequence[_Knot]]) -> dict[_Knot, list[_Knot]]:
    turned: dict[_Knot, list[_Knot]] = defaultdict(list)
    for knot, others in links.items():
        for other in others:
            turned[other].append(knot)
    return turned


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
