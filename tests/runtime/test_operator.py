from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Version
from aqueduct_core.errors import AqueductError
from aqueduct_core.integrations import open_integration
from aqueduct_core.runtime import (
    Job,
    Workspace,
    expected_types,
    read_result,
    run_operator,
    write_result,
)
from aqueduct_core.runtime._outputs import split
from aqueduct_core.serializers import tagged
from tests.runtime.flows import Faulty, add, number, output, publish, run_all, run_one


@aq.op
def table() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3]})


def test_a_result_says_everything_about_an_operator(workspace: Workspace) -> None:
    version = publish(workspace.store, add(number(), y=5))
    results = run_all(workspace, version, run="manual-1")
    result = results["add"]
    assert (result.state, result.name, result.kind, result.run) == (
        "succeeded",
        "add",
        "op",
        "manual-1",
    )
    assert result.operator == version.ids["add"]
    assert output(workspace, result) == 12
    assert result.outputs["output"].key == f"operators/{version.ids['add']}/manual-1/output"
    assert result.inputs == {"number": results["number"].outputs["output"].digest}
    assert list(result.seconds) == ["load", "environment", "run", "store"]
    assert result.duration == sum(result.seconds.values()) > 0
    assert result.environment["python"].startswith("3.")
    assert result.reason is result.error is result.cached is None
    assert read_result(workspace.store, result.operator, "manual-1") == result


def test_lineage_stands_in_the_manifests(workspace: Workspace) -> None:
    version = publish(workspace.store, add(number()))
    results = run_all(workspace, version)
    manifest = workspace.store.manifest(results["add"].outputs["output"])
    assert manifest.name == "add"
    assert manifest.lineage == {
        "operator": version.ids["add"],
        "run": "r1",
        "inputs": [results["number"].outputs["output"].digest],
    }


def test_parameters_come_from_the_spec_or_from_the_run(workspace: Workspace) -> None:
    @aq.op
    def show(text: str, when: Any, frame: Any) -> list[Any]:
        return [text, when, len(frame)]

    version = publish(workspace.store, show("a", (1, {2}), pd.DataFrame({"x": [1, 2]})))
    result = run_all(workspace, version)["show"]
    assert output(workspace, result) == ["a", (1, {2}), 2]
    other = workspace.store.put(pd.DataFrame({"x": [1]}), "other")
    values: dict[str, Any] = {
        "show.text": {"value": tagged.to_json("b")},
        "show.frame": {"artifact": other.serialize()},
    }
    result = run_operator(workspace, Job(version, "show", "r2", 1, values))
    assert output(workspace, result) == ["b", (1, {2}), 1]


def test_what_is_passed_twice_is_one_object_inside(workspace: Workspace) -> None:
    @aq.op
    def same(x: Any, y: Any, *, z: Any) -> bool:
        return x is y is z

    frame = table()
    assert output(workspace, run_one(workspace, same(frame, frame, z=frame))) is True


def test_a_branch_that_changes_its_input_changes_nothing_for_others(workspace: Workspace) -> None:
    @aq.op
    def left(frame: pd.DataFrame) -> pd.DataFrame:
        frame["score"] = 1.0
        frame.loc[0, "a"] = 100
        return frame

    @aq.op
    def right(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * 2

    @aq.op
    def join(one: pd.DataFrame, two: pd.DataFrame) -> list[Any]:
        return [list(one.columns), list(two.columns), int(one["a"].sum()), int(two["a"].sum())]

    start = table()
    version = publish(workspace.store, join(left(start), right(start)))
    results = run_all(workspace, version)
    assert output(workspace, results["join"]) == [["a", "score"], ["a"], 105, 12]
    assert list(output(workspace, results["table"]).columns) == ["a"]
    assert output(workspace, results["table"])["a"].tolist() == [1, 2, 3]


def test_a_function_is_new_each_time(workspace: Workspace) -> None:
    seen: list[int] = []

    @aq.op
    def count() -> int:
        seen.append(1)
        return len(seen)

    version = publish(workspace.store, count())
    assert [output(workspace, run_all(workspace, version, run)["count"]) for run in "ab"] == [1, 1]


def test_an_array_of_a_function_is_as_it_was_each_time(workspace: Workspace) -> None:
    shared = np.zeros(10)

    @aq.op
    def change() -> float:
        shared[:] += 1
        return float(shared[0])

    version = publish(workspace.store, change())
    runs = [run_all(workspace, version, run)["change"] for run in "abc"]
    assert [output(workspace, result) for result in runs] == [1.0, 1.0, 1.0]


def test_several_outputs_are_artifacts_of_their_own(workspace: Workspace) -> None:
    @aq.op(outputs=["train", "test"])
    def divide(x: int) -> tuple[int, str]:
        return x, str(x)

    train, test = divide(number())
    version = publish(workspace.store, add(train), test)
    results = run_all(workspace, version)
    assert output(workspace, results["divide"], "test") == "7"
    assert results["divide"].outputs["train"].name == "divide.train"
    assert results["add"].inputs == {"divide.train": results["divide"].outputs["train"].digest}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (3, "has the outputs a, b, and returned int"),
        ((1, 2, 3), "returned 3 values"),
        ((1, number()), "returned the artifact 'number'"),
    ],
)
def test_wrong_outputs_are_a_failure(workspace: Workspace, returned: Any, said: str) -> None:
    @aq.op(outputs=["a", "b"])
    def several() -> Any:
        return None

    version = publish(workspace.store, several()[0])
    with pytest.raises(AqueductError, match=said):
        split("several", ("a", "b"), returned)
    result = run_all(workspace, version)["several"]
    assert result.state == "failed"
    assert result.reason == "several has the outputs a, b, and returned NoneType"


