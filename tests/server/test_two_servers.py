"""Two servers side by side: one database of PostgreSQL, one artifact store."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import httpx
import pytest

import aqueduct_core as aq
from tests.databases import PostgresServer
from tests.processes import PATIENCE, wait_until
from tests.server.process import Process

pytestmark = pytest.mark.skipif(
    PostgresServer.missing() is not None,
    reason=f"{PostgresServer.missing()} of PostgreSQL is not installed (tools/servers.sh)",
)


class Pair(NamedTuple):
    """Two servers, and a client of each."""

    processes: tuple[Process, Process]
    clients: tuple[aq.Client, aq.Client]
    key: str


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Servers with homes of their own, as on two machines."""
    folder = tmp_path_factory.mktemp("two")
    with PostgresServer() as database:
        url = database.create()
        shared = {
            "AQUEDUCT_DATABASE": url,
            "AQUEDUCT_STORE": str(folder / "store"),
            "AQUEDUCT_SIGNING_KEY": "5e" * 32,
        }
        first = Process(folder / "first", environment=shared)
        key = first.key()
        second = Process(folder / "second", environment=shared)
        processes = (first, second)
        try:
            one, other = (aq.Client(key, item.address) for item in processes)
            with one, other:
                yield Pair(processes, (one, other), key)
        finally:
            codes = [item.end(signal.SIGTERM) for item in processes]
            database.drop(url)
        assert codes == [0, 0]


@aq.op
def number(n: int) -> int:
    return n


def test_what_is_published_at_one_is_run_and_read_at_the_other(pair: Pair) -> None:
    one, other = pair.clients
    one.publish_flow("Shared", number(1), quiet=True, run_now=False)
    run = other.flow("Shared").trigger({"number.n": 5}, quiet=True)
    assert run.status == "succeeded", run.errors()
    assert one.flow("Shared").latest().artifact("number").get() == 5
    assert one.flow("Shared").latest().logs("number") == ""


def test_events_of_one_are_seen_at_the_other(pair: Pair) -> None:
    one, _ = pair.clients
    flow = one.publish_flow("Watched", number(1), quiet=True, run_now=False)
    headers = {"authorization": f"Bearer {pair.key}"}
    url = f"{pair.processes[1].address}/api/v1/events"
    seen = []
    with httpx.stream("GET", url, params={"flow": flow.id}, headers=headers, timeout=60) as stream:
        lines = stream.iter_lines()
        next(lines)
        started = Thread(target=lambda: flow.trigger(quiet=True))
        for line in lines:
            if started.ident is None:
                started.start()  # it watches by now
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                seen.append((event["kind"], event["state"]))
                if seen[-1] == ("run", "succeeded"):
                    break
    started.join()
    assert ("run", "running") in seen


def test_a_key_that_one_revokes_is_of_no_use_at_the_other(pair: Pair) -> None:
    ours = {"authorization": f"Bearer {pair.key}"}
    one, other = (
        httpx.Client(base_url=item.address, headers=ours, timeout=60) for item in pair.processes
    )
    with one, other:
        made = one.post("/api/v1/keys", json={"name": "short", "role": "viewer"}).json()
        headers = {"authorization": f"Bearer {made['key']}"}
        assert other.get("/api/v1/me", headers=headers).status_code == 200
        one.delete(f"/api/v1/keys/{made['id']}")
        assert other.get("/api/v1/me", headers=headers).status_code == 401


def test_who_signed_in_at_one_is_signed_in_at_the_other(pair: Pair) -> None:
    first, second = pair.processes
    answer = httpx.post(f"{first.address}/sign-in", data={"key": pair.key}, timeout=60)
    cookies = dict(answer.cookies)
    found = httpx.get(f"{second.address}/api/v1/me", cookies=cookies, timeout=60)
    assert found.json()["role"] == "admin"


def test_what_follows_runs_once_though_both_look_after_it(pair: Pair) -> None:
    one, other = pair.clients
    leader = one.publish_flow("Leader", number(1), quiet=True, run_now=False)
    follower = other.publish_flow("Follower", number(2), quiet=True, run_now=False, after=leader)

    def have_followed(count: int) -> bool:
        return sum(run.status == "succeeded" for run in follower.runs()) >= count

    for count in (4, 5):  # who would start one of the four twice has done so when the fifth runs
        while len(leader.runs()) < count:
            leader.trigger(quiet=True)
        wait_until(partial(have_followed, count), pause=0.1, tell=follower.runs)
    assert len(follower.runs()) == 5


def test_a_run_is_stopped_by_the_server_that_did_not_start_it(pair: Pair, tmp_path: Path) -> None:
    one, other = pair.clients
    folder = str(tmp_path)

    @aq.op
    def waiting(folder: str) -> int:
        from pathlib import Path
        from time import sleep

        (Path(folder) / "started").touch()
        while not (Path(folder) / "go").exists():
            sleep(0.02)
        return 1

    flow = one.publish_flow("Waits", waiting(folder), quiet=True, wait=False)
    wait_until((tmp_path / "started").exists)
    run = other.flow("Waits").latest()
    run.cancel()
    assert run.wait(PATIENCE).status == "canceled"
    assert flow.latest().status == "canceled"
    (tmp_path / "go").touch()
