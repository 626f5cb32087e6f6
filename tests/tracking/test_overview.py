"""What pages about many runs at once ask for; on each database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aqueduct_core.dag import Version
from aqueduct_core.tracking import RunRecord, Tracking
from tests.tracking.toys import WHEN, a_result, on_three_days, op


@pytest.fixture
def version(tracking: Tracking) -> Version:
    operators = [
        op("load"),
        op("good", "check", severity="error"),
        op("put", "save", outputs=(), task={"integration": "shop", "table": "scores"}),
        op("copy", "save", outputs=(), task={"integration": "shop", "table": "copies"}),
    ]
    return on_three_days(tracking, operators)


def record(tracking: Tracking, version: Version, name: str, number: int, **known: object) -> None:
    started = (WHEN + timedelta(days=number)).isoformat()
    tracking.record(version, [a_result(version, name, f"r{number}", started=started, **known)])


def by_key(tracking: Tracking, version: Version) -> dict[str, RunRecord]:
    return {run.id: run for run in tracking.runs(version.flow)}


def test_newest_runs_of_several_workflows(tracking: Tracking, version: Version) -> None:
    found = tracking.newest_runs([version.flow, "none"], limit=2)
    assert [run.id for run in found[version.flow]] == ["r2", "r1"]
    assert found["none"] == []
    assert tracking.flow_names([version.flow, "none"]) == {version.flow: version.name}


def test_states_of_operators_in_several_runs(tracking: Tracking, version: Version) -> None:
    record(tracking, version, "load", 0)
    record(tracking, version, "load", 1, cached="r0")
    record(tracking, version, "good", 1, state="failed", outputs={})
    runs = by_key(tracking, version)
    found = tracking.states_of(runs.values(), ["load", "good"])
    assert found == {
        (version.flow, "r0"): {"load": "succeeded"},
        (version.flow, "r1"): {"load": "cached", "good": "failed"},
    }
    assert tracking.states_of([runs["r1"]], ["good"]) == {(version.flow, "r1"): {"good": "failed"}}
    assert tracking.states_of([], ["load"]) == {}
    assert tracking.states_of(runs.values(), []) == {}


def test_the_last_save_into_each_table(tracking: Tracking, version: Version) -> None:
    assert tracking.last_saves() == []
    for number in (0, 2, 1):
        record(tracking, version, "put", number, outputs={}, detail={"rows": number})
    record(tracking, version, "copy", 1, outputs={}, detail={"rows": 7})
    found = tracking.last_saves()
    assert [(save.target, save.run, times) for save, times in found] == [
        ("scores", "r2", 3),
        ("copies", "r1", 1),
    ]
    assert found[0][0] == tracking.saves(target="scores", limit=1)[0]
    assert [save.target for save, _ in tracking.last_saves(limit=1)] == ["scores"]
    assert tracking.saved_places() == [("shop", "scores", 3), ("shop", "copies", 1)]


def test_one_of_several_takes_over_what_nobody_looks_after(
    tracking: Tracking, version: Version
) -> None:
    before = tracking.run("r0")
    assert tracking.take_over(before, "machine:2")
    assert tracking.run("r0").owner == "machine:2"
    assert not tracking.take_over(before, "machine:3"), "somebody was quicker"
    again = tracking.run("r0")
    tracking.heartbeat("r0")
    if tracking.run("r0").heartbeat != again.heartbeat:
        assert not tracking.take_over(again, "machine:3"), "it is alive"
    tracking.finish_run("r0", "succeeded")
    assert not tracking.take_over(tracking.run("r0"), "machine:3"), "it has ended"
    assert tracking.run("r0").owner == "machine:2"