def test_metrics_are_numbers_in_the_result_and_in_the_store(workspace: Workspace) -> None:
    @aq.metric
    def mean(frame: pd.DataFrame) -> Any:
        return frame["a"].mean()

    @aq.metric
    def nothing(frame: pd.DataFrame) -> float:
        return float("nan")

    frame = table()
    mean(frame), nothing(frame)
    results = run_all(workspace, publish(workspace.store, frame))
    assert results["mean"].value == 2.0
    assert isinstance(output(workspace, results["mean"]), np.float64)
    stored = read_result(workspace.store, results["nothing"].operator, "r1")
    assert stored is not None
    assert str(stored.value) == "nan"


@pytest.mark.parametrize(
    ("severity", "state"), [("warning", "warning"), ("error", "failed")], ids=str
)
def test_a_check_says_what_it_found(workspace: Workspace, severity: Any, state: str) -> None:
    @aq.check(severity=severity)
    def small(frame: pd.DataFrame) -> Any:
        return frame["a"] < 3

    @aq.check(severity=severity)
    def positive(frame: pd.DataFrame) -> Any:
        return np.bool_((frame["a"] > 0).all())

    frame = table()
    small(frame), positive(frame)
    results = run_all(workspace, publish(workspace.store, frame))
    assert (results["small"].state, results["small"].passed) == (state, False)
    assert results["small"].reason == "1 of 3 rows are not true"
    assert results["small"].severity == severity
    assert (results["positive"].state, results["positive"].passed) == ("succeeded", True)
    assert output(workspace, results["positive"]) is True


def test_presets_need_no_function(workspace: Workspace) -> None:
    frame = table()
    assert isinstance(frame, aq.TableArtifact)
    frame.number_of_rows().bound(lower=5, severity="error")
    frame.system_metric("max_memory"), frame.system_metric("runtime")
    version = publish(workspace.store, frame)
    assert set(version.code) == {"table"}
    found = run_all(workspace, version)
    by_kind = {result.value: result for result in found.values() if result.kind == "metric"}
    assert 3.0 in by_kind
    assert found["table"].peak_memory in by_kind
    assert found["table"].seconds["run"] in by_kind
    [bound] = [result for result in found.values() if result.kind == "check"]
    assert (bound.passed, bound.reason) == (False, "3 is not >= 5")


def test_a_query_is_read_through_the_connection_of_the_workspace(
    workspace: Workspace, tmp_path: Any
) -> None:
    config = {"path": str(tmp_path / "w.db")}
    warehouse: Any = open_integration("warehouse", "sqlite", config)
    with warehouse.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [1, 2, 3]}), "things", "fail")
    found = warehouse.sql("SELECT id FROM things WHERE id > :low", parameters={"low": 1}, name="q")
    version = publish(workspace.store, found)
    connected = Workspace(workspace.store, {"warehouse": {"kind": "sqlite", "config": config}})
    result = run_all(connected, version)["q"]
    assert result.state == "succeeded", result.reason
    assert output(workspace, result)["id"].tolist() == [2, 3]
    result = run_all(workspace, version)["q"]
    assert result.state == "failed"
    assert "no data system is called 'warehouse'" in str(result.reason)


def test_what_comes_after_a_failure_is_skipped_and_says_why(workspace: Workspace) -> None:
    @aq.op
    def fails() -> int:
        raise ValueError("no")

    version = publish(workspace.store, add(add(fails())))
    results = run_all(workspace, version)
    assert results["fails"].state == "failed"
    assert (results["add"].state, results["add"].reason) == (
        "skipped",
        "'fails' has no result: it failed",
    )
    assert results["add-2"].reason == "'add' has no result: it was skipped"
    alone = run_operator(workspace, Job(version, "add", "r2"))
    assert alone.reason == "'fails' has no result: it did not run"


