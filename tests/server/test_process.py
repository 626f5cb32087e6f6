"""`aqueduct server` as a process: how it starts, what it says, and how it stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import httpx
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import ServerError
from tests.processes import PATIENCE, wait_until
from tests.server.process import Process


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts servers of one workspace."""
    started: list[Process] = []

    def start(*options: str) -> Process:
        started.append(Process(tmp_path / "home", *options))
        return started[-1]

    yield start
    for item in started:
        if item.process.poll() is None:
            item.end(signal.SIGKILL)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """A folder in which operators of `waiting` tell what they do."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def waiting(marks: Path) -> aq.GenericArtifact:
    """Two operators; the second waits for a file called `go`."""

    @aq.op
    def first(folder: str) -> str:
        with (Path(folder) / "first").open("a") as file:
            file.write("x")
        return folder

    @aq.op
    def second(folder: str) -> int:
        from time import sleep

        (Path(folder) / "second").touch()
        while not (Path(folder) / "go").exists():
            sleep(0.02)
        return 1

    return second(first(str(marks)))


def test_the_first_start_shows_a_key_and_a_link_and_the_next_one_none(
    start: Callable[..., Process],
) -> None:
    first = start()
    key = first.more(r"(aq_\S+)")
    link = first.more(r"(http\S+/sign-in\?token=\S+)")
    assert httpx.get(link, timeout=60).status_code == 303
    headers = {"authorization": f"Bearer {key}"}
    me = httpx.get(f"{first.address}/api/v1/me", headers=headers, timeout=60)
    assert me.json()["role"] == "admin"
    assert first.end() == 0
    assert key not in json.dumps(first.log), "logs hold no secrets"
    assert "token" not in json.dumps(first.log)
    lines = [item for item in first.log if item.get("path") == "/api/v1/me"]
    assert [(item["status"], item["user"]) for item in lines] == [(200, "first")]
    assert all(item["request_id"] for item in lines)

    second = start()
    me = httpx.get(f"{second.address}/api/v1/me", headers=headers, timeout=60)
    assert me.status_code == 200
    assert second.end(signal.SIGINT) == 0
    assert "aq_" not in second.said


def test_it_stops_though_somebody_watches_events(start: Callable[..., Process]) -> None:
    server = start()
    headers = server.headers()
    url = f"{server.address}/api/v1/events"
    with httpx.stream("GET", url, headers=headers, timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        server.process.terminate()
        assert list(lines)  # it ends
    assert server.end() == 0


def test_runs_that_a_killed_server_left_go_on_with_the_next(
    start: Callable[..., Process], marks: Path, tmp_path: Path
) -> None:
    with aq.Client(home=tmp_path / "home") as client:
        flow = client.publish_flow("Long", waiting(marks), run_now=False, quiet=True)
        killed = start()
        headers = killed.headers()
        path = f"{killed.address}/api/v1/flows/{flow.id}/trigger"
        answer = httpx.post(path, json={}, headers=headers, timeout=60)
        run = flow.run(answer.json()["id"])
        wait_until((marks / "second").exists, tell=lambda: run.status)
        killed.end(signal.SIGKILL)
        server = start()
        (marks / "go").touch()
        assert run.wait(PATIENCE).status == "succeeded"
        assert (marks / "first").read_text() == "x", "what had ended was kept"
        assert server.end() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_acknowledged_is_there_after_the_server_has_ended(
    start: Callable[..., Process], number: signal.Signals
) -> None:
    @aq.op
    def value(n: int) -> int:
        return n

    server = start("--no-scheduler")
    key = server.key()
    known: SimpleQueue[str | Exception] = SimpleQueue()

    def publish(client: aq.Client, who: int) -> None:
        try:
            for count in range(1_000):
                name = f"{who} {count}"
                client.publish_flow(name, value(count), quiet=True, run_now=False)
                known.put(name)
        except ServerError as error:  # it is gone
            known.put(error)

    with ExitStack() as stack:
        clients = [stack.enter_context(aq.Client(key, server.address)) for _ in range(3)]
        threads = [Thread(target=publish, args=item[::-1]) for item in enumerate(clients)]
        for thread in threads:
            thread.start()
        told = [known.get(timeout=PATIENCE) for _ in range(6)]  # now it is in the middle of others
        server.end(number)
        for thread in threads:
            thread.join()
    while not known.empty():
        told.append(known.get())
    names = sorted(item for item in told if isinstance(item, str))
    assert len(names) == len(told) - 3, told
    assert all("can't be reached" in str(item) for item in told if not isinstance(item, str))
    assert not [item for item in server.log if item.get("status", 0) >= 500]

    with aq.Client(key, start("--no-scheduler").address) as client:
        assert {flow.name for flow in client.flows()} >= set(names)
        for name in names:
            code = client.flow(name).version().version.code
            assert [client.store.manifest(item).key for item in code.values()] == list(
                code.values()
            )
        run = client.trigger(names[-1], quiet=True)
        assert run.artifact("value").get() == int(names[-1].split()[1])


def test_another_server_goes_on_with_the_runs_of_one_that_was_killed(
    start: Callable[..., Process], marks: Path
) -> None:
    killed = start("--no-scheduler")
    key = killed.key()
    others = [start("--no-scheduler") for _ in range(2)]
    with aq.Client(key, killed.address) as client:
        flow = client.publish_flow("Long", waiting(marks), quiet=True, wait=False)
        run = flow.latest().id
        wait_until((marks / "second").exists, tell=lambda: flow.latest().status)
    killed.end(signal.SIGKILL)
    (marks / "second").unlink()
    with aq.Client(key, others[0].address) as client:
        (marks / "go").touch()
        found = client.flow("Long").run(run)
        # Failed, as long as nobody has seen that it is alone.
        wait_until(lambda: found.status == "succeeded", pause=0.1, tell=lambda: found)
        assert (marks / "first").read_text() == "x", "what had ended was kept"
        assert (marks / "second").exists(), "what had not was run again"
        assert len(client.flow("Long").runs()) == 1


def test_a_port_that_is_taken_is_an_error_that_helps(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    port = start().address.rpartition(":")[2]
    command = [sys.executable, "-m", "aqueduct_core", "server", "--home", str(tmp_path / "other")]
    tried = subprocess.run([*command, "--port", port], capture_output=True, text=True)
    assert tried.returncode == 3
    assert f"can't listen at 127.0.0.1:{port}" in tried.stderr
    assert "--port" in tried.stderr
