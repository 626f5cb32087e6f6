"""Runs start when it is time: once, and whatever happens to clocks, workflows and triggers."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from aqueduct_core.dag import Daily, Hourly, schedule_spec
from aqueduct_core.errors import AqueductError, TrackingError
from aqueduct_core.tracking import Tracking
from tests.processes import PATIENCE
from tests.scheduler.toys import Bench
from tests.tracking.toys import SECRET

DAY, HOUR, MINUTE, SECOND = (
    timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes", "seconds")
)


def test_it_runs_at_each_moment_once(bench: Bench, daily, noon: datetime) -> None:
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    for minutes in range(-30, 3 * 1440, 7):
        scheduler.tick(noon + minutes * MINUTE)
    assert bench.ticks() == [noon, noon + DAY, noon + 2 * DAY]


def test_runs_say_what_they_stand_for(bench: Bench, daily, noon: datetime) -> None:
    flow = bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    assert bench.tracking.flow(flow).next_at == noon
    scheduler.tick(noon + SECOND)
    run = bench.tracking.run("scheduled-2026-06-01T1200Z")
    assert (run.trigger, run.scheduled_for, run.owner) == ("schedule", noon, "here:1")
    assert bench.tracking.flow(flow).next_at == noon + DAY


def test_what_is_published_after_its_time_waits_for_the_next(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon + MINUTE)
    assert bench.ticks() == []
    scheduler.tick(noon + DAY)
    assert bench.ticks() == [noon + DAY]


def test_after_a_downtime_one_missed_moment_is_made_up_for(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    bench.scheduler().tick(noon - HOUR)
    scheduler = bench.scheduler()
    scheduler.tick(noon + 10 * DAY + HOUR)
    assert bench.ticks() == [noon + 10 * DAY]
    scheduler.tick(noon + 11 * DAY)
    assert bench.ticks() == [noon + 10 * DAY, noon + 11 * DAY]


def test_a_paused_workflow_rests_and_makes_up_for_nothing(bench, daily, noon) -> None:
    flow = bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    bench.tracking.pause(flow)
    scheduler.tick(noon + HOUR)
    bench.tracking.resume(flow)
    scheduler.tick(noon + 2 * HOUR)
    assert bench.ticks() == []
    scheduler.tick(noon + DAY)
    assert bench.ticks() == [noon + DAY]


def test_another_schedule_takes_the_place_of_the_old_one(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    bench.publish(schedule=schedule_spec(Daily(hour=15)))
    for hours in range(-1, 5):
        scheduler.tick(noon + hours * HOUR)
    assert bench.ticks() == [noon + 3 * HOUR]


def test_the_same_schedule_goes_on_when_the_code_changes(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    flow = bench.publish(schedule=daily, source="2")
    scheduler.tick(noon)
    assert bench.ticks() == [noon]
    run = bench.tracking.latest_run(flow)
    assert run is not None
    assert run.version == bench.tracking.flow(flow).digest


def test_without_a_schedule_any_more_nothing_happens(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    bench.publish(schedule=None)
    scheduler.tick(noon)
    assert bench.ticks() == []


def test_deleted_workflows_do_not_run(bench, daily, noon) -> None:
    bench.publish("Other", schedule=daily)
    flow = bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    bench.tracking.delete_flow(flow)
    scheduler.tick(noon)
    assert [name for name, *_ in bench.fired] == ["Other"]


def test_schedules_that_an_engine_keeps_itself_are_left_to_it(bench, daily, noon) -> None:
    flow = bench.publish(schedule=daily, engine="airflow_cluster")
    scheduler = bench.scheduler()
    for hours in range(-1, 48):
        scheduler.tick(noon + hours * HOUR)
    assert bench.ticks() == []
    assert bench.tracking.flow(flow).next_at == noon + 2 * DAY  # for people to see


def test_a_clock_that_was_ahead_does_not_stop_schedules(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    scheduler.tick(noon - HOUR)
    scheduler.tick(noon + 365 * DAY)
    assert bench.ticks() == [noon + 365 * DAY]
    scheduler.tick(noon)
    scheduler.tick(noon + MINUTE)
    assert bench.ticks()[1:] == []  # noon is when the clock was found wrong
    scheduler.tick(noon + DAY)
    assert bench.ticks()[1:] == [noon + DAY]


def test_a_clock_that_is_set_back_a_little_repeats_nothing(bench, noon) -> None:
    bench.publish(schedule=schedule_spec(Hourly()))
    scheduler = bench.scheduler()
    scheduler.tick(noon - SECOND)
    scheduler.tick(noon + SECOND)
    scheduler.tick(noon - 10 * MINUTE)
    scheduler.tick(noon + SECOND)
    assert bench.ticks() == [noon]


def test_a_trigger_that_fails_is_recorded_and_others_go_on(bench, daily, noon, caplog) -> None:
    flow = bench.publish("Broken", schedule=daily)
    bench.publish("Sound", schedule=daily)

    def trigger(*args) -> None:
        if args[0] == flow:
            raise AqueductError("its pickle is gone", hint="publish it again")
        bench.trigger(*args)

    scheduler = bench.scheduler()
    scheduler._trigger = trigger
    scheduler.tick(noon - HOUR)
    with caplog.at_level(logging.CRITICAL, "aqueduct_core.scheduler"):
        scheduler.tick(noon)
    assert bench.ticks("Sound") == [noon]
    run = bench.tracking.latest_run(flow)
    assert run is not None
    assert (run.state, run.scheduled_for, run.trigger) == ("failed", noon, "schedule")
    assert "its pickle is gone" in str(run.reason)
    states = [event.state for event in bench.tracking.events() if event.flow == flow]
    assert states[-1] == "failed"
    scheduler.tick(noon + MINUTE)
    assert bench.tracking.latest_run(flow) == run


def test_a_moment_whose_scheduler_died_is_taken_over(bench, daily, noon) -> None:
    """Between the claim and the start of the run."""
    bench.publish(schedule=daily)

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    dying = bench.scheduler(owner="there:2")
    dying._trigger = killed
    dying.tick(noon - HOUR)
    with pytest.raises(KilledError):
        dying.tick(noon)
    scheduler = bench.scheduler()
    scheduler.tick(noon + 5 * SECOND)
    assert bench.ticks() == []
    scheduler.tick(noon + 2 * MINUTE)
    assert bench.ticks() == [noon]


def test_a_schedule_of_a_newer_release_is_said_to_be_unknown_once(
    bench, daily, noon, caplog
) -> None:
    bench.publish("Newer", schedule={"kind": "lunar", "phase": "full"})
    bench.publish(schedule=daily)
    scheduler = bench.scheduler()
    for hours in range(-1, 3):
        scheduler.tick(noon + hours * HOUR)
    assert bench.ticks() == [noon]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "'Newer' does not run by itself" in caplog.text


def test_it_runs_until_it_is_told_to_stop(bench, daily, noon) -> None:
    bench.publish(schedule=daily)
    times = iter([noon - HOUR, noon, noon + HOUR])
    stop = threading.Event()

    def clock() -> datetime:
        moment = next(times)
        if moment > noon:
            stop.set()
        return moment

    scheduler = bench.scheduler(clock=clock)
    thread = threading.Thread(target=scheduler.run_forever, args=(stop,), kwargs={"interval": 0})
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert bench.ticks() == [noon]


def test_a_database_that_fails_is_tried_again(bench, caplog) -> None:
    stop, looks = threading.Event(), []

    def clock() -> datetime:
        looks.append(1)
        if len(looks) == 3:
            stop.set()
            return datetime.now(UTC)
        raise TrackingError("the database is away")

    bench.scheduler(clock=clock).run_forever(stop, interval=0)
    assert len(looks) == 3
    assert caplog.text.count("the database is away") == 1


def test_two_schedulers_in_turn_start_each_run_once(url: str, daily, noon) -> None:
    with Tracking(url, secret=SECRET) as tracking:
        bench = Bench(tracking)
        bench.publish(schedule=daily)
        one, other = bench.scheduler(), bench.scheduler()
        for minutes in range(-60, 3 * 1440, 20):
            for scheduler in (one, other):
                scheduler.tick(noon + minutes * MINUTE)
        assert bench.ticks() == [noon, noon + DAY, noon + 2 * DAY]


def test_old_events_are_forgotten_once_a_day(bench: Bench, monkeypatch) -> None:
    bench.publish()
    forgotten: list[datetime] = []
    forget = Tracking.prune_events

    def prune(tracking: Tracking, before: datetime) -> int:
        forgotten.append(before)
        return forget(tracking, before)

    monkeypatch.setattr(Tracking, "prune_events", prune)
    now = datetime.now(UTC)
    scheduler = bench.scheduler()
    for moment in (now, now + HOUR, now + DAY):
        scheduler.tick(moment)
    assert forgotten == [now - 30 * DAY, now - 29 * DAY]
    assert bench.tracking.events()
    scheduler.tick(now + 31 * DAY)
    assert not bench.tracking.events()