def test_an_artifact_that_is_gone_is_a_failure(workspace: Workspace) -> None:
    version = publish(workspace.store, add(number()))
    results = run_all(workspace, version)
    workspace.store.delete(results["number"].outputs["output"].key)
    result = run_operator(workspace, Job(version, "add", "r1", attempt=2))
    assert result.state == "failed"
    assert "'number' was made by this run and is not in the store any more" in str(result.reason)


def test_a_type_that_changes_is_an_error_that_shows_both(workspace: Workspace) -> None:
    @aq.op
    def either(kind: str) -> Any:
        return {"number": 1, "text": "1", "none": None, "json": [1], "nest": [np.arange(2)]}[kind]

    version = publish(workspace.store, either("number"))

    def run(kind: str, before: str | None) -> Any:
        values: dict[str, Any] = {"either.kind": {"value": kind}}
        expected = {}
        if before is not None:
            values["either.kind"] = {"value": before}
            first = run_operator(workspace, Job(version, "either", before, 1, values))
            expected = expected_types(first)
        values["either.kind"] = {"value": kind}
        return run_operator(workspace, Job(version, "either", "now", 1, values, expected))

    result = run("text", "number")
    assert result.state == "failed"
    assert (
        "'either' is of type text now, and was of type numeric in the run before" in result.reason
    )
    assert not workspace.store.exists(f"operators/{version.ids['either']}/now/output")
    assert run("number", "number").state == "succeeded"
    assert run("none", "text").state == "succeeded"
    assert run("text", "none").state == "succeeded"
    assert run("nest", "json").state == "succeeded"
    assert run("text", "json").state == "failed"


def test_another_python_is_refused(workspace: Workspace) -> None:
    version = publish(workspace.store, number())
    other = replace(version, spec=replace(version.spec, python="3.1"))
    result = run_operator(workspace, Job(other, "number", "r1"))
    assert result.state == "failed"
    assert "Python 3.1" in str(result.reason)
    assert "{}.{}".format(*sys.version_info) in str(result.reason)


@pytest.mark.parametrize("profile", ["local", "remote"])
def test_inputs_are_loaded_whatever_the_storage(faulty: Faulty, profile: str) -> None:
    @aq.op
    def total(*numbers: int, more: int) -> int:
        return sum(numbers) + more

    workspace, storage = faulty()
    storage.profile = profile
    version = publish(workspace.store, total(number(), add(1), 5, more=add(2)))
    assert output(workspace, run_all(workspace, version)["total"]) == 7 + 2 + 5 + 3


def test_a_workspace_is_made_from_its_description(workspace: Workspace) -> None:
    version = publish(workspace.store, number())
    described = json.dumps(
        {"store": workspace.store.url, "signing_key": b"0123456789abcdef0123456789abcdef".hex()}
    )
    other = Workspace.from_json(json.loads(described))
    loaded = Version.load(other.store, version.flow, version.digest)
    assert run_operator(other, Job(loaded, "number", "r1")).state == "succeeded"
    assert "secret" not in repr(Workspace(other.store, {"x": {"config": {"password": "secret"}}}))


def test_writing_the_same_attempt_again_replaces_it(workspace: Workspace) -> None:
    result = run_one(workspace, number())
    changed = replace(result, state="failed", reason="found out later")
    assert write_result(workspace.store, changed)
    assert read_result(workspace.store, result.operator, "r1") == changed


def test_only_the_columns_that_are_asked_for_are_loaded(workspace: Workspace) -> None:
    wide = aq.op(name="wide")(lambda: pd.DataFrame({"a": [1], "b": [2], "c": [3]}))()

    @aq.op
    def names(some: pd.DataFrame, whole: pd.DataFrame) -> list[list[str]]:
        return [list(some.columns), list(whole.columns)]

    version = publish(workspace.store, names(wide.select("c", "a"), whole=wide))
    assert Version.from_json(version.to_json()).spec == version.spec
    results = run_all(workspace, version)
    assert output(workspace, results["names"]) == [["c", "a"], ["a", "b", "c"]]
    assert results["names"].inputs == {"wide": results["wide"].outputs["output"].digest}

    version = publish(workspace.store, names(wide.select("nope"), wide))
    failed = run_all(workspace, version)["names"]
    assert failed.state == "failed"
    assert failed.reason == "an input can't be loaded: no column 'nope'; there are 'a', 'b', 'c'"
