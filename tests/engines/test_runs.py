"""Runs of the local engine: order, failures, checks, and who sees which data."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.engines.base import RunState, Silent
from aqueduct_core.engines.local import LocalEngine
from aqueduct_core.errors import UnsupportedError
from aqueduct_core.runtime import Result, Workspace
from aqueduct_core.store import ArtifactStore
from tests.engines.conftest import Workshop
from tests.processes import PATIENCE


@aq.op
def table() -> pd.DataFrame:
    return pd.DataFrame({"id": [1, 2, 3]})


@aq.op
def score(df: pd.DataFrame) -> pd.DataFrame:
    df["score"] = df["id"] * 0.5
    return df


@aq.op
def broken(df: pd.DataFrame) -> Any:
    print("about to fail")
    return df["nope"]


@aq.op
def add(x: int, y: int = 1) -> int:
    return x + y


def test_values_go_from_operator_to_operator(workshop: Workshop) -> None:
    run = workshop.run(score(table()))
    assert run.wait() == "succeeded"
    assert run.states() == {"table": "succeeded", "score": "succeeded"}
    assert run.value("score")["score"].tolist() == [0.5, 1.0, 1.5]
    assert workshop.tracking.run(run.key).state == "succeeded"
    assert run.results()["score"].environment["pid"] != os.getpid()


def test_an_operator_that_changes_its_input_changes_nothing_else(workshop: Workshop) -> None:
    @aq.op
    def destroy(df: pd.DataFrame) -> int:
        df.loc[:, "id"] = -1
        df["id"].array._ndarray[:] = -2  # past every protection that pandas has
        return len(df)

    @aq.op
    def columns(df: pd.DataFrame) -> list[str]:
        return [*df.columns, *map(str, df["id"])]

    @aq.check(severity="error")
    def untouched(df: pd.DataFrame) -> bool:
        return list(df.columns) == ["id"] and df["id"].tolist() == [1, 2, 3]

    first = table()
    untouched(first)
    run = workshop.run(destroy(first), score(first), columns(first), score(first))
    assert run.wait() == "succeeded"
    assert run.value("table")["id"].tolist() == [1, 2, 3]
    assert run.value("columns") == ["id", "1", "2", "3"]
    assert run.value("score-2")["score"].tolist() == [0.5, 1.0, 1.5]


def test_a_failed_branch_stops_only_what_needs_it(workshop: Workshop) -> None:
    first = table()
    last = score(broken(first))
    waiting = aq.op(name="waiting")(lambda: 1)().after(broken(first))
    run = workshop.run(score(last), score(first), waiting)
    assert run.wait() == "failed"
    assert run.states() == {
        "table": "succeeded",
        "broken": "failed",
        "score": "skipped",
        "score-2": "skipped",
        "score-3": "succeeded",
        "broken-2": "failed",
        "waiting": "skipped",
    }
    assert run.results()["score-2"].reason == "it needs 'broken', which failed"
    failure = run.results()["broken"].error
    assert failure is not None
    assert failure.type == "KeyError"
    assert run.log("broken") == "about to fail\n"


def test_a_failing_warning_marks_the_run(workshop: Workshop) -> None:
    first = table()
    aq.check(name="few")(lambda df: len(df) < 2)(first)
    aq.check(name="wrong")(lambda df: df["nope"])(first)
    run = workshop.run(score(first))
    assert run.wait() == "warning"
    assert (run.states()["few"], run.states()["wrong"]) == ("warning", "warning")
    assert (run.results()["few"].passed, run.results()["wrong"].passed) == (False, None)


def test_parameters_are_overridden_for_one_run(workshop: Workshop) -> None:
    version = workshop.publish(add(2, y=5))
    assert workshop.run(version=version).value("add") == 7
    other = {"add.y": {"value": 10}}
    assert workshop.run(version=version, parameters=other).value("add") == 12


def test_a_wide_graph_runs_once_each(workshop: Workshop) -> None:
    run = workshop.run(*[add(number) for number in range(1_000)])
    assert run.wait() == "succeeded"
    results = run.results()
    assert len(results) == 1_000
    assert {result.attempt for result in results.values()} == {1}
    assert run.value("add-1000") == 1_000
    assert len({result.environment["pid"] for result in results.values()}) <= 2


def test_a_long_graph_runs_in_order(workshop: Workshop) -> None:
    value = add(0)
    for _ in range(99):
        value = add(value)
    run = workshop.run(value)
    assert run.value("add-100") == 100
    started = [result.started for result in run.results().values()]
    assert started == sorted(started)


def test_branches_run_at_the_same_time(workshop: Workshop, tmp_path: Path) -> None:
    def meet(own: str, other: str) -> bool:
        Path(own).touch()
        deadline = time.monotonic() + PATIENCE
        while not Path(other).exists():
            assert time.monotonic() < deadline, "nobody came"
            sum(range(1_000))  # busy
        return True

    places = [str(tmp_path / "a"), str(tmp_path / "b")]
    both = [aq.op(name="meet")(meet)(*order) for order in (places, places[::-1])]
    assert workshop.run(*both).wait() == "succeeded"


def test_what_waits_behind_a_slow_operator_is_done_by_others(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Batches are made of operators that were quick so far; then one of them isn't."""

    def work(number: int, folder: str) -> int:
        Path(folder, str(number)).touch()
        if number == 100:
            deadline = time.monotonic() + PATIENCE
            while len(os.listdir(folder)) < 200:
                assert time.monotonic() < deadline, "the others wait for this one"
                time.sleep(0.01)
        return number

    started: list[tuple[str, int]] = []

    class Ear(Silent):
        def operator_started(self, name: str, attempt: int) -> None:
            started.append((name, attempt))

    made = [aq.op(name="work")(work)(number, str(tmp_path)) for number in range(200)]
    assert workshop.run(*made, listener=Ear()).wait() == "succeeded"
    assert len(started) == len(set(started)), "none is told twice"


