"""The graph of a workflow, with what became of each operator, as SVG.

Where everything stands depends on the version alone, so a drawing stays as it is while a run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from aqueduct_core.dag.layout import Line
from aqueduct_core.server.draw._places import HEAD, ROW, WIDTH, Places, row_middle
from aqueduct_core.server.draw._text import fit

__all__ = ["Card", "Row", "graph"]

_MARGIN = 20.0


@dataclass(frozen=True, slots=True)
class Row:
    """What an operator made, or found.

    Attributes:
        icon: A type of artifacts, or what else there is an icon for.
        label: What it is.
        fact: The most important that is known about it.
        href: Where it leads.
        tone: A state, for its colour.
    """

    icon: str
    label: str
    fact: str = ""
    href: str | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A node.

    Attributes:
        title: Its name.
        kind: What it is.
        note: A few words below the name.
        state: Its state; nothing for a workflow on its own.
        href: Where it leads.
        rows: What it made.
    """

    title: str
    kind: str
    note: str
    state: str = ""
    href: str | None = None
    rows: Sequence[Row] = ()


def graph(places: Places, cards: Mapping[str, Card], sprite: str, label: str) -> Markup:
    """The drawing.

    Args:
        places: Where everything stands.
        cards: The nodes by their keys in `places`.
        sprite: The URL of the icons.
        label: What it shows, for those who can't see it.
    """
    layout = places.layout
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    lines = "".join(_edge(line, places) for line in layout.lines)
    nodes = []
    for key, box in layout.boxes.items():
        draw: Callable[[Card, str], str] = _pill if key.startswith("p:") else _card
        behind = ""
        if key in places.stacks:  # it shows that there are more
            size = f'width="{box.width:g}" height="{box.height:g}"'
            behind = f'<rect class="behind" x="5" y="5" {size} rx="9"/>'
        nodes.append(
            f'<g class="node is-{escape(cards[key].state or "plain")}" transform="translate({box.x:g} {box.y:g})" '
            f'data-key="{escape(key)}" data-live="{escape(key)}">{behind}{draw(cards[key], sprite)}</g>'
        )
    return Markup(
        f'<svg class="graph" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN:g} {-_MARGIN:g} {width:.0f} {height:.0f}" role="group" '
        f'aria-label="{escape(label)}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" '
        'markerWidth="7" markerHeight="7" orient="auto"><path d="M1 1 7 4 1 7" class="tip"/></marker>'
        f'</defs><g class="edges" marker-end="url(#arrow)">{lines}</g>{"".join(nodes)}</svg>'
    )


def _edge(line: Line, places: Places) -> str:
    points = list(line.points)
    source, target = places.layout.boxes[line.source], places.layout.boxes[line.target]
    points[0] = (points[0][0], source.y + places.leaves[line.source, line.target])
    points[-1] = (
        points[-1][0] - 1,
        target.y + HEAD / 2,
    )
    x, y = points[0]
    path = f"M{x:.0f} {y:.1f}"
    for end_x, end_y in points[1:]:
        if abs(end_y - y) < 0.5:
            path += f"H{end_x:.0f}"
        else:
            middle = (x + end_x) / 2
            path += f"C{middle:.0f} {y:.1f} {middle:.0f} {end_y:.1f} {end_x:.0f} {end_y:.1f}"
        x, y = end_x, end_y
    ends = f'data-a="{escape(line.source)}" data-b="{escape(line.target)}"'
    return f'<path {ends} d="{path}"/>'


def _card(card: Card, sprite: str) -> str:
    height = HEAD + ROW * len(card.rows) + (6 if card.rows else 0)
    if card.state:
        sign = (
            f'<rect class="sign" x="11" y="13" width="18" height="18" rx="5.5"/>'
            f'<use class="glyph" href="{sprite}#{escape(card.state)}" x="13.500" y="15.500" width="13" height="13"/>'
        )
    else:
        sign = f'<use class="icon-kind" href="{sprite}#{escape(card.kind)}" x="12" y="14" width="16" height="16"/>'
    head = (
        f"<title>{escape(card.title)}: {escape(card.note)}{escape(', ' + card.state if card.state else '')}</title>"
        f'<rect class="hit" width="{WIDTH:g}" height="{HEAD:g}" rx="9"/>{sign}'
        f'<text class="name" x="38" y="19">{escape(fit(card.title, WIDTH - 48, 13, bold=True))}</text>'
        f'<text class="note" x="38" y="35">{escape(fit(card.note, WIDTH - 48, 11.5))}</text>'
    )
    rows = "".join(_row(row, row_middle(index), sprite) for index, row in enumerate(card.rows))
    return (
        f'<rect class="box" width="{WIDTH:g}" height="{height:g}" rx="9"/>'
        f"{_link(card.href, head, 'head')}{rows}"
    )


def _row(row: Row, middle: float, sprite: str) -> str:
    fact = fit(row.fact, WIDTH * 0.62, 11.5, bold=True)
    label = fit(row.label, WIDTH - 50 - 6.9 * len(fact), 11.5)
    tone = f" is-{escape(row.tone)}" if row.tone else ""
    inside = (
        f"<title>{escape(row.label)} {escape(row.fact)}</title>"
        f'<rect class="hit" x="5" y="{middle - 11:g}" width="{WIDTH - 10:g}" height="22" rx="5"/>'
        f'<use class="icon-kind" href="{sprite}#{escape(row.icon)}" x="13.500" y="{middle - 6.5:g}" width="13" height="13"/>'
        f'<text class="label" x="38" y="{middle + 4:g}">{escape(label)} </text>'
        f'<text class="fact" x="{WIDTH - 11:g}" y="{middle + 4:g}">{escape(fact)}</text>'
    )
    return _link(row.href, inside, f"row{tone}")


def _pill(card: Card, sprite: str) -> str:
    return (
        f'<g class="parameter"><title>parameter {escape(card.title)}: {escape(card.note)}</title>'
        f'<rect class="box" width="{WIDTH:g}" height="32" rx="16"/>'
        f'<use class="icon-kind" href="{sprite}#parameter" x="13" y="9.500" width="13" height="13"/>'
        f'<text class="label" x="34" y="20.500">{escape(fit(card.title, WIDTH * 0.55, 12))} </text>'
        f'<text class="fact" x="{WIDTH - 14:g}" y="20.500">{escape(fit(card.note, WIDTH * 0.32, 12, bold=True))}</text></g>'
    )


def _link(href: str | None, inside: str, name: str) -> str:
    if href is None:
        return f'<g class="{name}">{inside}</g>'
    return f'<a class="{name}" href="{escape(href)}">{inside}</a>'
