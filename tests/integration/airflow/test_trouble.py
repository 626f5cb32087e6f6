"""Trouble while runs go on: processes that are killed, attempts that don't end, a store that is away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import aqueduct_core as aq
from aqueduct_core.engines.airflow._names import run_key
from aqueduct_core.runtime import read_result
from tests.integration.airflow.clients import PATIENCE, connected, publish, until
from tests.integration.airflow.cluster import Cluster
from tests.integration.airflow.conftest import in_bucket
from tests.integration.airflow.runs import Airflow
from tests.integration.airflow.settings import Address
from tests.processes import is_running
from tests.servers import FaultProxy, Rule, S3Server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]

_OUTAGE = 20.0


@pytest.fixture
def lone(installable: None) -> Iterator[Address]:
    """A cluster that no other test uses, and that soon notices who is dead."""
    with Cluster(name="lone") as found:
        yield found


def test_a_run_survives_the_end_of_the_scheduler_and_of_the_api_server(
    lone: Address, tmp_path: Path, name: str
) -> None:
    @aq.op
    def first() -> list[int]:
        return [1]

    # An attempt that begins while the API server is away fails at once.
    @aq.op(retries=20, retry_delay=10)
    def second(values: list[int], folder: str) -> list[int]:
        with (Path(folder) / "begun").open("a") as file:
            file.write("x")
        while not (Path(folder) / "gate").exists():
            time.sleep(0.1)
        return [*values, 2]

    @aq.op
    def third(values: list[int]) -> list[int]:
        return [*values, 3]

    with connected(lone, tmp_path / "home") as client:
        flow = publish(client, name, third(second(first(), str(tmp_path))))
        run = flow.trigger(wait=False, quiet=True)
        begun = tmp_path / "begun"
        until(lambda: begun.exists() and begun.read_text() == "x")
        before = {part: lone.process(part) for part in ("scheduler", "api-server")}
        for number in before.values():
            os.killpg(number, signal.SIGKILL)  # a machine that is switched off
        (look,) = client._session.clusters.look()
        assert look.error is None or "can't be reached" in look.error
        until(lambda: all(lone.process(part) != number for part, number in before.items()))
        # More often on a busy machine, on which one that lives may be thought dead.
        until(lambda: begun.read_text().startswith("xx"), lambda: lone.said("scheduler"))
        (tmp_path / "gate").touch()
        assert run.wait(PATIENCE).status == "succeeded"
        assert run.artifact("third").get() == [1, 2, 3]
        states = {item.name: (item.state, item.attempt) for item in run.operators()}
        assert states["first"] == ("succeeded", 1)
        assert states["second"][0] == "succeeded"
        assert states["second"][1] >= 2


def test_a_task_for_which_there_is_no_slot_says_so(client: aq.Client, name: str) -> None:
    @aq.op(engine_options={"pool": "no_such_pool"})
    def waiting() -> int:
        return 1

    flow = publish(client, name, waiting())
    run = flow.trigger(wait=False, quiet=True)

    def reason() -> str | None:
        return next((item.reason for item in run.operators() if item.state == "pending"), None)

    until(reason, tell=run.operators)
    assert reason() == "it waits in Airflow for a free slot of the pool 'no_such_pool'"
    run.cancel()
    assert run.wait(PATIENCE).status == "canceled"


def test_an_attempt_that_was_thought_dead_does_not_replace_a_later_one(
    client: aq.Client, airflow: Airflow, name: str, tmp_path: Path
) -> None:
    @aq.op
    def stubborn(folder: str) -> str:
        here = Path(folder)
        if (here / "first").exists():
            return "second"
        worker = os.getppid()
        os.kill(_parent(worker), signal.SIGSTOP)  # what Airflow has started the task with
        (here / "first").write_text(f"{worker} {_parent(worker)}")
        while not (here / "gate").exists():
            time.sleep(0.1)
        (here / "late").touch()
        return "first"

    flow = publish(client, name, stubborn(str(tmp_path)))
    run = airflow.trigger(client, flow)
    until((tmp_path / "first").exists, tell=run.tasks)
    until(lambda: (tmp_path / "first").read_text())
    worker, supervisor = map(int, (tmp_path / "first").read_text().split())
    try:
        task = f"{run.path}/taskInstances/stubborn"
        airflow.patch(task, {"new_state": "failed"})
        assert run.wait() == "failed"
        run.clear("stubborn")
        assert run.wait() == "success"
        assert run.value("stubborn") == "second"
        (tmp_path / "gate").touch()
        until((tmp_path / "late").exists)
        operator = run.version.ids["stubborn"]
        key = run_key(run.run)
        until(lambda: read_result(client.store, operator, key, 1), tell=run.tasks)
    finally:
        os.kill(supervisor, signal.SIGCONT)
    until(lambda: not is_running(worker))
    result = run.result("stubborn")
    assert result is not None
    assert (result.attempt, run.value("stubborn")) == (2, "second")


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_run_outlasts_a_store_that_is_away_for_twenty_seconds(
    address: Address, airflow: Airflow, s3_server: S3Server, tmp_path: Path, name: str
) -> None:
    @aq.op
    def first(folder: str) -> int:
        (Path(folder) / "begun").touch()
        while not (Path(folder) / "gate").exists():
            time.sleep(0.1)
        return 1

    @aq.op
    def second(value: int) -> int:
        return value + 1

    with (
        FaultProxy(s3_server.endpoint) as proxy,
        in_bucket(address, airflow, s3_server, proxy.endpoint, tmp_path / "home") as client,
    ):
        flow = publish(client, name, second(first(str(tmp_path))))
        run = airflow.trigger(client, flow)
        until((tmp_path / "begun").exists, tell=run.tasks)
        proxy.rules.append(Rule("reset", times=-1))
        (tmp_path / "gate").touch()
        back = time.monotonic() + _OUTAGE
        (look,) = client._session.clusters.look()
        assert look.error is not None or look.problems
        until(lambda: time.monotonic() > back)
        proxy.rules.clear()
        assert run.wait() == "success"
        (look,) = client._session.clusters.look()
        assert (look.error, look.problems) == (None, {})
        found = flow.latest()
        assert found.status == "succeeded"
        assert found.artifact("second").get() == 2
        assert [item.attempt for item in found.operators()] == [1, 1]
