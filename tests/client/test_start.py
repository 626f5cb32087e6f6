"""Runs that somebody waits for, runs in the background, and programs that end too early."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

import aqueduct_core as aq
from aqueduct_core.client import recover, start_in_background
from aqueduct_core.engines.local import RunHandle
from tests.client.places import everywhere
from tests.processes import PATIENCE


@aq.op
def one() -> int:
    return 1


def test_runs_in_the_background_are_in_the_log(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with aq.Client() as client, caplog.at_level("INFO", "aqueduct_core.runs"):
        flow = client.publish_flow("Churn", one(), run_now=False, quiet=True)
        start_in_background(client._session, flow.id, "r1", None, "after")
        client._session.wait()
    assert caplog.messages == ["'Churn': run r1 starts, after", "'Churn': run r1 succeeded"]


WAITING = """
import os, sys, time
import aqueduct_core as aq

@aq.op
def waiting(path: str) -> str:
    with open(path + ".started", "w") as file:
        file.write("x")
    with open(path) as file:
        return file.read()

client = aq.Client(*sys.argv[3:])
print("ready", flush=True)
flow = client.publish_flow("flow", waiting(sys.argv[1]), wait=sys.argv[2] == "wait")
print("published", flush=True)
"""


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "fifo.started")
    return tmp_path / "fifo"


def program(fifo: Path, how: str, *place: str) -> subprocess.Popen[str]:
    """A program whose operator has started, and waits for somebody to write into `fifo`."""
    script = fifo.with_name("script.py")
    script.write_text(WAITING)
    made = subprocess.Popen(
        [sys.executable, str(script), str(fifo), how, *place],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    fifo.with_name("fifo.started").read_text()
    return made


def test_the_interpreter_ends_after_its_runs(home: Path, fifo: Path) -> None:
    made = program(fifo, "background")
    assert made.stdout is not None
    assert [made.stdout.readline() for _ in range(2)] == ["ready\n", "published\n"]
    with aq.Client() as client:
        run = client.flow("flow").latest()
        assert run.status == "running"
        with pytest.raises(TimeoutError, match=r"not ended within 0\.01 seconds"):
            run.wait(0.01)
        assert made.poll() is None
        fifo.write_text("done")
        _, told = made.communicate(timeout=PATIENCE)
        assert made.returncode == 0, told
        assert "goes on in the background" in told
        assert run.status == "succeeded"
        assert run.artifact("waiting").get() == "done"


@everywhere
def test_ctrl_c_cancels_the_run(client: aq.Client, fifo: Path) -> None:
    session: Any = client._session
    made = program(fifo, "wait", *((session.key, session.place) if session.is_remote else ()))
    made.send_signal(signal.SIGINT)
    _, told = made.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in told
    run = client.flow("flow").latest()
    assert f"run {run.id} was stopped; `aqueduct run show {run.id}` shows it" in told
    # Who hears of it before the server has told that it runs stops it, and doesn't wait for the end.
    assert run.wait(PATIENCE).status == "canceled"
    assert run.operator("waiting").state == "canceled"


@pytest.mark.parametrize("place", ["start", "wait"])
def test_ctrl_c_just_before_the_wait_cancels_the_run(
    home: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A thread's start waits for its first step, and the run has begun by then."""

    @aq.op
    def waiting(path: str) -> str:
        with open(path + ".started", "w") as file:
            file.write("x")
        with open(path) as file:
            return file.read()

    def interrupt() -> None:
        fifo.with_name("fifo.started").read_text()
        raise KeyboardInterrupt

    begin = Thread.start

    def start(thread: Thread) -> None:
        begin(thread)
        if thread.name.startswith("aqueduct-run-"):
            interrupt()

    if place == "start":
        monkeypatch.setattr(Thread, "start", start)
    else:
        monkeypatch.setattr(RunHandle, "wait", lambda handle: interrupt())
    with aq.Client() as client:
        with pytest.raises(KeyboardInterrupt):
            client.publish_flow("flow", waiting(str(fifo)), quiet=True)
        monkeypatch.undo()
        assert client.flow("flow").latest().wait(PATIENCE).status == "canceled"


