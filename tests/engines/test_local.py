"""Runs of the local engine: order, failures, checks, saves, and who sees which data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.errors import NotFoundError, OperatorError
from aqueduct_core.integrations import SqlIntegration


@pytest.fixture
def client(tmp_path: Path) -> aq.Client:
    return aq.Client(home=tmp_path / "home")


@pytest.fixture
def warehouse(client: aq.Client, tmp_path: Path) -> SqlIntegration:
    found = client.connect_integration("warehouse", "sqlite", path=tmp_path / "w.db")
    with found.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [1, 2, 3]}), "customers", "fail")
    return found


def publish(client: aq.Client, *artifacts: aq.Artifact, **options: Any) -> aq.Run:
    return client.publish_flow("flow", list(artifacts), quiet=True, **options).latest()


def states(run: aq.Run) -> dict[str, str]:
    return {result.name: result.state for result in run.operators() if result.kind != "parameter"}


@aq.op
def score(df: pd.DataFrame) -> pd.DataFrame:
    df["score"] = df["id"] * 0.5
    return df


@aq.op
def broken(df: pd.DataFrame) -> pd.DataFrame:
    return df["nope"]


@aq.op
def count(df: pd.DataFrame) -> int:
    return len(df)


def test_a_run_from_query_to_save(client: aq.Client, warehouse: SqlIntegration) -> None:
    customers = warehouse.sql(
        "SELECT * FROM customers WHERE id > :low", parameters={"low": 1}, name="customers"
    )
    scored = score(customers)
    warehouse.save(scored, table_name="scores")
    run = publish(client, scored)
    assert run.status == "succeeded"
    assert states(run) == dict.fromkeys(["customers", "score", "save scores"], "succeeded")
    assert run.artifact("score").get()["score"].tolist() == [1.0, 1.5]
    assert list(run.artifact("customers").get().columns) == ["id"]
    assert warehouse.table("scores").get()["score"].tolist() == [1.0, 1.5]
    assert dict(run.operator("save scores").detail) == {
        "table": "scores",
        "mode": "fail",
        "rows": 2,
    }


def test_an_operator_that_changes_its_input_changes_nothing_else(
    client: aq.Client, warehouse: SqlIntegration
) -> None:
    @aq.op
    def columns(df: pd.DataFrame) -> list[str]:
        return list(df.columns)

    @aq.check(severity="error")
    def untouched(df: pd.DataFrame) -> bool:
        return list(df.columns) == ["id"]

    @aq.op
    def destroy(df: pd.DataFrame) -> int:
        df.loc[:, "id"] = -1
        df["id"].array._ndarray[:] = -2  # past every protection that pandas has
        return 0

    customers = warehouse.table("customers")
    first, last = score(customers), columns(customers)
    untouched(customers)
    run = publish(client, destroy(customers), first, last, score(customers))
    assert run.status == "succeeded"
    assert run.artifact("customers").get()["id"].tolist() == [1, 2, 3]
    assert run.artifact("columns").get() == ["id"]
    assert run.artifact("score-2").get()["id"].tolist() == [1, 2, 3]


def test_an_argument_that_is_passed_twice_is_one_object_inside(client: aq.Client) -> None:
    @aq.op
    def array() -> np.ndarray:
        return np.arange(3)

    @aq.op
    def same(a: object, b: object, *, c: object) -> bool:
        return a is b is c

    one = array()
    assert publish(client, same(one, one, c=one)).artifact("same").get() is True


def test_a_failed_branch_stops_only_what_needs_it(
    client: aq.Client, warehouse: SqlIntegration
) -> None:
    customers = warehouse.table("customers")
    bad = broken(customers)
    after = count(bad)
    good = score(customers)
    warehouse.save(good, table_name="good")
    warehouse.save(bad, table_name="bad")
    run = publish(client, after, good)
    assert run.status == "failed"
    assert states(run) == {
        "customers": "succeeded",
        "broken": "failed",
        "count": "skipped",
        "score": "succeeded",
        "save good": "succeeded",
        "save bad": "skipped",
    }
    assert run.operator("count").reason == "'broken' has no result"
    with pytest.raises(NotFoundError, match=r"'broken' has no artifact.*failed.*KeyError"):
        run.artifact("broken")


def test_an_error_points_at_the_users_own_line(
    client: aq.Client, warehouse: SqlIntegration
) -> None:
    run = publish(client, broken(warehouse.table("customers")))
    failure = run.error("broken")
    line = broken.local.__code__.co_firstlineno + 2
    assert failure is not None
    assert failure.type == "KeyError"
    assert failure.site == f"engines/test_local.py:{line}"
    assert (failure.frames[0].file, failure.code[0]) == (__file__, 'return df["nope"]')
    assert "aqueduct_core" not in failure.traceback
    assert list(run.errors()) == ["broken"]
    with pytest.raises(
        OperatorError, match=rf"op 'broken' \(made at .*KeyError.*:{line}"
    ) as caught:
        broken(warehouse.table("customers")).get()
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_failing_warning_marks_the_run(client: aq.Client, warehouse: SqlIntegration) -> None:
    customers = warehouse.table("customers")
    aq.check(name="few")(lambda df: len(df) < 2)(customers)
    aq.check(name="wrong")(lambda df: df["nope"])(customers)
    warehouse.save(customers, table_name="copy")
    run = publish(client, customers)
    assert run.status == "warning"
    assert states(run) == {
        "customers": "succeeded",
        "few": "warning",
        "wrong": "warning",
        "save copy": "succeeded",
    }
    few, wrong = run.checks()["few"], run.checks()["wrong"]
    assert (few.passed, few.severity, bool(few)) == (False, "warning", False)
    assert (wrong.passed, wrong.reason) == (None, "it raised KeyError")


@pytest.mark.parametrize("verdict", ["false", "raises", "skipped"])
def test_a_failing_error_holds_back_every_save(
    client: aq.Client, warehouse: SqlIntegration, verdict: str
) -> None:
    customers = warehouse.table("customers")

    @aq.check(severity="error")
    def valid(df: pd.DataFrame) -> Any:
        return df["id"] < 3 if verdict == "false" else None

    valid(broken(customers) if verdict == "skipped" else customers)
    scored = score(customers)
    warehouse.save(scored, table_name="scores")
    warehouse.save(customers, table_name="copy")
    run = publish(client, scored, *(valid_inputs(customers) if verdict == "skipped" else ()))
    assert run.status == "failed"
    assert states(run)["score"] == "succeeded"
    assert {states(run)["save scores"], states(run)["save copy"]} == {"skipped"}
    assert run.operator("save copy").reason == "held back: the check 'valid' did not pass"
    assert warehouse.tables() == ["customers"]


def valid_inputs(artifact: aq.Artifact) -> list[aq.Artifact]:
    """A failing operator on the same input, with an error check of its own."""
    bad = broken(artifact)
    aq.check(severity="error", name="valid")(lambda df: True)(bad)
    return [bad]


def test_saves_into_one_database_are_one_transaction(
    client: aq.Client, warehouse: SqlIntegration
) -> None:
    customers = warehouse.table("customers")
    warehouse.save(score(customers), table_name="scores")
    warehouse.save(customers, table_name="customers", mode="fail")
    run = publish(client, score(customers), customers)
    names = aq.op(lambda: 1)  # an artifact that nothing is saved from
    assert run.status == "failed"
    assert run.operator("save customers").error is not None
    assert warehouse.tables() == ["customers"]
    assert publish(client, names()).status == "succeeded"


def test_results_and_outputs_are_where_everybody_can_find_them(
    client: aq.Client, warehouse: SqlIntegration
) -> None:
    run = publish(client, count(warehouse.table("customers")))
    uuid = run.operator("count").operator
    folder = Path(client.home) / "artifacts" / "operators" / uuid / run.id
    result = json.loads((folder / "result.json").read_text())
    assert (result["format"], result["state"], result["name"]) == (1, "succeeded", "count")
    assert set(result["seconds"]) == {"load", "run", "store"}
    assert result["environment"]["python"] == sys.version.split()[0]
    ref = aq.ArtifactRef.deserialize(result["outputs"]["output"])
    assert ref.key == f"operators/{uuid}/{run.id}/output"
    assert client.store.get(ref) == 3
    lineage = client.store.manifest(ref).lineage
    assert lineage["inputs"] == [run.artifact("customers").ref.digest]


def test_several_outputs(client: aq.Client) -> None:
    @aq.op(outputs=["train", "test"])
    def split(values: list[int]) -> tuple[list[int], list[int]]:
        return values[:2], values[2:]

    train, _ = split([1, 2, 3])
    run = publish(client, aq.op(name="total")(sum)(train))
    assert run.artifact("total").get() == 3
    assert run.artifact("test").get() == run.artifact("split.test").get() == [3]
    assert train.get() == [1, 2]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1, "returned int"),
        ((1,), "returned 1 values"),
        ((1, 2, 3), "returned 3 values"),
        (None, "returned NoneType"),
    ],
)
def test_a_wrong_number_of_outputs(client: aq.Client, value: object, reason: str) -> None:
    pair = aq.op(outputs=["a", "b"], name="pair")(lambda: value)
    one, _ = pair()
    failure = publish(client, one).error("pair")
    assert failure is not None
    assert failure.message.startswith(f"pair has the outputs a, b, and {reason}")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: sys.exit(3), "SystemExit"),
        (lambda: (i for i in "ab"), "generator"),
        (lambda: score(1), "returned the artifact 'score'"),
        (lambda: 1 / 0, "division by zero"),
    ],
    ids=["exit", "generator", "handle", "raise"],
)
def test_other_ways_to_fail(client: aq.Client, make: Any, reason: str) -> None:
    run = publish(client, aq.op(name="fails")(make)())
    assert run.status == "failed"
    assert reason in str(run.error("fails"))


def test_parameters_are_overridden_for_one_run(client: aq.Client) -> None:
    limit = client.create_param("limit", 10)

    @aq.op
    def double(value: int, times: int) -> int:
        return value * times

    artifact = double(limit, times=2)
    assert publish(client, artifact).parameters() == {"limit": 10, "double.times": 2}
    other = publish(client, artifact, parameters={"limit": None, "double.times": 0})
    assert other.status == "failed"
    other = publish(client, artifact, parameters={"limit": 7})
    assert other.artifact("double").get() == 14
    assert artifact.get() == 20
    assert artifact.get({"limit": 1, "double.times": 5}) == 5


def test_get_remembers_what_it_computed_and_gives_copies(client: aq.Client) -> None:
    calls = []
    size = client.create_param("size", 2)

    @aq.op
    def base(n: int) -> pd.DataFrame:
        calls.append(("base", n))
        return pd.DataFrame({"id": range(n)})

    @aq.op
    def total(df: pd.DataFrame, power: int) -> int:
        calls.append(("total", power))
        return int((df["id"] ** power).sum())

    table = base(size)
    artifact = total(table, power=1)
    frame = table.get()
    frame["id"] = 100
    assert (artifact.get(), artifact.get(), len(table.get())) == (1, 1, 2)
    assert calls == [("base", 2), ("total", 1)]
    assert artifact.get({"total.power": 3}) == 1  # the table is not computed again
    assert artifact.get({"size": 4}) == 6
    assert calls[2:] == [("total", 3), ("base", 4), ("total", 1)]
    assert artifact.get() == 1


def test_long_chains_run(client: aq.Client) -> None:
    add = aq.op(name="add")(lambda x: x + 1)
    value = add(0)
    for _ in range(1_100):
        value = add(value)
    assert value.get() == 1_101
