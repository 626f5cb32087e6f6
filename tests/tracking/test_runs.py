"""Runs, on each database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from aqueduct_core.dag import Version
from aqueduct_core.errors import NotFoundError, ParameterError, TrackingError
from aqueduct_core.tracking import Tracking
from aqueduct_core.tracking._tables import runs
from tests.tracking.toys import a_version

WHEN = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture
def version(tracking: Tracking) -> Version:
    version = a_version()
    tracking.publish(version)
    return version


def test_a_run_is_read_as_it_was_started(tracking: Tracking, version: Version) -> None:
    parameters = {"rate": {"value": 0.1}, "name": {"value": "\0 \ud800 🦆"}}
    started = tracking.start_run(
        "r",
        version.flow,
        version.digest,
        parameters=parameters,
        trigger="schedule",
        scheduled_for=WHEN,
        owner="host:12",
        started=WHEN,
    )
    run = tracking.run("r")
    assert run == started
    assert (run.flow, run.version, run.engine) == (version.flow, version.digest, "local")
    assert (run.state, run.trigger, run.owner) == ("running", "schedule", "host:12")
    assert run.parameters == parameters
    assert run.started == run.scheduled_for == WHEN
    assert run.started.tzinfo is UTC
    assert (run.ended, run.seconds, run.cancel_requested) == (None, None, False)


def test_a_run_ends_once(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest, started=WHEN)
    ended = WHEN + timedelta(seconds=90, microseconds=5)
    for _ in range(2):
        tracking.finish_run("r", "failed", reason="train failed\0", ended=ended)
    run = tracking.run("r")
    assert (run.state, run.ended, run.reason) == ("failed", ended, "train failed\\x00")
    assert run.seconds == pytest.approx(90.000005)
    flow = tracking.flow(version.flow)
    assert (flow.last_run, flow.last_state, flow.last_started) == ("r", "failed", WHEN)
    told = [event.state for event in tracking.events() if event.kind == "run"]
    assert told == ["running", "failed"]


def test_a_run_can_go_on(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest, owner="a:1", started=WHEN)
    tracking.request_cancel("r")
    tracking.finish_run("r", "canceled", reason="asked to")
    run = tracking.start_run("r", version.flow, version.digest, owner="b:2", trigger="retry")
    assert (run.state, run.owner, run.started, run.trigger) == ("running", "b:2", WHEN, "manual")
    assert (run.ended, run.seconds, run.reason, run.cancel_requested) == (None, None, None, False)
    assert len(tracking.runs()) == 1


def test_what_a_run_took_is_what_its_last_start_took(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest, started=WHEN)
    tracking.finish_run("r", "failed", ended=WHEN + timedelta(seconds=10))
    run = tracking.run("r")
    assert (run.seconds, run.resumed, run.since, run.in_all) == (10, None, WHEN, None)
    again = WHEN + timedelta(hours=3)
    run = tracking.start_run("r", version.flow, version.digest, started=again)
    assert (run.started, run.resumed, run.since, run.in_all) == (WHEN, again, again, None)
    tracking.finish_run("r", "succeeded", ended=again + timedelta(seconds=4))
    run = tracking.run("r")
    assert (run.seconds, run.in_all) == (4, 3 * 3600 + 4)


def test_a_run_that_waited_has_not_gone_on(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest, state="pending", started=WHEN)
    run = tracking.start_run("r", version.flow, version.digest, owner="a:1")
    assert (run.resumed, run.since) == (None, WHEN)


def test_a_run_whose_process_was_killed_goes_on_with_whoever_takes_it_over(
    tracking: Tracking, version: Version
) -> None:
    run = tracking.start_run("r", version.flow, version.digest, owner="a:1", started=WHEN)
    assert tracking.take_over(run, "b:2")
    run = tracking.run("r")
    assert run.resumed is not None
    assert run.resumed > WHEN
    tracking.finish_run("r", "succeeded", ended=run.resumed + timedelta(seconds=2))
    assert tracking.run("r").seconds == pytest.approx(2)


def test_a_run_belongs_to_one_version(tracking: Tracking, version: Version) -> None:
    other = a_version(description="another")
    tracking.publish(other)
    tracking.start_run("r", version.flow, version.digest)
    with pytest.raises(TrackingError, match="another version"):
        tracking.start_run("r", version.flow, other.digest)


def test_runs_need_a_workflow_and_a_version(tracking: Tracking, version: Version) -> None:
    with pytest.raises(NotFoundError, match="no workflow"):
        tracking.start_run("r", a_version("Other").flow, version.digest)
    with pytest.raises(NotFoundError, match="no version blake3:00"):
        tracking.start_run("r", version.flow, "blake3:00")
    assert len(tracking.runs()) == 0


def test_engines_may_use_one_key_in_two_workflows(tracking: Tracking, version: Version) -> None:
    other = a_version("Other")
    tracking.publish(other)
    for item in (version, other):
        tracking.start_run("scheduled__2026", item.flow, item.digest)
    tracking.finish_run("scheduled__2026", "failed", flow=other.flow)
    assert tracking.run("scheduled__2026", flow=version.flow).state == "running"
    assert tracking.run("scheduled__2026", flow=other.flow).state == "failed"
    with pytest.raises(ParameterError, match="several workflows"):
        tracking.run("scheduled__2026")


@pytest.mark.parametrize("name", ["r", "a\0b", "half \ud800"])
def test_unknown_runs_are_said_to_be(tracking: Tracking, name: str) -> None:
    for ask in (tracking.run, tracking.results, tracking.heartbeat, tracking.request_cancel):
        with pytest.raises(NotFoundError, match="no run"):
            ask(name)
    with pytest.raises(NotFoundError):
        tracking.flow(name)
    assert len(tracking.flows(search=name)) == 0


def test_runs_are_listed_newest_first_in_pages(tracking: Tracking, version: Version) -> None:
    other = a_version("Other")
    tracking.publish(other)
    # Equal moments, and not in the order in which they are recorded.
    for number in (3, 1, 4, 0, 2):
        started = WHEN + timedelta(days=number // 2)
        tracking.start_run(f"{number}", version.flow, version.digest, started=started)
    tracking.start_run("x", other.flow, other.digest, started=WHEN)
    seen, cursor = [], None
    while True:
        page = tracking.runs(version.flow, cursor=cursor, limit=2)
        seen += [run.id for run in page]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == ["4", "2", "3", "0", "1"]
    assert [run.id for run in tracking.runs()] == ["4", "2", "3", "x", "0", "1"]
    latest = tracking.latest_run(version.flow)
    assert latest is not None
    assert latest.id == "4"


def test_runs_are_listed_by_their_states(tracking: Tracking, version: Version) -> None:
    states = ["failed", "succeeded", "warning", "failed", "running"]
    for number, state in enumerate(states):
        started = WHEN + timedelta(hours=number)
        tracking.start_run(f"{number}", version.flow, version.digest, started=started)
        if state != "running":
            tracking.finish_run(f"{number}", state)

    def found(*wanted: str, **more: object) -> list[str]:
        return [run.id for run in tracking.runs(states=wanted, **more)]

    assert found("failed") == ["3", "0"]
    assert found("failed", "succeeded") == ["3", "1", "0"]
    assert found("failed", "succeeded", "failed", flow=version.flow, limit=2) == ["3", "1"]
    assert found("skipped") == []
    first = tracking.runs(states=["failed", "succeeded"], limit=1)
    assert found("failed", "succeeded", cursor=first.cursor) == ["1", "0"]
    latest = tracking.latest_run(version.flow, states=["succeeded", "warning"])
    assert latest is not None
    assert latest.id == "2"


def test_an_older_run_that_is_learned_later_is_not_the_last(
    tracking: Tracking, version: Version
) -> None:
    tracking.start_run("new", version.flow, version.digest, started=WHEN)
    tracking.start_run("old", version.flow, version.digest, started=WHEN - timedelta(days=1))
    tracking.finish_run("old", "failed")
    flow = tracking.flow(version.flow)
    assert (flow.last_run, flow.last_state) == ("new", "running")


def test_owners_tell_that_they_are_alive(tracking: Tracking, version: Version) -> None:
    for run in ("dead", "alive", "ended"):
        tracking.start_run(run, version.flow, version.digest, owner="host:1")
    tracking.start_run("elsewhere", version.flow, version.digest, engine="cluster")
    tracking.finish_run("ended", "succeeded")
    before = tracking.run("alive").heartbeat
    assert before is not None
    assert not tracking.heartbeat("alive")
    after = tracking.run("alive").heartbeat
    assert after is not None
    assert after > before
    long_ago = update(runs).where(runs.c.id != "alive").values(heartbeat=WHEN)
    tracking._database.write(lambda connection: connection.execute(long_ago))
    stale = tracking.stale_runs(timedelta(minutes=10))
    assert [run.id for run in stale] == ["dead"]


def test_runs_can_be_asked_to_end(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest)
    assert not tracking.cancel_requested("r")
    assert tracking.request_cancel("r")
    assert tracking.cancel_requested("r")
    assert tracking.heartbeat("r")
    tracking.finish_run("r", "canceled")
    assert not tracking.request_cancel("r")
