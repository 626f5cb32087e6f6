"""Workflows run after others have succeeded: once for each success."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from aqueduct_core.dag import Hourly, schedule_spec
from tests.scheduler.toys import Bench


def runs(bench: Bench, name: str) -> list[str]:
    return [run for flow, run, *_ in bench.fired if flow == name]


def test_each_success_starts_one_run(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    scheduler.tick()
    assert bench.fired == []
    bench.succeed(first, "one")
    bench.succeed(first, "two")
    scheduler.tick()
    scheduler.tick()
    assert runs(bench, "Second") == [f"after-{first[:8]}-one", f"after-{first[:8]}-two"]
    record = bench.tracking.run(f"after-{first[:8]}-one")
    assert record.trigger == "after"


def test_a_warning_is_a_success_and_a_failure_is_none(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    scheduler.tick()
    for state in ("failed", "canceled", "skipped", "warning"):
        bench.succeed(first, state, state)
    scheduler.tick()
    assert runs(bench, "Second") == [f"after-{first[:8]}-warning"]


def test_a_retry_that_succeeds_is_a_success(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    bench.succeed(first, "one", "failed")
    scheduler.tick()
    bench.succeed(first, "one")
    scheduler.tick()
    assert len(runs(bench, "Second")) == 1


def test_chains_and_several_followers(bench: Bench) -> None:
    first = bench.publish("First")
    second = bench.publish("Second", after="First")
    bench.publish("Also", after="First")
    bench.publish("Third", after="Second")
    scheduler = bench.scheduler()
    bench.succeed(first, "one")
    scheduler.tick()
    [run] = runs(bench, "Second")
    assert len(runs(bench, "Also")) == 1
    bench.tracking.finish_run(run, "succeeded", flow=second)
    scheduler.tick()
    assert runs(bench, "Third") == [f"after-{second[:8]}-{run}"]


def test_after_a_downtime_the_last_success_is_made_up_for(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First")
    bench.scheduler().tick()
    for run in ("one", "two", "three"):
        bench.succeed(first, run)
    again = bench.scheduler()
    again.tick()
    again.tick()
    assert runs(bench, "Second") == [f"after-{first[:8]}-three"]
    bench.scheduler().tick()
    assert len(runs(bench, "Second")) == 1


def test_what_succeeded_before_nobody_waited_for(bench: Bench) -> None:
    first = bench.publish("First")
    bench.succeed(first, "one")
    bench.publish("Second", after="First")
    bench.scheduler().tick()
    assert bench.fired == []


def test_a_paused_follower_does_not_follow(bench: Bench) -> None:
    first = bench.publish("First")
    second = bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    scheduler.tick()
    bench.tracking.pause(second)
    bench.succeed(first, "one")
    scheduler.tick()
    bench.tracking.resume(second)
    scheduler.tick()
    assert bench.fired == []


def test_two_schedulers_follow_once(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First")
    one, other = bench.scheduler(owner="here:1"), bench.scheduler(owner="there:2")
    for scheduler in (one, other):
        scheduler.tick()
    bench.succeed(first, "one")
    for scheduler in (one, other):
        scheduler.tick()
    assert len(runs(bench, "Second")) == 1


def test_followers_of_other_engines_are_started_too(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First", engine="airflow_cluster")
    scheduler = bench.scheduler()
    bench.succeed(first, "one")
    scheduler.tick()
    assert len(runs(bench, "Second")) == 1


def test_a_trigger_that_fails_is_recorded(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    first = bench.publish("First")
    second = bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    scheduler._trigger = lambda *_: 1 / 0
    bench.succeed(first, "one")
    with caplog.at_level("CRITICAL", "aqueduct_core.scheduler"):
        scheduler.tick()
    run = bench.tracking.latest_run(second)
    assert run is not None
    assert (run.state, run.trigger) == ("failed", "after")
    scheduler.tick()
    assert bench.tracking.latest_run(second) == run


def test_long_keys_of_runs_stay_short_and_different(bench: Bench) -> None:
    first = bench.publish("First")
    bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    scheduler.tick()
    for end in "ab":
        bench.succeed(first, "x" * 200 + end)
    scheduler.tick()
    one, other = runs(bench, "Second")
    assert one != other
    assert max(len(one), len(other)) < 120


def test_a_scheduled_run_is_followed(bench: Bench, noon: datetime) -> None:
    first = bench.publish("First", schedule=schedule_spec(Hourly()))
    bench.publish("Second", after="First")
    scheduler = bench.scheduler()
    scheduler.tick(noon - timedelta(minutes=1))
    scheduler.tick(noon)
    bench.tracking.finish_run("scheduled-2026-06-01T1200Z", "succeeded", flow=first)
    scheduler.tick(noon)
    assert runs(bench, "Second") == [f"after-{first[:8]}-scheduled-2026-06-01T1200Z"]
