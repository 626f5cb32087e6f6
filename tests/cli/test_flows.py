"""`aqueduct flows`, `flow`, `runs`, `run`, `trigger` and `diff` on workflows that ran."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import aqueduct_core as aq
from aqueduct_core.cli import main
from aqueduct_core.cli._runs import _new
from tests.processes import PATIENCE


@aq.op
def source() -> list[int]:
    """Three numbers."""
    print("three numbers")
    print("a warning", file=sys.stderr)
    return [1, 2, 3]


@aq.op
def scale(values: list[int], factor: int, shift: float = 0.5) -> list[float]:
    if factor == 13:
        raise ValueError("unlucky [bold]number, " + "and so on " * 50 + "to the end")
    return [n * factor + shift for n in values]


@aq.metric
def total(values: list[float]) -> float:
    return sum(values)


@aq.op
def other(values: list[int]) -> int:
    return len(values)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[aq.Client]:
    """Two versions of a workflow; the second one ran twice and failed once."""
    with aq.Client(home=tmp_path_factory.mktemp("home")) as client:
        factor = client.create_param("factor", 2, description="how much")
        client.publish_flow("Scaling", other(source()), quiet=True, run_now=False)
        scaled = scale(source(), factor)
        total(scaled)
        flow = client.publish_flow(
            "Scaling",
            scaled,
            quiet=True,
            description="numbers",
            schedule=aq.daily(hour=8),
            tags=["numbers", "daily"],
        )
        flow.trigger({"factor": 13}, quiet=True)
        yield client


@pytest.fixture
def say(
    workspace: aq.Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Any:
    monkeypatch.setenv("COLUMNS", "160")

    def say(*arguments: str, code: int = 0) -> str:
        assert main([*arguments, "--home", workspace.home]) == code
        return capsys.readouterr().out

    return say


def test_flows(say: Any) -> None:
    [listed] = json.loads(say("flows", "--json"))
    assert (listed["name"], listed["last_run"]["status"]) == ("Scaling", "failed")
    assert listed["tags"] == ["numbers", "daily"]
    assert [item["name"] for item in json.loads(say("flows", "--tag", "daily", "--json"))] == [
        "Scaling"
    ]
    assert json.loads(say("flows", "--tag", "other", "--json")) == []
    told = say("flows")
    assert "numbers, daily" in told
    for expected in ("Scaling", "failed", "just now", "08:00 UTC", "numbers"):
        assert expected in told


def test_flow_show(say: Any) -> None:
    document = json.loads(say("flow", "show", "Scaling", "--json"))
    assert [item["number"] for item in document["versions"]] == [2, 1]
    assert document["operators"][1] == {"name": "scale", "kind": "op", "needs": ["source"]}
    told = say("flow", "show", "Scaling")
    for expected in ("numbers", "scale", "factor", "how much", "Three numbers."):
        assert expected in told


def test_pause_and_resume(say: Any, workspace: aq.Client) -> None:
    assert "paused" in say("flow", "pause", "Scaling")
    assert workspace.flow("Scaling").paused
    assert "paused" in say("flows")
    assert json.loads(say("flow", "resume", "Scaling", "--json"))["paused"] is False


def test_runs(say: Any, workspace: aq.Client) -> None:
    found = json.loads(say("runs", "--json"))
    assert [item["status"] for item in found] == ["failed", "succeeded"]
    assert [item["id"] for item in json.loads(say("runs", "Scaling", "-n", "1", "--json"))] == [
        found[0]["id"]
    ]
    assert found[0]["id"] in say("runs")
    say("runs", "nope", code=3)


def test_run_show(say: Any, workspace: aq.Client) -> None:
    failed, fine = (run.id for run in workspace.runs())
    document = json.loads(say("run", "show", fine, "--json"))
    assert document["metrics"] == {"total": 13.5}
    assert document["parameters"] == {"factor": 2}
    assert (document["resumed"], document["ended"] > document["started"]) == (None, True)
    told = say("run", "show", fine)
    assert " by hand" in told
    digest = document["version"].partition(":")[2][:12]
    assert re.search(rf"version +2 \({digest}\)", told)
    assert f"{workspace.run(fine).started.astimezone():%Y-%m-%d %H:%M:%S}" in told
    assert "resumed" not in told
    told = say("run", "show", failed, code=1)
    for expected in ("scale", "unlucky [bold]number", "raise ValueError", "skipped", "13"):
        assert expected in told
    assert "0 ms" not in re.findall(r".*skipped.*", told)[0], "it took nothing, since it never ran"
    # Nothing is folded that somebody may look for.
    assert "unlucky [bold]number, " + "and so on " * 50 + "to the end\n" in told
    say("run", "show", "nope", code=3)
    say("run", "show", fine[:6], code=3)  # the year and month are those of both
    assert fine in say("run", "show", fine[:-1])


def test_run_logs(say: Any, workspace: aq.Client) -> None:
    run = workspace.runs()[0].id
    assert say("run", "logs", run, "source", "--stream", "stdout") == "three numbers\n"
    told = say("run", "logs", run)
    assert "--- source (stdout)\nthree numbers\n" in told
    assert "--- source (stderr)\na warning\n" in told
    assert say("run", "logs", run, "source", "--follow") == "three numbers\na warning\n"
    logs = json.loads(say("run", "logs", run, "--json"))
    assert logs["source"] == {"stdout": "three numbers\n", "stderr": "a warning\n"}
    say("run", "logs", run, "nope", code=3)


def test_of_a_long_log_only_what_is_new_is_printed() -> None:
    def log(begin: int, left_out: int, end: int) -> str:
        """Lines up to `begin`, and from there on those that come after so many left out."""
        left = f"\n[... {left_out:>20,} bytes are left out here ...]\n"
        return (
            "".join(f"{n:03}\n" for n in range(begin))
            + left
            + "".join(f"{n:03}\n" for n in range(begin + left_out // 4, end))
        )

    short = "000\n001\n"
    assert _new("", short) == short
    assert _new(short, short + "002\n") == "002\n"
    assert _new(log(10, 40, 100), log(10, 80, 103)) == "100\n101\n102\n"
    assert _new(log(10, 40, 100), log(10, 40, 100)) == ""
    assert _new(short * 20, log(10, 40, 45)) == "040\n041\n042\n043\n044\n"
    whole = "".join(f"{n:03}\n" for n in range(40))
    told = _new(whole, log(10, 400, 120))
    assert told.startswith("\n[... "), "more has come than is kept"
    assert told.endswith("119\n")
    assert _new(log(10, 40, 100), "another attempt\n") == "another attempt\n"


def test_run_graph(say: Any, workspace: aq.Client, tmp_path: Path) -> None:
    run = workspace.runs()[0].id
    assert ET.fromstring(say("run", "graph", run)).tag.endswith("svg")
    say("run", "graph", run, "-o", str(tmp_path / "graph.svg"))
    ET.parse(tmp_path / "graph.svg")
    say("run", "graph", run, "-o", str(tmp_path / "no folder" / "graph.svg"), code=3)
    document = json.loads(say("run", "graph", run, "--json"))
    assert {item["name"]: item["state"] for item in document["operators"]} == {
        "source": "succeeded",
        "scale": "failed",
        "total": "skipped",
    }
    assert document["edges"][0] == {"source": "source", "target": "scale", "output": "output"}


def test_diff(say: Any) -> None:
    told = say("diff", "Scaling", code=1)
    assert "def scale" in told
    assert "numbers" in told
    document = json.loads(say("diff", "Scaling", "1", "2", "--json", code=1))
    assert [item["after"] for item in document["added"]] == ["scale", "total"]
    assert say("diff", "Scaling", "2", "2") == "Nothing is different.\n"
    say("diff", "Scaling", "9", code=3)


def test_trigger(say: Any, workspace: aq.Client) -> None:
    document = json.loads(say("trigger", "Scaling", "-p", "factor=5", "--json"))
    assert document["metrics"] == {"total": 31.5}
    assert document["parameters"] == {"factor": 5}
    assert "unlucky" in say("trigger", "Scaling", "-p", "factor=13", code=1)
    say("trigger", "Scaling", "-p", "factor=many", code=3)
    say("trigger", "Scaling", "-p", "nope=1", code=3)
    say("trigger", "nope", code=3)


def test_cancel_and_retry_refuse_what_has_ended(say: Any, workspace: aq.Client) -> None:
    fine = next(run.id for run in workspace.runs() if run.status == "succeeded")
    say("run", "cancel", fine, code=3)
    say("run", "retry", fine, code=3)
    failed = next(run.id for run in workspace.runs() if run.status == "failed")
    told = say("run", "retry", failed, code=1)
    assert "unlucky" in told
    assert "resumed" in told
    assert re.search(r"took .* of .* in all", told)
    assert workspace.run(failed).operator("scale").attempt == 2


def command(home: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "aqueduct_core", *arguments, "--home", home]


def test_a_run_is_followed_and_interrupted(tmp_path: Path) -> None:
    started, goes_on = tmp_path / "started", tmp_path / "goes on"
    os.mkfifo(started)
    os.mkfifo(goes_on)

    @aq.op
    def waiting() -> str:
        print("now", flush=True)
        started.write_text("x")
        return goes_on.read_text()

    home = str(tmp_path / "home")
    with aq.Client(home=home) as client:
        client.publish_flow("flow", waiting(), quiet=True, run_now=False)
        runner = subprocess.Popen(
            command(home, "trigger", "flow"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.read_text()
        run = client.flow("flow").latest()
        follow = subprocess.Popen(
            command(home, "run", "logs", run.id, "waiting", "-f"), stdout=subprocess.PIPE, text=True
        )
        assert follow.stdout is not None
        assert follow.stdout.readline() == "now\n"
        runner.send_signal(signal.SIGINT)
        assert runner.wait(PATIENCE) == 130
        assert follow.wait(PATIENCE) == 0
        assert run.status == "canceled"
        assert b"was stopped; `aqueduct run show" in runner.communicate()[1]
        follow.communicate()


def test_a_run_of_another_program_is_canceled(tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)

    @aq.op
    def waiting() -> str:
        started.write_text("x")
        return started.read_text()

    home = str(tmp_path / "home")
    with aq.Client(home=home) as client:
        client.publish_flow("flow", waiting(), quiet=True, run_now=False)
        runner = subprocess.Popen(
            command(home, "trigger", "flow", "--json"), stdout=subprocess.PIPE
        )
        started.read_text()
        run = client.flow("flow").latest()
        assert main(["run", "cancel", run.id, "--home", home]) == 0
        out, _ = runner.communicate(timeout=PATIENCE)
        assert runner.returncode == 1
        assert json.loads(out)["status"] == "canceled"


def test_a_flow_is_deleted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(tmp_path / "home")
    with aq.Client(home=home) as client:
        client.publish_flow("flow", other(source()), quiet=True)
        assert main(["flow", "delete", "flow", "--home", home]) == 3  # nobody can be asked
        assert "--yes" in capsys.readouterr().err
        assert main(["flow", "delete", "flow", "-y", "--saved", "nope", "--home", home]) == 3
        assert main(["flow", "delete", "flow", "-y", "--json", "--home", home]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document == {"flow": "flow", "runs": 1, "dropped": [], "left": [], "followers": []}
        assert client.flows() == []


def test_the_scheduler_starts_what_is_due_and_ends_when_told(tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    with aq.Client(home=home) as client:
        first = client.publish_flow("first", source(), quiet=True, run_now=False)
        client.publish_flow("second", source(), quiet=True, run_now=False, after=first)
        scheduler = subprocess.Popen(command(home, "scheduler"), stderr=subprocess.PIPE, text=True)
        assert scheduler.stderr is not None
        assert "watching" in scheduler.stderr.readline()
        first.trigger(quiet=True)
        starts = scheduler.stderr.readline()
        assert "'second': run after-" in starts
        assert "starts, after" in starts
        scheduler.send_signal(signal.SIGTERM)
        rest = scheduler.stderr.read()
        assert "stopped" in rest
        assert "succeeded" in rest
        scheduler.stderr.close()
        assert scheduler.wait(PATIENCE) == 0
        [run] = client.flow("second").runs()
        assert (run.status, run.trigger) == ("succeeded", "after")