def test_runs_share_the_workers(workshop: Workshop) -> None:
    versions = [workshop.publish(*[add(number) for number in range(50)]) for _ in range(4)]
    runs = [workshop.start(version=version) for version in versions]
    assert [run.wait() for run in runs] == ["succeeded"] * 4
    pids = {item.environment["pid"] for run in runs for item in run.results().values()}
    assert len(pids) <= 2  # one may do it all before the other has started


def test_an_operator_that_wants_both_cores_runs_alone(workshop: Workshop, tmp_path: Path) -> None:
    def alone(folder: str) -> bool:
        mark = Path(folder, "mark")
        mark.touch(exist_ok=False)
        time.sleep(0.02)
        mark.unlink()
        return True

    wide = aq.op(name="alone", resources={"cpu": 2})(alone)
    assert workshop.run(*[wide(str(tmp_path)) for _ in range(5)]).wait() == "succeeded"


def test_an_operator_is_tried_again(workshop: Workshop, tmp_path: Path) -> None:
    def flaky(folder: str) -> int:
        tries = len(os.listdir(folder)) + 1
        Path(folder, str(tries)).touch()
        print(f"try {tries}")
        if tries == 2:
            os._exit(3)
        if tries < 4:
            raise ValueError("not yet")
        return tries

    run = workshop.run(aq.op(name="flaky", retries=3, retry_delay=0.01)(flaky)(str(tmp_path)))
    assert run.wait() == "succeeded"
    result = run.results()["flaky"]
    assert (result.attempt, run.value("flaky"), run.log("flaky")) == (4, 4, "try 4\n")
    attempts = workshop.tracking.attempts(run.key, "flaky")
    assert [item.state for item in attempts] == ["failed", "failed", "failed", "succeeded"]
    assert attempts[1].reason is not None
    assert "exit code 3" in attempts[1].reason


def test_an_operator_runs_out_of_tries(workshop: Workshop) -> None:
    run = workshop.run(aq.op(name="never", retries=2)(lambda: 1 / 0)())
    assert (run.wait(), run.results()["never"].attempt) == ("failed", 3)


def test_a_listener_hears_of_everything(workshop: Workshop) -> None:
    heard: list[tuple[object, ...]] = []

    class Ear(Silent):
        def run_started(self, run: str) -> None:
            heard.append(("run", run))

        def operator_started(self, name: str, attempt: int) -> None:
            heard.append((name, attempt))

        def operator_finished(self, result: Result) -> None:
            heard.append((result.name, result.state))

        def run_finished(self, state: RunState) -> None:
            heard.append(("end", state))

    run = workshop.run(add(add(1)), listener=Ear())
    assert heard == [
        ("run", run.key),
        ("add", 1),
        ("add", "succeeded"),
        ("add-2", 1),
        ("add-2", "succeeded"),
        ("end", "succeeded"),
    ]


def test_a_listener_that_breaks_breaks_no_run(workshop: Workshop) -> None:
    class Broken(Silent):
        def operator_started(self, name: str, attempt: int) -> None:
            raise BrokenPipeError("nobody is watching")

    run = workshop.start(add(add(1)), listener=Broken())
    with pytest.raises(BrokenPipeError):
        run.wait()
    assert run.states() == {"add": "succeeded", "add-2": "succeeded"}
    assert workshop.tracking.run(run.key).state == "succeeded"


def test_what_an_operator_does_to_its_process_is_taken_back(workshop: Workshop) -> None:
    @aq.op
    def pollute() -> int:
        os.environ["POLLUTED"] = "yes"
        os.chdir("/")
        return os.getpid()

    @aq.op
    def look(pid: int) -> tuple[int, Any, str]:
        return os.getpid(), os.environ.get("POLLUTED"), os.getcwd()

    run = workshop.run(look(pollute()))
    pid, polluted, folder = run.value("look")
    assert (pid, polluted, folder) == (run.value("pollute"), None, os.getcwd())


def test_artifacts_keep_their_types_from_run_to_run(workshop: Workshop, tmp_path: Path) -> None:
    def fickle(path: str) -> object:
        return 1 if Path(path).exists() else "text"

    version = workshop.publish(aq.op(name="fickle")(fickle)(str(tmp_path / "there")))
    assert workshop.run(version=version).wait() == "succeeded"
    (tmp_path / "there").touch()
    run = workshop.run(version=version)
    assert run.wait() == "failed"
    assert "was of type text in the run before" in str(run.results()["fickle"].error)


def test_a_store_in_memory_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    store = ArtifactStore("memory://here", signing_key=b"k")
    with pytest.raises(UnsupportedError, match="workers can't reach"):
        LocalEngine(Workspace(store), lambda: workshop.tracking, home=tmp_path)
