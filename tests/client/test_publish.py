"""Publishing: versions, what is refused, and what is said."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import GraphError, NotFoundError, ParameterError, UnsupportedError
from tests.client.places import everywhere


@aq.op
def one() -> int:
    return 1


@aq.op
def add(n: int, m: int = 1) -> int:
    return n + m


@everywhere
def test_publishing_the_same_again_makes_no_new_version(client: aq.Client) -> None:
    flow = client.publish_flow("flow", one(), quiet=True)
    first = flow.version()
    again = client.publish_flow("flow", one(), quiet=True, engine="local")
    assert again.version().digest == first.digest
    assert [run.version for run in flow.runs()] == [first.digest] * 2
    client.publish_flow("flow", one(), quiet=True, description="changed", run_now=False)
    assert flow.version().digest != first.digest
    assert [item.number for item in flow.versions()] == [2, 1]
    assert flow.description == "changed"
    assert flow.latest().id == flow.runs()[0].id > flow.runs()[1].id
    assert [run.id for run in flow.runs(limit=1)] == [flow.latest().id]


@everywhere
def test_versions_are_found_by_number_or_the_start_of_their_digest(client: aq.Client) -> None:
    flow = client.publish_flow("flow", one(), quiet=True, run_now=False)
    assert not flow.diff()
    client.publish_flow("flow", add(one()), quiet=True, run_now=False)
    new, old = flow.versions()
    assert flow.version(1).digest == old.digest
    assert flow.version(old.digest[:15]).digest == old.digest
    assert flow.version(new.digest.partition(":")[2][:8]).digest == new.digest
    difference = flow.diff()
    assert (difference.before, difference.after) == (old.digest, new.digest)
    assert [item.name for item in difference.added] == ["add"]
    assert [item.name for item in flow.diff(2, 1).removed] == ["add"]
    assert not flow.diff(1, 1)
    newest, first = flow.versions()
    assert str(flow.diff(first, newest)) == str(flow.diff(1, 2))
    with pytest.raises(NotFoundError, match=r"no version '3'[\s\S]*1 to 2"):
        flow.diff(3)
    with pytest.raises(ParameterError, match="2 versions of 'flow' start with 'blake3'"):
        flow.version("blake3")


@everywhere
@pytest.mark.parametrize("artifacts", [[], [1], None])
def test_only_artifacts_are_published(client: aq.Client, artifacts: object) -> None:
    with pytest.raises((GraphError, TypeError)):
        client.publish_flow("flow", artifacts)
    for name in (" ", "a\nb", "\ud800", 5):
        with pytest.raises(GraphError, match="is no name"):
            client.publish_flow(name, one())
        with pytest.raises(GraphError, match="is no name"):
            client.create_param(name, 1)


@everywhere
def test_a_parameter_is_a_plain_value(client: aq.Client) -> None:
    for default in (one(), [1, one()]):
        with pytest.raises(GraphError, match=r"'limit' is an artifact, or has .*test_publish"):
            client.create_param("limit", default)


@everywhere
def test_workflows_are_found_by_their_tags(client: aq.Client) -> None:
    flow = client.publish_flow("first", one(), tags=["sales", "daily"], run_now=False, quiet=True)
    client.publish_flow("second", one(), run_now=False, quiet=True)
    assert flow.tags == ["sales", "daily"]
    assert [item.name for item in client.flows(tag="daily")] == ["first"]
    assert client.flows(tag="dail") == []
    assert len(client.flows()) == 2
    again = client.publish_flow("first", one(), tags=["nightly"], run_now=False, quiet=True)
    assert again.tags == flow.tags == ["nightly"]
    assert len(flow.versions()) == 1, "tags are no part of a version"


@everywhere
def test_what_can_not_be_is_refused_before_anything_is_kept(client: aq.Client) -> None:
    with pytest.raises(UnsupportedError, match="engine 'airflow_cluster'"):
        client.publish_flow("flow", one(), engine="airflow_cluster")
    with pytest.raises(ParameterError, match="tags='sales'"):
        client.publish_flow("flow", one(), tags="sales")
    with pytest.raises(ParameterError, match="keep_runs=0"):
        client.publish_flow("flow", one(), keep_runs=0)
    with pytest.raises(ParameterError, match="not both"):
        client.publish_flow("flow", one(), schedule=aq.daily(), after="other")
    with pytest.raises(NotFoundError, match="'nobody'"):
        client.publish_flow("flow", one(), notify={"nobody": "error"})
    with pytest.raises(ParameterError, match="'nope'"):
        client.publish_flow("flow", one(), parameters={"nope": 1})
    with pytest.raises(NotFoundError, match="no workflow 'first' to run after"):
        client.publish_flow("flow", one(), after="first")
    assert client.flows() == []


@everywhere
@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("schedule", "daily", r"aq\.daily\(\)"),
        ("after", 3, "a workflow or its name"),
        ("engine", 3, '"local"'),
        ("description", 3, "a text"),
        ("parameters", [("n", 1)], "a dict, by name"),
        ("notify", "ops@example.com", "a dict, by name"),
    ],
)
def test_options_of_another_type_are_refused(
    client: aq.Client, option: str, value: object, hint: str
) -> None:
    with pytest.raises(ParameterError, match=rf"publish_flow\({option}=[\s\S]*{hint}"):
        client.publish_flow("flow", one(), **{option: value})
    assert client.flows() == []


@everywhere
def test_parameters_are_given_by_name(client: aq.Client) -> None:
    number = client.create_param("n", 1)
    client.publish_flow("flow", add(number), run_now=False, quiet=True)
    with pytest.raises(ParameterError, match=r"parameters=\[2\]\nHint: values by their names"):
        client.trigger("flow", parameters=[2])
    with pytest.raises(ParameterError, match=r"parameters=\[2\]\nHint: values by their names"):
        add(number).get(parameters=[2])


@everywhere
def test_workflows_that_would_start_each_other_are_refused(client: aq.Client) -> None:
    a = client.publish_flow("a", one(), quiet=True, run_now=False)
    b = client.publish_flow("b", one(), quiet=True, run_now=False, after=a)
    client.publish_flow("c", one(), quiet=True, run_now=False, after="b")
    assert (b.after, b.starts) == ("a", "after a")
    with pytest.raises(GraphError, match="a -> b -> c -> a"):
        client.publish_flow("a", one(), after="c")
    with pytest.raises(GraphError, match="a -> a"):
        client.publish_flow("a", one(), after=a)
    assert a.after is None


@everywhere
def test_a_workflow_can_wait(
    client: aq.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = client.connect_integration("w", "sqlite", path=tmp_path / "w.db")
    table = warehouse.sql("SELECT 1 AS id")
    warehouse.save(table, table_name="copy")
    flow = client.publish_flow("flow", table, run_now=False, schedule=aq.daily(hour=8))
    assert flow.runs() == []
    with pytest.raises(NotFoundError, match="has not run yet"):
        flow.latest()
    assert flow.schedule == {"kind": "daily", "hour": 8, "minute": 0, "timezone": "UTC"}
    told = capsys.readouterr().err
    assert "version 1 published" in told
    assert "it runs by itself while" in told
    assert ("aqueduct scheduler" in told) is not client._session.is_remote
    assert "'copy' has mode='fail'" in told
    assert "client.trigger('flow')" in told
    assert "not run yet" in repr(flow)


@everywhere
def test_a_workflow_is_paused_and_resumed(client: aq.Client) -> None:
    flow = client.publish_flow("flow", one(), quiet=True, run_now=False, schedule=aq.hourly())
    flow.pause()
    assert flow.paused
    assert "paused" in repr(flow)
    flow.resume()
    assert not client.flow("flow").paused


@everywhere
def test_what_is_said_tells_where_to_look(
    client: aq.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = client.publish_flow("flow", one())
    told = capsys.readouterr()
    assert told.out == ""
    assert f"run {flow.latest().id} succeeded in" in told.err
    assert "client.flow('flow').latest()" in told.err
    assert client.home in told.err
    here = f"{client.home}/flows/{flow.id}/runs/{flow.latest().id}"
    assert (here in told.err) is client._session.is_remote
    client.publish_flow("flow", one(), quiet=True)
    assert capsys.readouterr().err == ""


@aq.op
def shouts(n: int) -> int:
    raise ValueError("first line " + "and more " * 100 + "\nsecond line")


@aq.op
def leaves(n: int) -> int:
    os._exit(5)


@aq.check
def is_large(n: int) -> bool:
    return n > 100


@everywhere
def test_what_is_said_of_troubles_is_a_line_for_each(
    client: aq.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    number = one()
    is_large(number)
    loud = shouts(number)
    client.publish_flow("flow", [add(loud), leaves(number)])
    told = capsys.readouterr().err.splitlines()
    lines = [line.strip() for line in told if line.startswith("    ")]
    assert [line.partition(": ")[0] for line in lines] == ["shouts", "leaves", "is_large"]
    assert lines[0].startswith("shouts: ValueError: first line and more and more")
    assert len(lines[0]) < 400
    assert "test_publish.py:" in lines[0]
    assert "exit code 5" in lines[1]
    assert lines[2] == "is_large: it returned False"
    assert not any("second line" in line for line in told)


@everywhere
def test_parameters_are_overridden_for_one_run(client: aq.Client) -> None:
    n = client.create_param("n", 1, description="a number")
    flow = client.publish_flow("flow", add(n, m=10), quiet=True, parameters={"n": 5})
    assert flow.latest().artifact("add").get() == 15
    assert flow.latest().parameters() == {"n": 5, "add.m": 10}
    run = flow.trigger({"add.m": 20}, quiet=True)
    assert run.artifact("add").get() == 21
    assert client.trigger("flow", quiet=True).parameters() == {"n": 1, "add.m": 10}
    with pytest.raises(ParameterError, match=r"'m'[\s\S]*parameters are: n, add.m"):
        flow.trigger({"m": 1})
    with pytest.raises(ParameterError, match="'n' is a number, and was given a text: str"):
        flow.trigger({"n": "5"})
    with pytest.raises(ParameterError, match=r"did you mean add\.m\?"):
        flow.trigger({"ad.m": 1})
    assert len(flow.runs()) == 3


@everywhere
def test_what_a_parameter_is_is_told_in_words(client: aq.Client) -> None:
    day = client.create_param("day", date(2026, 1, 31))
    flow = client.publish_flow("flow", aq.to_operator(str)(day), run_now=False, quiet=True)
    with pytest.raises(ParameterError, match="'day' is a date, and was given a text: str"):
        flow.trigger({"day": "2026-01-31"})
    for moment in (datetime(2026, 1, 30), pd.Timestamp("2026-01-30")):
        with pytest.raises(
            ParameterError, match=r"is a date, and was given a (datetime|Timestamp)\n.*\.date\(\)"
        ):
            flow.trigger({"day": moment})
    with pytest.raises(ParameterError, match="is a date, and was given a list"):
        flow.trigger({"day": [2026, 1, 30]})
    assert flow.trigger({"day": date(2026, 1, 30)}, quiet=True).status == "succeeded"


def test_what_is_no_artifact_is_refused(client: aq.Client) -> None:
    for wrong in (None, 3, [], [one], "one"):
        with pytest.raises(GraphError, match="takes the artifacts that the workflow is for, not"):
            client.publish_flow("flow", wrong)  # type: ignore[arg-type]


@everywhere
def test_a_check_of_parameters_alone_comes_along(client: aq.Client) -> None:
    n = client.create_param("n", 1)
    is_large(n)
    flow = client.publish_flow("flow", add(n, m=10), quiet=True)
    assert flow.latest().checks()["is_large"].passed is False
    other = client.publish_flow("other", one(), quiet=True)
    assert other.latest().checks() == {}


@everywhere
def test_why_there_is_no_artifact_is_told(client: aq.Client) -> None:
    flow = client.publish_flow("flow", add(shouts(1)), quiet=True)
    for name, hint in (("shouts", "run.error('shouts')"), ("add", "run.operators()")):
        with pytest.raises(NotFoundError, match=f"{name!r} has no artifact") as caught:
            flow.latest().artifact(name)
        assert str(caught.value.hint).startswith(hint)


@everywhere
def test_a_parameter_may_be_what_json_can_not_hold(client: aq.Client) -> None:
    pd = pytest.importorskip("pandas")

    @aq.op
    def total(table: object) -> int:
        return int(table["n"].sum())  # type: ignore[index]

    table = client.create_param("table", pd.DataFrame({"n": [1, 2]}))
    flow = client.publish_flow("flow", total(table), quiet=True)
    assert flow.latest().artifact("total").get() == 3
    run = flow.trigger({"table": pd.DataFrame({"n": [5]})}, quiet=True)
    assert run.artifact("total").get() == 5
    assert run.parameters()["table"]["n"].tolist() == [5]
    assert flow.latest().id == run.id


def test_a_function_that_was_not_called_is_told_from_its_artifact(client: aq.Client) -> None:
    for artifacts in (one, [one(), one]):
        with pytest.raises(GraphError, match=r"call the function: one\(\.\.\.\) is its artifact"):
            client.publish_flow("flow", artifacts)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match=r"not called yet: it is one\(\.\.\.\) that has \.get"):
        one.get()  # type: ignore[attr-defined]


def test_workflows_are_found_by_their_names_alone(client: aq.Client) -> None:
    flow: Any = client.publish_flow("flow", one(), run_now=False, quiet=True)
    for find in (client.flow, client.trigger, client.delete_flow):
        with pytest.raises(
            ParameterError, match=r"found by its name, not by <Flow[\s\S]*flow\.name"
        ):
            find(flow)
