"""Runs that are looked for, on each database."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from aqueduct_core.dag import Version
from aqueduct_core.errors import ParameterError
from aqueduct_core.tracking import RunFilter, Tracking
from tests.tracking.toys import WHEN, a_result, a_version, op

# Key, state, seconds, value of the metric, parameters, reason.
RUNS: list[tuple[str, str, float | None, float | None, dict[str, Any], str | None]] = [
    ("a", "succeeded", 2.5, 0.25, {"limit": {"value": 7}}, None),
    ("b", "failed", 90.0, None, {"limit": {"value": -1}}, "ValueError: a negative limit"),
    ("c", "succeeded", 2.5, 0.1 + 0.2, {"place": {"value": "Zürich"}}, None),
    ("d", "running", None, float("nan"), {}, None),
    ("e", "warning", 0.1, -4.0, {}, "100% of_it were late: 12:30"),
    ("manual__2026-03-06T06%3A00%3A00", "succeeded", 1 / 3, 12.0, {}, None),
    ("g", "running", None, None, {}, None),
]
LAST = RUNS[5][0]


@pytest.fixture
def version(tracking: Tracking) -> Version:
    """A workflow with a run a day, and another one that is in nobody's way."""
    version, other = a_version(operators=[op("auc", "metric")]), a_version("Other")
    tracking.publish(version)
    tracking.publish(other)
    tracking.start_run("a", other.flow, other.digest, started=WHEN)
    for day, (key, state, seconds, value, parameters, reason) in enumerate(RUNS):
        started = WHEN + timedelta(days=day)
        tracking.start_run(
            key, version.flow, version.digest, started=started, parameters=parameters
        )
        if value is not None:
            result = a_result(version, "auc", key, value=value)
            tracking.record(version, [result])
        if seconds is not None:
            ended = started + timedelta(seconds=seconds)
            tracking.finish_run(key, state, reason=reason, ended=ended, flow=version.flow)
    return version


def found(tracking: Tracking, version: Version, **wanted: Any) -> list[str]:
    """All pages of a list, three runs at a time."""
    order = wanted.pop("order", "started")
    which = RunFilter(**wanted)
    seen, cursor = [], None
    while True:
        page = tracking.find_runs(version.flow, which, order=order, cursor=cursor, limit=3)
        seen += [run.id for run in page]
        cursor = page.cursor
        if cursor is None:
            assert tracking.count_runs(version.flow, which) == len(seen)
            return seen


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("started", ["g", LAST, "e", "d", "c", "b", "a"]),
        ("-started", ["a", "b", "c", "d", "e", LAST, "g"]),
        ("seconds", ["b", "c", "a", LAST, "e", "g", "d"]),
        ("-seconds", ["e", LAST, "a", "c", "b", "d", "g"]),
        ("metrics.auc", [LAST, "c", "a", "e", "g", "d", "b"]),
        ("-metrics.auc", ["e", "a", "c", LAST, "b", "d", "g"]),
        ("metrics.unheard of", ["g", LAST, "e", "d", "c", "b", "a"]),
    ],
)
def test_runs_are_ordered_and_those_without_a_value_come_last(
    tracking: Tracking, version: Version, order: str, expected: list[str]
) -> None:
    assert found(tracking, version, order=order) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", ["g", LAST, "e", "d", "c", "b", "a"]),
        ("NEGATIVE", ["b"]),
        ("limit", ["b", "a"]),
        ("limit = -1", ["b"]),
        ("limit=7 ", ["a"]),
        ("limit = 1", []),
        ("limit = ", ["b", "a"]),
        ("place = zür", ["c"]),
        ("place = ich", []),
        ('place = zürich"', []),
        ("ZÜRICH", ["c"]),
        ("100% of_it", ["e"]),
        ("100_", []),
        ("2026-03-06 06:00", [LAST]),
        ("nothing like it", []),
        ("\0 \ud800", []),
    ],
)
def test_runs_are_found_by_words(
    tracking: Tracking, version: Version, search: str, expected: list[str]
) -> None:
    assert found(tracking, version, search=search) == expected


def test_runs_are_found_by_state_and_day(tracking: Tracking, version: Version) -> None:
    third = WHEN + timedelta(days=2)
    assert found(tracking, version, states=["succeeded"]) == [LAST, "c", "a"]
    assert found(tracking, version, states=["failed", "warning"]) == ["e", "b"]
    assert found(tracking, version, states=[]) == []
    assert found(tracking, version, since=third) == ["g", LAST, "e", "d", "c"]
    assert found(tracking, version, until=third) == ["b", "a"]
    later = third.astimezone(timezone(timedelta(hours=9)))
    wanted = {"since": later, "until": later + timedelta(days=3), "states": ["succeeded"]}
    assert found(tracking, version, **wanted, order="-seconds") == ["c"]
    naive = third.replace(tzinfo=None)
    assert found(tracking, version, until=naive) == ["b", "a"], "taken as UTC"
    before_the_calendar = RunFilter(since=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))))
    with pytest.raises(ParameterError, match="no run at"):
        tracking.find_runs(version.flow, before_the_calendar)


def test_nobody_counts_further_than_is_shown(tracking: Tracking, version: Version) -> None:
    assert tracking.count_runs(version.flow) == 7
    assert tracking.count_runs(version.flow, most=2) == 3


@pytest.mark.parametrize("order", ["", "-", "metrics.", "state", "started; DROP"])
def test_an_order_that_there_is_not_is_refused(
    tracking: Tracking, version: Version, order: str
) -> None:
    with pytest.raises(ParameterError, match="can't be ordered"):
        tracking.find_runs(version.flow, RunFilter(), order=order)


@pytest.mark.parametrize("values", [[None, None], [None, 1], ["x", 1], [1.5, None]])
@pytest.mark.parametrize("order", ["started", "seconds"])
def test_a_cursor_that_somebody_made_up_is_refused(
    tracking: Tracking, version: Version, order: str, values: list[Any]
) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode()
    if (order, values) == ("seconds", [None, 1]):  # such rows there are
        assert tracking.find_runs(version.flow, RunFilter(), order=order, cursor=cursor).items == ()
        return
    with pytest.raises(ParameterError, match="no cursor"):
        tracking.find_runs(version.flow, RunFilter(), order=order, cursor=cursor)
