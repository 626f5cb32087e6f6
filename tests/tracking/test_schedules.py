"""Schedules, on each database: each moment starts one run, however many schedulers watch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aqueduct_core.dag import Version
from aqueduct_core.errors import TrackingError
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import a_version

WHEN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NEXT = WHEN + timedelta(days=1)
DAILY = {"kind": "daily", "hour": 8, "minute": 0, "timezone": "UTC"}


@pytest.fixture
def version(tracking: Tracking) -> Version:
    version = a_version(schedule=DAILY)
    tracking.publish(version)
    return version


def test_a_new_schedule_waits_to_be_planned(tracking: Tracking, version: Version) -> None:
    (found,) = tracking.due(WHEN)
    assert (found.flow, found.name, found.spec) == (version.flow, "Churn", DAILY)
    assert found.next_at is None
    tracking.plan(version.flow, NEXT)
    assert tracking.due(WHEN) == []
    assert [item.next_at for item in tracking.due(NEXT)] == [NEXT]
    assert tracking.flow(version.flow).next_at == NEXT
    assert tracking.flow(version.flow).schedule == DAILY


def test_publishing_keeps_the_plan_unless_the_schedule_changed(
    tracking: Tracking, version: Version
) -> None:
    tracking.plan(version.flow, NEXT)
    tracking.publish(a_version(schedule=DAILY, description="changed"))
    found = tracking.schedule(version.flow)
    assert found is not None
    assert found.next_at == NEXT
    tracking.publish(a_version(schedule={**DAILY, "hour": 9}))
    found = tracking.schedule(version.flow)
    assert found is not None
    assert found.next_at is None
    tracking.publish(a_version())
    assert tracking.schedule(version.flow) is None
    assert tracking.due(NEXT) == []


def test_paused_workflows_are_not_due(tracking: Tracking, version: Version) -> None:
    tracking.plan(version.flow, WHEN)
    tracking.pause(version.flow)
    assert tracking.due(NEXT) == []
    tracking.resume(version.flow)
    assert len(tracking.due(NEXT)) == 1


@pytest.mark.parametrize("how", ["resumed", "published with another schedule"])
def test_what_nobody_started_before_is_not_made_up_for(
    tracking: Tracking, version: Version, how: str
) -> None:
    tracking.claim(version.flow, WHEN, "killed", next_at=NEXT, at=WHEN)
    assert [item.next_at for item in tracking.due(WHEN + timedelta(hours=1))] == [WHEN]
    if how == "resumed":
        tracking.pause(version.flow)
        tracking.resume(version.flow)
    else:
        tracking.publish(a_version(schedule={**DAILY, "hour": 20}))
    assert [item.next_at for item in tracking.due(WHEN + timedelta(hours=1))] == [None]


def test_one_of_two_schedulers_gets_the_tick(tracking: Tracking, version: Version) -> None:
    assert tracking.claim(version.flow, WHEN, "a", next_at=NEXT)
    assert not tracking.claim(version.flow, WHEN, "b", next_at=NEXT)
    assert tracking.claim(version.flow, NEXT, "b", next_at=NEXT + timedelta(days=1))
    assert [item.next_at for item in tracking.due(NEXT + timedelta(days=1), limit=1)] != []


def test_the_run_of_a_tick_is_started_once(tracking: Tracking, version: Version) -> None:
    def start(run: str, owner: str) -> None:
        tracking.start_run(
            run,
            version.flow,
            version.digest,
            trigger="schedule",
            scheduled_for=WHEN,
            owner=owner,
        )

    tracking.claim(version.flow, WHEN, "a", next_at=NEXT)
    with pytest.raises(TrackingError, match="another scheduler"):
        start("rb", "b")
    start("ra", "a")
    with pytest.raises(TrackingError, match="another scheduler"):
        start("again", "a")
    assert [run.id for run in tracking.runs()] == ["ra"]
    assert not tracking.claim(version.flow, WHEN, "b", next_at=NEXT, at=NEXT)


def test_a_tick_whose_scheduler_died_is_taken_over(tracking: Tracking, version: Version) -> None:
    later = WHEN + timedelta(minutes=5)
    assert tracking.claim(version.flow, WHEN, "dead", next_at=NEXT, at=WHEN)
    assert tracking.due(WHEN + timedelta(seconds=10)) == []
    assert [item.next_at for item in tracking.due(later)] == [WHEN]
    assert tracking.claim(version.flow, WHEN, "alive", next_at=NEXT, at=later)
    assert tracking.due(later) == []
    assert tracking.flow(version.flow).next_at == NEXT


def test_only_the_last_missed_tick_is_caught_up_with(tracking: Tracking, version: Version) -> None:
    tracking.claim(version.flow, WHEN, "dead", next_at=NEXT, at=WHEN)
    much_later = NEXT + timedelta(days=3)
    assert tracking.claim(version.flow, NEXT, "alive", next_at=much_later, at=NEXT)
    known = {"trigger": "schedule", "scheduled_for": NEXT, "owner": "alive"}
    tracking.start_run("r", version.flow, version.digest, **known)
    assert tracking.due(NEXT + timedelta(hours=1)) == []


def test_engines_that_keep_schedules_themselves_claim_nothing(
    tracking: Tracking, version: Version
) -> None:
    known = {"trigger": "schedule", "scheduled_for": WHEN, "owner": "scheduler@cluster"}
    for run in ("one", "again"):
        tracking.start_run(run, version.flow, version.digest, engine="cluster", **known)
    assert len(tracking.runs()) == 2


def test_a_workflow_without_schedule_has_no_ticks(tracking: Tracking) -> None:
    version = a_version()
    tracking.publish(version)
    assert not tracking.claim(version.flow, WHEN, "a", next_at=NEXT)
