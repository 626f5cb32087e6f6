"""Results of operators, on each database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aqueduct_core.dag import Version
from aqueduct_core.errors import NotFoundError
from aqueduct_core.runtime import Failure
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import a_result, a_version, op


@pytest.fixture
def version(tracking: Tracking) -> Version:
    version = a_version(operators=[op("load", outputs=("x", "y")), op("train"), op("apply")])
    tracking.publish(version)
    tracking.start_run("r", version.flow, version.digest)
    return version


def test_results_are_read_as_they_were_recorded(tracking: Tracking, version: Version) -> None:
    failure = Failure.of(ValueError("\0 \ud800 🦆"))
    results = [
        a_result(version, "load", "r", peak_memory=1 << 40, inputs={"x": "blake3:11"}),
        a_result(
            version, "train", "r", state="failed", outputs={}, error=failure, reason="\0 \ud800 🦆"
        ),
        a_result(version, "apply", "r", state="skipped", outputs={}, reason="train failed"),
    ]
    assert tracking.record(version, reversed(results)) == 3
    assert tracking.results("r") == results, "in the order of the graph"
    assert tracking.result("r", "train") == results[1]
    assert tracking.result("r", "no such") is None


def test_recording_again_changes_nothing(tracking: Tracking, version: Version) -> None:
    results = [a_result(version, name, "r") for name in version.spec.operators]
    assert tracking.record(version, results) == 3
    last = tracking.last_event()
    assert tracking.record(version, results) == 0
    assert tracking.record(version, []) == 0
    assert tracking.results("r") == results
    assert tracking.last_event() == last


def test_a_newer_attempt_takes_the_place(tracking: Tracking, version: Version) -> None:
    first = a_result(version, "load", "r", state="failed", outputs={}, reason="no network")
    second = a_result(version, "load", "r", attempt=2)
    third = a_result(version, "load", "r", attempt=3, outputs={})
    for result in (first, second, third):
        assert tracking.record(version, [result]) == 1
    assert tracking.results("r") == [third]
    assert tracking.attempts("r", "load") == [first, second, third]
    assert tracking.artifacts("r") == [], "the outputs of the attempts before are gone"


def test_an_older_attempt_never_takes_the_place_of_a_newer(
    tracking: Tracking, version: Version
) -> None:
    first = a_result(version, "load", "r", state="failed", outputs={})
    second = a_result(version, "load", "r", attempt=2)
    for results in ([second], [first], [first], [second, first]):
        tracking.record(version, results)
        assert tracking.results("r") == [second]
    assert tracking.attempts("r", "load") == [first, second]
    assert [item.name for item in tracking.artifacts("r")] == ["load.x", "load.y"]


def test_all_attempts_may_come_in_one_batch(tracking: Tracking, version: Version) -> None:
    attempts = [a_result(version, "train", "r", attempt=number) for number in (1, 3, 2)]
    assert tracking.record(version, [*attempts, attempts[0]]) == 2, "a newer one, and its newer"
    assert tracking.results("r") == [attempts[1]]
    assert tracking.attempts("r", "train") == [attempts[0], attempts[2], attempts[1]]


def test_what_runs_comes_to_an_end(tracking: Tracking, version: Version) -> None:
    running = a_result(version, "train", "r", state="running", outputs={}, seconds={})
    ended = replace(running, state="succeeded", seconds={"run": 1.0})
    assert tracking.record(version, [running]) == 1
    assert tracking.record(version, [ended]) == 1
    assert tracking.record(version, [running]) == 0, "news that came late"
    assert tracking.results("r") == [ended]
    assert tracking.attempts("r", "train") == [ended]
    told = [(item.operator, item.state) for item in tracking.events() if item.kind == "result"]
    assert told == [("train", "running"), ("train", "succeeded")]


def test_results_of_no_operator_are_refused(tracking: Tracking, version: Version) -> None:
    other = a_version("Other", [op("other")])
    with pytest.raises(NotFoundError, match="no operator 'other'"):
        tracking.record(version, [a_result(other, "other", "r")])


def test_a_thousand_results_are_one_batch(tracking: Tracking) -> None:
    version = a_version("Wide", [op(f"op {number}") for number in range(1001)])
    tracking.publish(version)
    tracking.start_run("r", version.flow, version.digest)
    results = [a_result(version, name, "r") for name in version.spec.operators]
    assert tracking.record(version, results[:501]) == 501
    assert tracking.record(version, results) == 500
    again = [replace(result, attempt=2) for result in results]
    assert tracking.record(version, again) == 1001
    assert tracking.results("r") == again
    assert len(tracking.artifacts("r")) == 1001


def test_results_of_several_runs_may_come_together(tracking: Tracking, version: Version) -> None:
    tracking.start_run("s", version.flow, version.digest)
    results = [a_result(version, "load", run) for run in ("r", "s")]
    assert tracking.record(version, results) == 2
    assert tracking.results("s") == [results[1]]


def test_a_run_that_was_never_started_has_no_results(tracking: Tracking, version: Version) -> None:
    results = [a_result(version, "load", run) for run in ("r", "unknown")]
    with pytest.raises(NotFoundError, match="unknown"):
        tracking.record(version, results)
    assert tracking.results("r") == [], "all of a batch, or nothing"


@pytest.mark.parametrize("seconds", [{}, {"load": 0.1, "run": 1e6}])
def test_history_of_an_operator(
    tracking: Tracking, version: Version, seconds: dict[str, Any]
) -> None:
    changed = a_version(operators=[op("load", outputs=("x", "y"))])
    tracking.publish(changed)
    tracking.start_run("s", changed.flow, changed.digest)
    old = a_result(version, "load", "r", seconds=seconds)
    new = a_result(changed, "load", "s", cached="r", attempt=2)
    tracking.record(version, [old])
    tracking.record(changed, [new])
    history = tracking.operator_history(version.flow, "load")
    assert [(item.run, item.attempt, item.cached) for item in history] == [
        ("s", 2, "r"),
        ("r", 1, None),
    ]
    assert history[1].seconds == pytest.approx(old.duration)
    assert history[0].started.isoformat() == new.started