def test_a_run_is_canceled_from_another_program(home: Path, fifo: Path) -> None:
    made = program(fifo, "wait")
    with aq.Client() as client:
        run = client.flow("flow").latest()
        run.cancel()
        assert run.wait(PATIENCE).status == "canceled"
        made.communicate(timeout=PATIENCE)
        assert made.returncode == 0


def test_a_run_whose_program_was_killed_says_so_and_goes_on(home: Path, fifo: Path) -> None:
    made = program(fifo, "wait")
    made.kill()
    made.communicate()
    with aq.Client() as client:
        run = client.flow("flow").latest()
        assert run.status == "failed"
        assert "is gone" in str(run.reason)
        assert "retry()" in str(run.reason)
        again = run.retry(wait=False, quiet=True)
        with open(fifo.with_name("fifo.started")) as started:
            started.read()
        fifo.write_text("second")
        assert again.wait(PATIENCE).status == "succeeded"
        assert run.artifact("waiting").get() == "second"


def test_a_run_whose_program_was_killed_is_canceled(home: Path, fifo: Path) -> None:
    made = program(fifo, "wait")
    made.kill()
    made.communicate()
    with aq.Client() as client:
        run = client.flow("flow").latest()
        run.cancel()
        assert run.status == "canceled"
        client.delete_flow("flow")


def test_two_programs_publish_and_run_at_once(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nimport aqueduct_core as aq\n\n@aq.op\ndef number(n):\n    return n\n\n"
        "client = aq.Client()\nflow = client.publish_flow('shared', number(1), quiet=True)\n"
        "for n in range(3):\n"
        "    run = flow.trigger({'number.n': n}, quiet=True)\n"
        "    assert run.artifact('number').get() == n\n"
    )
    made = [subprocess.Popen([sys.executable, str(script)]) for _ in range(2)]
    assert [item.wait(PATIENCE) for item in made] == [0, 0]
    with aq.Client() as client:
        flow = client.flow("shared")
        assert len(flow.versions()) == 1
        assert [run.status for run in flow.runs()] == ["succeeded"] * 8


@everywhere
def test_messages_about_runs(client: aq.Client) -> None:
    received: SimpleQueue[dict[str, object]] = SimpleQueue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        client.connect_integration("hook", "webhook", url=url, level="never", secret="geheim")
        assert received.get(timeout=PATIENCE)["type"] == "test"
        [listed] = client._session.tracking.integrations()
        assert listed.config == {"level": "never", "ca_file": None}
        client.publish_flow("silent", one(), quiet=True)
        flow = client.publish_flow("told", one(), quiet=True, notify={"hook": "success"})
        message = received.get(timeout=PATIENCE)
        server.shutdown()
    assert received.empty()
    assert isinstance(message["data"], dict)
    assert message["data"]["flow"] == "told"
    assert message["data"]["run"] == flow.latest().id
    assert message["data"]["state"] == "succeeded"


def test_scheduled_runs_of_a_killed_process_go_on_and_are_cleared_away_after(
    client: aq.Client,
) -> None:
    """Two of them have the same key: they were due at the same minute."""
    session = client._session
    flows = [
        client.publish_flow(name, one(), keep_runs=1, quiet=True) for name in ("first", "second")
    ]
    gone = f"{platform.node()}:{os.getpid()}:0"
    for flow in flows:
        digest = flow.version().digest
        session.tracking.start_run("scheduled-1", flow.id, digest, owner=gone, trigger="schedule")
    assert recover(session) == ["scheduled-1", "scheduled-1"]
    session.wait()
    for flow in flows:
        [run] = flow.runs()
        assert (run.id, run.status) == ("scheduled-1", "succeeded")
    assert recover(session) == []
