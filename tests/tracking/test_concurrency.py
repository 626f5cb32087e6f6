"""Many threads and processes write at once: nothing is lost, doubled or told out of order."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from aqueduct_core.dag import Version
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import a_result, a_version, op

ROOT = Path(__file__).resolve().parent.parent.parent
WHEN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
THREADS = 4


@pytest.fixture
def version(tracking: Tracking) -> Version:
    operators = [op(f"op {number}") for number in range(40)]
    version = a_version(operators=operators, schedule={"kind": "daily", "hour": 8})
    tracking.publish(version)
    return version


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_one_run_is_recorded_by_many(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest)
    results = [a_result(version, name, "r") for name in version.spec.operators]

    def record(first: int) -> int:
        # Each one records all of it, in another order and in small batches.
        order = results[first:] + results[:first]
        batches = [order[start : start + 5] for start in range(0, len(order), 5)]
        return sum(tracking.record(version, batch) for batch in batches)

    new = at_once(*(lambda first=first: record(first * 10) for first in range(THREADS)))
    assert sum(new) == len(results)
    assert tracking.results("r") == results
    assert len(tracking.artifacts("r")) == len(results)


def test_attempts_that_come_in_any_order_end_the_same(tracking: Tracking, version: Version) -> None:
    tracking.start_run("r", version.flow, version.digest)
    attempts = [a_result(version, "op 0", "r", attempt=number) for number in range(1, 9)]

    def record(step: int) -> None:
        for attempt in attempts[::step]:
            tracking.record(version, [attempt])

    at_once(*(lambda step=step: record(step) for step in (1, -1, 2, -2)))
    assert tracking.results("r") == [attempts[-1]]
    assert tracking.attempts("r", "op 0") == attempts


def test_a_tick_is_claimed_once(tracking: Tracking, version: Version) -> None:
    claims = [
        lambda owner=owner: tracking.claim(version.flow, WHEN, f"{owner}", next_at=WHEN)
        for owner in range(THREADS)
    ]
    assert sorted(at_once(*claims)) == [False] * (THREADS - 1) + [True]


def test_publishing_at_once_makes_one_version(tracking: Tracking) -> None:
    version = a_version("New")
    assert sorted(at_once(*([lambda: tracking.publish(version)] * THREADS))) == [
        *[False] * (THREADS - 1),
        True,
    ]


def test_runs_of_one_workflow_start_and_end_at_once(tracking: Tracking, version: Version) -> None:
    def go(run: str) -> None:
        tracking.start_run(run, version.flow, version.digest)
        tracking.heartbeat(run)
        tracking.record(version, [a_result(version, "op 0", run)])
        tracking.finish_run(run, "succeeded")

    at_once(*(lambda run=f"{run}": go(run) for run in range(2 * THREADS)))
    assert {run.state for run in tracking.runs()} == {"succeeded"}
    assert tracking.flow(version.flow).last_state == "succeeded"


def test_readers_of_the_feed_miss_nothing(tracking: Tracking, version: Version) -> None:
    runs = [f"{number}" for number in range(THREADS)]
    for run in runs:
        tracking.start_run(run, version.flow, version.digest)
    first = tracking.last_event()
    written = Event()

    def write(run: str) -> None:
        for name in version.spec.operators:
            tracking.record(version, [a_result(version, name, run)])

    def read() -> list[int]:
        seen: list[int] = []
        while True:
            was_last = written.is_set()
            events = tracking.events(seen[-1] if seen else first)
            seen += [event.id for event in events]
            if was_last and not events:
                return seen

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        at_once(*(lambda run=run: write(run) for run in runs))
        written.set()
        count = len(runs) * len(version.spec.operators)
        assert reader.result() == list(range(first + 1, first + 1 + count))


_WRITER = """
import sys
from aqueduct_core.tracking import Tracking
from tests.tracking.toys import SECRET, a_result, a_version, op

version = a_version(operators=[op(f"op {number}") for number in range(40)],
                    schedule={"kind": "daily", "hour": 8})
with Tracking(sys.argv[1], secret=SECRET) as tracking:
    for run in ("shared", sys.argv[2]):
        tracking.start_run(run, version.flow, version.digest)
        for name in version.spec.operators:
            started = "2026-03-01T08:00:00+00:00"
            tracking.record(version, [a_result(version, name, run, started=started)])
        tracking.finish_run(run, "succeeded")
"""


def test_processes_write_at_once(tracking: Tracking, version: Version, url: str) -> None:
    names = ["a", "b", "c"]
    processes = [
        subprocess.Popen([sys.executable, "-c", _WRITER, url, name], cwd=ROOT) for name in names
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sorted(run.id for run in tracking.runs()) == [*names, "shared"]
    for run in (*names, "shared"):
        assert len(tracking.results(run)) == len(version.spec.operators)
        assert len(tracking.artifacts(run)) == len(version.spec.operators)
