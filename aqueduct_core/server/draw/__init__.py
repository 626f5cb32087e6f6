"""Drawings as SVG: graphs of workflows, timelines, plots. No style, no script; classes only."""

from __future__ import annotations

from aqueduct_core.server.draw._bars import Bar, bars
from aqueduct_core.server.draw._charts import histogram, sparkline
from aqueduct_core.server.draw._graph import Card, Row, graph
from aqueduct_core.server.draw._places import Places, fits, key_of, places_of
from aqueduct_core.server.draw._plot import Point, plot

__all__ = [
    "Bar",
    "Card",
    "Places",
    "Point",
    "Row",
    "bars",
    "fits",
    "graph",
    "histogram",
    "key_of",
    "places_of",
    "plot",
    "sparkline",
]
