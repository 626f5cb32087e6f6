"""Runs: what is known about them, read by whoever asks, and that nothing is computed again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import NotFoundError, ParameterError, RunTimeoutError
from tests.client.places import everywhere
from tests.processes import PATIENCE, wait_until


@aq.op
def source() -> list[int]:
    print("three numbers")
    print("a warning", file=sys.stderr)
    return [1, 2, 3]


@aq.op(outputs=["low", "high"])
def split(values: list[int], at: int = 2) -> tuple[list[int], list[int]]:
    return [n for n in values if n < at], [n for n in values if n >= at]


@aq.op
def broken(values: list[int]) -> int:
    print("before")
    raise ValueError("no <b>way</b>")


@aq.op
def follower(n: int) -> int:
    return n


@aq.metric
def count(values: list[int]) -> int:
    return len(values)


@aq.check
def many(values: list[int]) -> bool:
    return len(values) > 5


@pytest.fixture(scope="module", params=["embedded", "server"])
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[aq.Run]:
    if request.param == "server":
        made = request.getfixturevalue("server").client()
    else:
        made = aq.Client(home=tmp_path_factory.mktemp("home"))
    with made as client:
        values = source()
        low, high = split(values, 3)
        count(high)
        many(values)
        flow = client.publish_flow("flow <i>", [low, follower(broken(values))], quiet=True)
        yield flow.latest()
        client.delete_flow(flow.name)


def again(run: aq.Run) -> aq.Client:
    """Another client of where it ran."""
    session = run._session
    if session.is_remote:
        return aq.Client(session.key, session.place)  # type: ignore[attr-defined]
    return aq.Client(home=session.home.path)


def test_states_reasons_and_times(run: aq.Run) -> None:
    assert run.status == "failed"
    assert {item.name: item.state for item in run.operators()} == {
        "source": "succeeded",
        "split": "succeeded",
        "count": "succeeded",
        "many": "warning",
        "broken": "failed",
        "follower": "skipped",
    }
    assert run.operator("follower").reason == "it needs 'broken', which failed"
    assert run.started.tzinfo is not None
    assert run.duration is not None
    assert run.duration > 0
    assert run.trigger == "manual"
    assert run.flow == "flow <i>"
    assert "failed" in repr(run)
    assert "broken" in repr(run)


def test_artifacts_are_found_by_operator_and_output(run: aq.Run) -> None:
    names = ["source", "split.low", "split.high", "count", "many"]
    assert list(run.artifacts()) == names
    assert run.artifact("source").get() == [1, 2, 3]
    assert run.artifact("high").get() == [3]
    assert run.artifact("split.low").get() == [1, 2]
    assert run.artifact("source").preview()["preview"] == [1, 2, 3]
    assert "'source': json" in repr(run.artifact("source"))
    with pytest.raises(NotFoundError, match=r"'broken' has no artifact .*: it failed"):
        run.artifact("broken")
    with pytest.raises(NotFoundError, match=r"no artifact 'nope'[\s\S]*'source'"):
        run.artifact("nope")
    with pytest.raises(NotFoundError, match=r"no operator 'nope'[\s\S]*'source'"):
        run.error("nope")


def test_numbers_verdicts_and_parameters(run: aq.Run) -> None:
    assert run.metrics() == {"count": 1}
    assert type(run.metrics()["count"]) is int
    [check] = run.checks().values()
    assert (check.name, check.severity, check.passed, bool(check)) == (
        "many",
        "warning",
        False,
        False,
    )
    assert run.parameters() == {"split.at": 3}


def test_logs_errors_and_code(run: aq.Run) -> None:
    assert run.logs("source", "stdout") == "three numbers\n"
    assert run.logs("source", "stderr") == "a warning\n"
    assert run.logs("source") == "three numbers\na warning\n"
    assert run.logs("broken") == "before\n"
    assert run.logs("follower") == ""
    failure = run.error("broken")
    assert failure is not None
    assert failure.type == "ValueError"
    assert "raise ValueError" in failure.traceback
    assert run.error("source") is None
    assert list(run.errors()) == ["broken"]
    assert str(run.code("broken")).startswith("@aq.op\ndef broken(")


def test_the_graph_is_as_it_was(run: aq.Run) -> None:
    graph = run.graph()
    assert [item.name for item in graph.operators][:1] == ["source"]
    found = {(edge.source, edge.target, edge.output) for edge in graph.edges}
    assert ("source", "split", "output") in found
    assert ("split", "count", "high") in found
    assert graph.states is not None
    assert graph.states["follower"] == "skipped"
    assert "flow &lt;i&gt;" in graph._repr_svg_()
    told = repr(graph)
    assert "6 operators" in told
    assert "follower  op     skipped   <- broken" in told


def test_a_notebook_shows_a_run_and_its_workflow(run: aq.Run) -> None:
    found = run._repr_html_()
    for expected in ("flow &lt;i&gt;", "<svg", "count", "no &lt;b&gt;way&lt;/b&gt;", "skipped"):
        assert expected in found
    assert "<b>way" not in found
    with again(run) as client:
        found = client.flow("flow <i>")._repr_html_()
    assert run.id in found
    assert "<i>" not in found


def test_other_programs_read_the_same(run: aq.Run) -> None:
    with again(run) as client:
        same = client.flow("flow <i>").run(run.id)
        assert same.status == "failed"
        assert [item.to_json() for item in same.operators()] == [
            item.to_json() for item in run.operators()
        ]
        assert [item.id for item in client.runs()] == [run.id]
        assert client.run(run.id).artifact("source").get() == [1, 2, 3]
        with pytest.raises(NotFoundError, match="no workflow 'nope'"):
            client.flow("nope")
        with pytest.raises(NotFoundError, match="no run 'nope'"):
            client.flow("flow <i>").run("nope")
        with pytest.raises(NotFoundError, match="no run 'nope'"):
            client.run("nope")


@everywhere
def test_what_failed_runs_again_and_nothing_else_does(client: aq.Client, tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    @aq.op
    def steady() -> int:
        with (tmp_path / "steady").open("a") as file:
            file.write("x")
        return 1

    @aq.op
    def shaky(n: int) -> int:
        if not marker.exists():
            raise RuntimeError("not yet")
        return n + 1

    run = client.publish_flow("flow", follower(shaky(steady())), quiet=True).latest()
    assert run.status == "failed"
    marker.touch()
    again = run.retry(quiet=True)
    assert again.id == run.id
    assert run.status == again.status == "succeeded"
    assert run.artifact("follower").get() == 2
    assert (tmp_path / "steady").read_text() == "x"
    assert run.operator("shaky").attempt == 2
    assert run.operator("steady").attempt == 1


@everywhere
def test_a_run_in_the_background_is_waited_for_and_stopped(
    client: aq.Client, tmp_path: Path
) -> None:
    folder = str(tmp_path)

    @aq.op
    def waiting(folder: str) -> int:
        from pathlib import Path
        from time import sleep

        print("it has begun", flush=True)
        while not (Path(folder) / "go").exists():
            sleep(0.02)
        return 1

    flow = client.publish_flow("flow", waiting(folder), quiet=True, wait=False)
    run = flow.latest()
    with pytest.raises(RunTimeoutError, match=r"not ended within 0\.01 seconds") as caught:
        run.wait(0.01)
    assert isinstance(caught.value, TimeoutError)
    wait_until(lambda: "it has begun" in run.logs("waiting"), tell=lambda: run.status)
    assert run.duration is None
    run.cancel()
    assert run.wait(PATIENCE).status == "canceled"
    assert run.operator("waiting").state == "canceled"
    (tmp_path / "go").touch()
    assert run.retry(quiet=True).status == "succeeded"
    assert run.artifact("waiting").get() == 1


def test_a_metric_of_numpy_is_told_as_a_number_of_python(client: aq.Client) -> None:
    third = aq.metric(name="third")(lambda values: np.float64(len(values)) / 9)
    run = client.publish_flow("flow", third(source()), quiet=True).latest()
    assert repr(run.metrics()) == repr({"third": 1 / 3})
    assert type(run.artifact("third").get()) is np.float64  # exactly what was returned


@pytest.mark.parametrize("limit", ["2", -1, 2.0, True])
def test_a_limit_is_a_whole_number(client: aq.Client, limit: Any) -> None:
    flow = client.publish_flow("flow", source(), run_now=False, quiet=True)
    for runs in (client.runs, flow.runs):
        with pytest.raises(ParameterError, match="a whole number"):
            runs(limit=limit)
    assert flow.runs(limit=0) == []
