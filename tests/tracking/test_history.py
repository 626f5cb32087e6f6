"""What came out of runs, over time, and what goes when they are deleted; on each database."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from aqueduct_core.dag import Version
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import WHEN, a_ref, a_result, on_three_days, op


@pytest.fixture
def version(tracking: Tracking) -> Version:
    operators = [
        op("load", outputs=("x", "y")),
        op("score", "metric"),
        op("good", "check", severity="error"),
        op("put", "save", outputs=(), task={"integration": "shop", "table": "scores"}),
    ]
    return on_three_days(tracking, operators)


def at(number: int) -> str:
    return (WHEN + timedelta(days=number)).isoformat()


def test_artifacts_of_a_run(tracking: Tracking, version: Version) -> None:
    result = a_result(version, "load", "r0", started=at(0))
    tracking.record(version, [result])
    found = tracking.artifacts("r0")
    assert [(item.name, item.output) for item in found] == [("load.x", "x"), ("load.y", "y")]
    assert found[0].ref == result.outputs["x"]
    assert (found[0].run, found[0].flow, found[0].time) == ("r0", version.flow, WHEN)
    assert found[0].operator == version.ids["load"]


def test_artifacts_by_name_and_by_content(tracking: Tracking, version: Version) -> None:
    digest = "blake3:" + "1" * 64
    for number in range(3):
        run, known = f"r{number}", {"digest": digest} if number != 1 else {}
        outputs = {"x": a_ref(version.ids["load"], run, "x", name="Ünïcode", **known)}
        result = a_result(version, "load", run, started=at(number), outputs=outputs)
        tracking.record(version, [result])
    history = tracking.artifact_history(version.flow, "load.x")
    assert [item.run for item in history] == ["r2", "r1", "r0"]
    assert history[0].ref.name == "Ünïcode"
    assert [item.run for item in tracking.artifacts_with(digest)] == ["r2", "r0"]
    assert tracking.artifact_history(version.flow, "load.z") == []


def test_types_are_those_of_the_last_success(tracking: Tracking, version: Version) -> None:
    assert tracking.artifact_types(version.flow) == {}
    for number, state in enumerate(("succeeded", "warning", "failed")):
        run = f"r{number}"
        outputs = {"x": a_ref(version.ids["load"], run, "x", type=f"type {number}")}
        tracking.record(version, [a_result(version, "load", run, outputs=outputs)])
        tracking.finish_run(run, state)
    assert tracking.artifact_types(version.flow) == {"load.x": "type 1"}


def test_history_of_a_metric(tracking: Tracking, version: Version) -> None:
    values = [math.inf, math.nan, 0.1 + 0.2]
    for number, value in enumerate(values):
        result = a_result(version, "score", f"r{number}", started=at(number), value=value)
        tracking.record(version, [result])
    points = tracking.metric_history(version.flow, "score")
    assert [point.run for point in points] == ["r2", "r1", "r0"]
    assert points[0].value == 0.1 + 0.2
    assert math.isnan(points[1].value)
    assert points[2].value == math.inf
    assert points[2].time == WHEN
    assert len(tracking.metric_history(version.flow, "score", limit=1)) == 1


def test_history_of_a_check(tracking: Tracking, version: Version) -> None:
    for number, passed in enumerate((True, False, None)):
        reason = None if passed else "three rows are missing \0"
        result = a_result(
            version, "good", f"r{number}", started=at(number), passed=passed, reason=reason
        )
        tracking.record(version, [result])
    points = tracking.check_history(version.flow, "good")
    assert [(point.run, point.passed) for point in points] == [
        ("r2", None),
        ("r1", False),
        ("r0", True),
    ]
    assert (points[1].severity, points[1].reason) == ("error", "three rows are missing \\x00")


def test_who_saved_what(tracking: Tracking, version: Version) -> None:
    for number, table in enumerate(("scores", "scores", "SCORES")):
        detail = {"table": table, "rows": 10}
        result = a_result(version, "put", f"r{number}", started=at(number), detail=detail)
        tracking.record(version, [result])
    held_back = a_result(version, "put", "r0", attempt=2, state="skipped", reason="held back")
    tracking.record(version, [held_back])
    assert [save.run for save in tracking.saves()] == ["r2", "r1"]
    first = tracking.saves(flow=version.flow, integration="shop", target="scores")
    assert [(save.run, save.name, save.detail["rows"]) for save in first] == [("r1", "put", 10)]
    assert tracking.saves(integration="other") == []
    assert tracking.saved_objects(version.flow) == [("shop", "SCORES"), ("shop", "scores")]


def finished(tracking: Tracking, version: Version, cached: str | None = None) -> None:
    """Let the three runs load and end; the last one takes what an earlier one made."""
    operator = version.ids["load"]
    for number in range(3):
        run = f"r{number}"
        source = cached if number == 2 else None
        outputs = {name: a_ref(operator, source or run, name) for name in "xy"}
        result = a_result(version, "load", run, outputs=outputs, cached=source)
        tracking.record(version, [result])
        tracking.finish_run(run, "succeeded")


def test_runs_beyond_the_newest_expire(tracking: Tracking, version: Version) -> None:
    tracking.start_run("running", version.flow, version.digest, started=WHEN - timedelta(days=9))
    finished(tracking, version)
    assert tracking.expired_runs(version.flow, keep=1) == ["r0", "r1"]
    assert tracking.expired_runs(version.flow, keep=3) == []


def test_deleted_runs_name_their_data(tracking: Tracking, version: Version) -> None:
    finished(tracking, version)
    operator = version.ids["load"]
    assert tracking.delete_runs(version.flow, ["r0", "r1", "unknown"]) == [
        (operator, "r0"),
        (operator, "r1"),
    ]
    assert [run.id for run in tracking.runs()] == ["r2"]
    assert [item.run for item in tracking.artifact_history(version.flow, "load.x")] == ["r2"]


def test_data_that_a_later_run_took_stays_until_that_goes(
    tracking: Tracking, version: Version
) -> None:
    finished(tracking, version, cached="r0")
    operator = version.ids["load"]
    assert tracking.delete_runs(version.flow, ["r0", "r1"]) == [(operator, "r1")]
    assert tracking.delete_runs(version.flow, ["r2"]) == [(operator, "r0"), (operator, "r2")]


def test_data_of_a_run_that_is_left_stays(tracking: Tracking, version: Version) -> None:
    finished(tracking, version, cached="r0")
    assert tracking.delete_runs(version.flow, ["r2"]) == [(version.ids["load"], "r2")]


def test_a_workflow_shows_the_newest_run_that_is_left(tracking: Tracking, version: Version) -> None:
    finished(tracking, version)
    tracking.delete_runs(version.flow, ["r2"])
    flow = tracking.flow(version.flow)
    assert (flow.last_run, flow.last_started) == ("r1", WHEN + timedelta(days=1))
    tracking.delete_runs(version.flow, ["r0", "r1"])
    flow = tracking.flow(version.flow)
    assert (flow.last_run, flow.last_state, flow.last_started) == (None, None, None)
