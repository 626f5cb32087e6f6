"""Small pictures of numbers."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from aqueduct_core.server.draw import Bar, Point, bars, histogram, plot, sparkline
from aqueduct_core.server.draw.charts import Verdict, phases, shade, spread, verdicts

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
EVIL = "<script>alert('x')</script> & \"more\""


def parsed(svg: str) -> ET.Element:
    """The picture, which is well formed and has no style and no script."""
    root = ET.fromstring(svg)
    for item in root.iter():
        assert item.tag != "script"
        assert not any(name == "style" or name.startswith("on") for name in item.attrib)
    return root


@pytest.mark.parametrize(
    "svg",
    [
        sparkline([1.0, 2.0], EVIL),
        histogram([1, 2], ["<a>", "b", "c"], EVIL),
        plot([Point(1.0, NOON, EVIL, EVIL)], label=EVIL, bounds={EVIL: 2.0}),
        bars([Bar("failed", 1.0, EVIL, EVIL)]),
        verdicts([Verdict("failed", EVIL, EVIL, 2)]),
        phases({EVIL: 1.0}),
        spread([1, 2], EVIL),
    ],
)
def test_text_stays_text(svg: str) -> None:
    parsed(svg)


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    svg = parsed(sparkline([1.0, 2.0, None, 3.0, math.nan, 4.0, 5.0]))
    assert len([item for item in svg.iter("path") if item.get("class") != "area"]) == 2
    [dot] = svg.iter("circle")
    assert float(dot.attrib["cx"]) == 85.0


def test_what_never_changes_is_a_line_in_the_middle() -> None:
    assert 'cy="13.0"' in sparkline([5.0, 5.0, 5.0])


@pytest.mark.parametrize("values", [[], [None], [math.nan, math.inf]])
def test_nothing_known_is_no_picture(values: list[float | None]) -> None:
    assert sparkline(values) == ""
    assert plot([Point(value, NOON, "", "/") for value in values], label="") == ""


def test_a_rare_value_is_seen_in_a_histogram() -> None:
    heights = [
        float(item.attrib["height"]) for item in parsed(histogram([1000, 1, 0])).iter("rect")
    ]
    assert heights == [32.0, 1.2, 0.0]
    assert histogram([]) == spread([], "") == spread([0, 0], "") == ""


def test_points_of_a_plot_lead_to_their_runs_and_bounds_are_drawn() -> None:
    points = [Point(value, NOON, f"run {value}", f"/runs/{value}") for value in (1.0, 5.0, 3.0)]
    svg = plot(points, label="scores", bounds={"at most": 6.0})
    assert re.findall(r'href="(/runs/[^"]+)"', svg) == ["/runs/1.0", "/runs/5.0", "/runs/3.0"]
    assert "at most" in svg
    heights = [float(item.attrib["cy"]) for item in parsed(svg).iter("circle")]
    assert heights[1] < heights[2] < heights[0]


@pytest.mark.parametrize(("pause", "told"), [(1, "12:00:01"), (3600, "1 Dec 13:00")])
def test_moments_on_an_axis_are_told_apart(pause: int, told: str) -> None:
    points = [Point(1.0, NOON + timedelta(seconds=pause * k), "", "/") for k in range(3)]
    words = [
        item for item in parsed(plot(points, label="")).iter("text") if "data-at" in item.attrib
    ]
    assert words[1].text == told
    assert len({item.text for item in words}) == 3
    assert words[0].attrib["data-at"] == "2026-12-01T12:00:00Z"


def test_versions_are_marked_where_they_begin() -> None:
    points = [Point(1.0, NOON, "", "/", version=1), Point(2.0, NOON, "", "/", version=2)]
    assert plot(points, label="").count('class="version-word"') == 2


def test_a_bar_is_as_high_as_its_run_was_long() -> None:
    svg = parsed(bars([Bar("succeeded", 10, "/a", ""), Bar("failed", 5, "/b", "")]))
    heights = [float(item.attrib["height"]) for item in svg.iter("rect")]
    assert heights[:2] == [30.0, 15.0]
    assert len(heights) == 3, "failure has a mark besides its colour"


def test_verdicts_are_told_apart_without_colour() -> None:
    strip = [Verdict(state, "/", "") for state in ("succeeded", "failed", "skipped")]
    marks = [item.attrib["d"][3:] for item in parsed(verdicts(strip)).iter("path")]
    assert len({re.sub(r"\d+", "", mark) for mark in marks}) == 3


def test_phases_are_as_wide_as_they_were_long() -> None:
    widths = [
        float(item.attrib["width"]) for item in parsed(phases({"load": 1, "run": 3})).iter("rect")
    ]
    assert widths == pytest.approx([80, 238], abs=3)
    assert phases({"load": 0.0}) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0),
        (10, 8),
        (5, 4),
        (-3, 0),
        (99, 8),
        (True, 8),
        (False, 0),
        ("x", None),
        (math.nan, None),
    ],
)
def test_the_larger_the_darker(value: object, expected: int | None) -> None:
    assert shade(value, 0, 10) == expected


def test_where_all_is_the_same_nothing_is_dark() -> None:
    assert shade(3, 3, 3) is None
