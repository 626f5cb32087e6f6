"""What happens on a cluster is recorded: all of it, once, and of the right version."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

import aqueduct_core as aq
from aqueduct_core.client import _clusters
from aqueduct_core.engines.airflow import AirflowRuns, _http, _sync
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.engines.airflow._pinned import pin
from aqueduct_core.errors import ParameterError, UnsupportedError
from aqueduct_core.runtime import ended, write_result
from tests.engines.airflow.api_server import at
from tests.engines.airflow.conftest import publish
from tests.engines.airflow.world import World
from tests.processes import PATIENCE

RUN = "manual__2026-11-22T19:10:34.151562+00:00"
ALL = ("load", "score", "size", "is_small", "report")


def test_a_run_that_was_started_in_airflow_is_seen_while_it_goes_on(world: World) -> None:
    world.start(RUN, {"n": 7, "unknown": 1})
    world.work(RUN, "load")
    world.airflow.put_task(world.dag, RUN, "score", "running")
    look = world.look()
    assert (look.runs, look.ended) == (1, 0)
    run = world.flow.latest()
    assert (run.id, run.status, run.trigger) == (run_key(RUN), "running", "manual")
    assert world.states(RUN) == {"load": "succeeded", "score": "running"}
    assert run.parameters() == {"n": 7}

    world.work(RUN, *ALL[1:])
    world.end(RUN, "success")
    assert world.look().ended == 1
    run = world.flow.latest()
    assert run.status == "succeeded"
    assert run.metrics() == {"size": 6}
    assert set(world.states(RUN).values()) == {"succeeded"}
    row = world.airflow.runs[world.dag, RUN]
    took = datetime.fromisoformat(row["end_date"]) - datetime.fromisoformat(row["start_date"])
    assert run.duration == pytest.approx(took.total_seconds(), abs=0.01)


def test_a_run_that_has_settled_is_not_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start(RUN)
    world.work(RUN, *ALL)
    world.end(RUN, "success")
    assert world.look().runs == 1
    assert world.look().runs == 1, "tasks that were stopped may not have said their last word"
    monkeypatch.setattr(_sync, "_SETTLED", timedelta(seconds=-5))
    look = world.look()
    assert (look.runs, look.calls) == (0, 2)
    assert not [item for item in world.tracking.events(limit=1000) if item.kind == "run"][2:], (
        "it started, and ended, once"
    )


def test_a_queued_run_belongs_to_the_version_that_its_first_task_finds(world: World) -> None:
    old = world.version
    world.airflow.put_run(world.dag, RUN, "queued")
    world.look()
    assert world.record(RUN).state == "pending"
    assert world.record(RUN).version == old.digest
    publish(world.client, limit=50)
    new = world.version
    assert new.digest != old.digest
    world.start(RUN)
    world.work(RUN, "load", version=new)
    world.look()
    assert world.record(RUN).version == new.digest
    assert world.states(RUN) == {"load": "succeeded"}


def test_a_run_keeps_to_its_version_when_a_new_one_is_published(world: World) -> None:
    old = world.version
    world.start(RUN)
    world.work(RUN, "load")
    publish(world.client, limit=50)
    world.look()
    world.work(RUN, *ALL[1:], version=old)
    world.end(RUN, "success")
    world.look()
    assert world.record(RUN).version == old.digest
    assert world.client.run(run_key(RUN)).artifact("report").get() == "6 of 100"


def test_what_airflow_did_not_start_is_skipped_and_says_why(world: World) -> None:
    world.start(RUN, {"n": 80})
    version = world.version
    key = run_key(RUN)
    pin(world.client.store, world.flow.id, key, version.digest)
    world.airflow.put_task(world.dag, RUN, "load", "failed")
    for name in ("score", "size", "is_small", "report"):
        world.airflow.put_task(world.dag, RUN, name, "upstream_failed", 0)
    write_result(world.client.store, ended(version, "load", key, "failed", reason="it raised"))
    world.end(RUN, "failed")
    world.look()
    results = world.results(RUN)
    assert world.record(RUN).state == "failed"
    assert (results["load"].state, results["load"].reason) == ("failed", "it raised")
    assert results["score"].state == "skipped"
    assert results["score"].reason == "it needs 'load', which failed"
    assert results["size"].reason == "it needs 'score', which was skipped"
    before = world.tracking.last_event()
    world.look()
    assert world.tracking.last_event() == before, "the same again is nothing new"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("scheduled", "it waits in Airflow for a free slot of the pool 'gpu'"),
        ("queued", "it waits in Airflow for a worker of the queue 'large'"),
    ],
)
def test_a_task_that_finds_no_place_says_what_it_waits_for(
    world: World, state: str, reason: str
) -> None:
    world.start(RUN)
    world.work(RUN, "load")
    world.airflow.put_task(world.dag, RUN, "score", state, 1, pool="gpu", queue="large")
    world.airflow.put_task(world.dag, RUN, "size", None, 0)
    world.look()
    assert world.record(RUN).state == "running"
    assert world.states(RUN) == {"load": "succeeded", "score": "pending"}
    assert world.results(RUN)["score"].reason == reason
    before = world.tracking.last_event()
    world.look()
    assert world.tracking.last_event() == before, "the same again is nothing new"

    world.airflow.put_task(world.dag, RUN, "score", "running")
    world.look()
    assert world.states(RUN) == {"load": "succeeded", "score": "running"}
    world.work(RUN, *ALL[1:])
    world.end(RUN, "success")
    world.look()
    assert set(world.states(RUN).values()) == {"succeeded"}
    assert world.results(RUN)["score"].reason is None


def test_a_task_that_waits_for_its_next_attempt_keeps_the_one_before(world: World) -> None:
    world.start(RUN)
    version, key = world.version, run_key(RUN)
    pin(world.client.store, world.flow.id, key, version.digest)
    write_result(world.client.store, ended(version, "load", key, "failed", reason="it raised"))
    world.airflow.put_task(world.dag, RUN, "load", "up_for_retry", 1)
    world.look()
    world.airflow.put_task(world.dag, RUN, "load", "queued", 1)  # as old releases count
    world.look()
    assert world.states(RUN) == {"load": "failed"}
    world.airflow.put_task(world.dag, RUN, "load", "queued", 2)
    world.look()
    assert world.states(RUN) == {"load": "pending"}
    tried = world.tracking.attempts(key, "load", flow=world.flow.id)
    assert [item.state for item in tried] == ["failed", "pending"]


def test_a_task_that_died_before_it_began_shows_airflows_log(world: World) -> None:
    world.start(RUN)
    detail = [{"exc_type": "ModuleNotFoundError", "exc_value": "No module named 'pandas'"}]
    line = {"level": "error", "event": "Task failed with exception", "error_detail": detail}
    world.airflow.logs["load"] = [{"event": "Filling up the DagBag"}, line]
    world.airflow.put_task(world.dag, RUN, "load", "failed", 2)
    world.end(RUN, "failed")
    world.look()
    result = world.results(RUN)["load"]
    assert (result.state, result.attempt) == ("failed", 2)
    assert result.reason == "in Airflow: ModuleNotFoundError: No module named 'pandas'"
    run = world.flow.latest()
    assert "Filling up the DagBag" in run.logs("load")
    asked = [call for call in world.airflow.calls if "/logs/" in call]
    world.look()
    assert [call for call in world.airflow.calls if "/logs/" in call] == asked


def test_a_task_that_died_without_a_word_says_what_is_likely(world: World) -> None:
    world.start(RUN)
    world.airflow.put_task(world.dag, RUN, "load", "failed")
    world.end(RUN, "failed")
    world.look()
    assert "killed because the machine ran out of memory" in str(world.results(RUN)["load"].reason)


def test_what_a_stopped_task_says_late_replaces_airflows_word(world: World) -> None:
    world.start(RUN)
    world.airflow.put_task(world.dag, RUN, "load", "failed")
    world.end(RUN, "failed")
    world.look()
    canceled = ended(world.version, "load", run_key(RUN), "canceled", reason="by SIGTERM")
    write_result(world.client.store, canceled)
    world.look()
    assert world.results(RUN)["load"].reason == "by SIGTERM"
    assert world.record(RUN).state == "canceled"


def test_an_attempt_that_was_seen_running_ends_though_the_next_one_runs_by_now(
    world: World,
) -> None:
    world.start(RUN)
    key, version = run_key(RUN), world.version
    world.airflow.put_task(world.dag, RUN, "load", "running", 1)
    world.look()
    failed = ended(version, "load", key, "failed", attempt=1, reason="attempt 1")
    write_result(world.client.store, failed)
    world.airflow.put_task(world.dag, RUN, "load", "running", 2)
    world.look()
    found = world.tracking.attempts(key, "load", flow=world.flow.id)
    assert [(item.attempt, item.state) for item in found] == [(1, "failed"), (2, "running")]


def test_attempts_that_passed_between_two_looks_are_kept(world: World) -> None:
    world.start(RUN)
    key, version = run_key(RUN), world.version
    for number in (1, 2):
        failed = ended(version, "load", key, "failed", attempt=number, reason=f"attempt {number}")
        write_result(world.client.store, failed)
    world.airflow.put_task(world.dag, RUN, "load", "up_for_retry", 2)
    world.look()
    assert world.states(RUN) == {"load": "failed"}
    assert world.record(RUN).state == "running"
    world.work(RUN, "load", attempt=3)
    world.look()
    found = world.tracking.attempts(key, "load", flow=world.flow.id)
    assert [(item.attempt, item.state) for item in found] == [
        (1, "failed"),
        (2, "failed"),
        (3, "succeeded"),
    ]


def test_a_run_that_was_cleared_and_has_ended_again_is_read_again(world: World) -> None:
    world.start(RUN)
    world.work(RUN, *ALL)
    world.end(RUN, "success")
    world.look()
    first = world.record(RUN)
    world.work(RUN, "report", attempt=2)
    world.airflow.put_run(world.dag, RUN, "success", start_date=at(2), end_date=at(5))
    world.look()
    again = world.record(RUN)
    assert again.ended is not None
    assert first.ended is not None
    assert again.ended > first.ended
    assert world.results(RUN)["report"].attempt == 2
    assert again.started == first.started


def test_a_run_that_was_deleted_here_does_not_come_back(world: World) -> None:
    for number in range(4):
        world.start(f"run {number}", start_date=at(number - 10))
        world.work(f"run {number}", *ALL)
        world.airflow.put_run(world.dag, f"run {number}", "success", end_date=at(number - 9))
    world.client._session.tracking.publish(world.version, keep_runs=2)
    world.look()
    kept = [run.id for run in world.flow.runs()]
    assert kept == [run_key("run 3"), run_key("run 2")]
    world.look()
    assert [run.id for run in world.flow.runs()] == kept


def test_a_run_that_airflow_has_lost_has_ended(world: World) -> None:
    world.start(RUN, start_date=at(-3600))
    world.look()
    assert world.record(RUN).state == "running"
    del world.airflow.runs[world.dag, RUN]
    assert world.look().ended == 1
    assert world.record(RUN).state == "canceled"
    assert "deleted in Airflow" in str(world.record(RUN).reason)


def test_several_may_look_at_once(world: World) -> None:
    for number in range(12):
        world.start(f"run {number}")
        world.work(f"run {number}", *ALL)
        world.end(f"run {number}", "success")
    told: list[str] = []
    cluster = world.runs.cluster
    others = [
        AirflowRuns(
            cluster, world.client.store, world.tracking, lambda flow, run, is_news: told.append(run)
        )
        for _ in range(4)
    ]
    with ThreadPoolExecutor(4) as pool:
        for look in pool.map(lambda runs: runs.look(), others):
            assert look.problems == {}
    assert sorted(told) == sorted(run_key(f"run {number}") for number in range(12))
    assert all(run.status == "succeeded" for run in world.flow.runs())


def test_many_runs_take_few_requests(world: World) -> None:
    version, count = world.version, 300
    for number in range(count):
        run = f"scheduled__{number}"
        world.start(run, run_type="scheduled")
        key = run_key(run)
        pin(world.client.store, world.flow.id, key, version.digest)
        for name in ALL:
            write_result(world.client.store, ended(version, name, key, "succeeded"))
            world.airflow.put_task(world.dag, run, name, "success")
        world.end(run, "success")
    look = world.look()
    assert (look.runs, look.ended) == (count, count)
    assert look.calls <= count * len(ALL) / 100
    assert {run.trigger for run in world.flow.runs(limit=5)} == {"schedule"}


def test_an_airflow_that_cannot_be_reached_blocks_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "_PAUSES", (0.0,))
    monkeypatch.setattr(_clusters, "_PAUSE", 1_000.0)
    world.start(RUN)
    world.look()
    world.airflow.trouble = [503] * 1000
    (look,) = world.client._session.clusters.look()
    assert look.error is not None
    assert "can't be reached" in look.error
    asked = len(world.airflow.calls)
    run = world.flow.latest()
    assert run.status == "running"
    assert [item.name for item in run.operators()] == []
    assert len(world.airflow.calls) == asked, "whoever only reads waits for nobody"
    with pytest.raises(_http.Unreachable):
        world.flow.trigger(quiet=True)
    assert len(world.flow.runs()) == 1, "what could not be started is no run"
    world.airflow.trouble.clear()
    assert world.look().error is None


def test_a_run_is_triggered_waited_for_and_repeated(world: World) -> None:
    run = world.flow.trigger({"n": 4}, wait=False, quiet=True)
    assert run.status == "pending"
    assert world.airflow.runs[world.dag, run.id]["conf"] == {"n": 4}
    world.start(run.id)
    key, version = run.id, world.version
    for name in ALL:
        state = "failed" if name == "report" else "succeeded"
        write_result(world.client.store, ended(version, name, key, state, reason=None))
        world.airflow.put_task(world.dag, key, name, "failed" if name == "report" else "success")
    world.end(key, "failed")
    assert run.wait(PATIENCE).status == "failed"
    run.retry(wait=False, quiet=True)
    cleared = world.airflow.bodies[-1] if "task_ids" in (world.airflow.bodies[-1] or {}) else None
    assert cleared is None or cleared["task_ids"] == ["report"]
    assert world.record(key).state == "pending"
    write_result(world.client.store, ended(version, "report", key, "succeeded", attempt=2))
    world.airflow.put_task(world.dag, key, "report", "success", 2)
    world.end(key, "success")
    assert run.wait(PATIENCE).status == "succeeded"
    with pytest.raises(ParameterError, match="nothing failed"):
        run.retry(quiet=True)


def test_a_run_is_canceled(world: World) -> None:
    run = world.flow.trigger(wait=False, quiet=True)
    world.start(run.id)
    run.cancel()
    assert world.airflow.runs[world.dag, run.id]["state"] == "failed"
    assert run.wait(PATIENCE).status == "canceled"
    assert set(world.states(run.id).values()) == {"canceled"}


def test_a_paused_workflow_is_not_started(world: World) -> None:
    world.flow.pause()
    assert world.airflow.paused == {world.dag: True}
    with pytest.raises(ParameterError, match="paused"):
        world.flow.trigger(quiet=True)
    world.flow.resume()
    assert world.airflow.paused == {world.dag: False}


def test_runs_of_a_version_from_elsewhere_are_named(world: World) -> None:
    world.start(RUN)
    pin(world.client.store, world.flow.id, run_key(RUN), "blake3:" + "0" * 64)
    look = world.look()
    assert list(look.problems) == [f"Churn: {run_key(RUN)}"]
    assert "has no version" in next(iter(look.problems.values())) or look.problems
    assert look.is_complete, "it is no reason to read everything again"


def test_a_cluster_that_is_gone_is_said(world: World) -> None:
    with pytest.raises(UnsupportedError, match="there is no engine 'other'"):
        world.client._session.clusters.runs("other")
    assert aq.Flow is type(world.flow)
