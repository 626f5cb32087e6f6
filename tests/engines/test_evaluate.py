"""Artifacts that are computed here and now."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Artifact, GenericArtifact, Operator, Parameter
from aqueduct_core.errors import OperatorError, ParameterError
from aqueduct_core.integrations import open_integration


def parameter(name: str, value: object) -> Artifact:
    return GenericArtifact(Operator(name=name, task=Parameter(value)), "output")


@aq.op
def table(n: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"id": range(n)})


def test_get_computes_in_this_process() -> None:
    assert aq.op(os.getpid)().get() == os.getpid()


def test_no_database_is_needed() -> None:
    code = """
import sys
import aqueduct_core as aq
assert aq.op(name="one")(lambda: 1)().get() == 1
print([name for name in ("sqlalchemy", "subprocess", "pandas") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_get_remembers_what_it_computed_and_gives_copies() -> None:
    calls: list[tuple[str, int]] = []
    size = parameter("size", 2)

    @aq.op
    def base(n: int) -> pd.DataFrame:
        calls.append(("base", n))
        return pd.DataFrame({"id": range(n)})

    @aq.op
    def total(df: pd.DataFrame, power: int) -> int:
        calls.append(("total", power))
        return int((df["id"] ** power).sum())

    frame = base(size)
    artifact = total(frame, power=1)
    value = frame.get()
    value["id"] = 100
    assert (artifact.get(), artifact.get(), len(frame.get())) == (1, 1, 2)
    assert calls == [("base", 2), ("total", 1)]
    assert artifact.get({"total.power": 3}) == 1  # the table is not computed again
    assert artifact.get({"size": 4}) == 6
    assert calls[2:] == [("total", 3), ("base", 4), ("total", 1)]
    assert artifact.get() == 1
    with pytest.raises(ParameterError, match="no parameter is called 'nope'"):
        artifact.get({"nope": 1})


def test_an_operator_that_changes_its_input_changes_nothing_else() -> None:
    @aq.op
    def score(df: pd.DataFrame) -> pd.DataFrame:
        df["score"] = 1.0
        return df

    first = table()
    assert list(score(first).get().columns) == ["id", "score"]
    assert list(first.get().columns) == ["id"]


def test_some_columns_of_a_table() -> None:
    wide = aq.op(name="wide")(lambda: pd.DataFrame({"a": [1], "b": [2], "c": [3]}))()
    some = wide.select("c", "a")
    assert list(some.get().columns) == ["c", "a"]
    assert list(wide.get().columns) == ["a", "b", "c"]
    assert list(some.head(1).columns) == ["c", "a"]
    assert "<th>c<br>" in some._repr_html_()
    assert "<th>b<br>" not in some._repr_html_()
    both = aq.op(name="both")(lambda df, whole: (list(df.columns), list(whole.columns)))
    assert both(some, wide).get() == (["c", "a"], ["a", "b", "c"])
    width = aq.metric(name="width")(lambda df: df.shape[1])
    width(some)
    width(wide)
    assert len(wide.operator.attached) == 2, "metrics on other columns are others"
    with pytest.raises(OperatorError, match="no column 'nope'; there are 'a', 'b', 'c'"):
        both(wide.select("nope"), wide).get()


def test_an_argument_that_is_passed_twice_is_one_object_inside() -> None:
    array = aq.op(name="array")(lambda: np.arange(3))()
    same = aq.op(name="same")(lambda a, b, *, c: a is b is c)
    assert same(array, array, c=array).get() is True


def test_several_outputs() -> None:
    @aq.op(outputs=["train", "test"])
    def split(values: list[int]) -> tuple[list[int], list[int]]:
        return values[:2], values[2:]

    train, test = split([1, 2, 3])
    assert (train.get(), test.get()) == ([1, 2], [3])


def test_an_error_points_at_the_users_own_line() -> None:
    @aq.op
    def broken(df: pd.DataFrame) -> Any:
        return df["nope"]

    line = broken.local.__code__.co_firstlineno + 2
    with pytest.raises(OperatorError, match=rf"op 'broken' \(made at .*KeyError.*:{line}") as told:
        broken(table()).get()
    assert isinstance(told.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: sys.exit(3), "SystemExit"),
        (lambda: (i for i in "ab"), r"\) failed: .*generator"),
        (lambda: table(1), r"\) failed: fails returned the artifact 'table'"),
        (lambda: 1 / 0, "division by zero"),
    ],
    ids=["exit", "generator", "handle", "raise"],
)
def test_other_ways_to_fail(make: Any, reason: str) -> None:
    with pytest.raises(OperatorError, match=reason):
        aq.op(name="fails")(make)().get()


def test_metrics_and_checks_have_values() -> None:
    first = table()
    rows = aq.metric(name="rows")(len)(first)
    assert rows.get() == 3
    assert aq.check(name="few")(lambda df: df["id"] < 2)(first).get() is False
    assert first.number_of_rows().get() == 3
    assert first.max("id").get() == 2
    assert rows.bound(upper=2).get() is False


def test_system_metrics_are_measured_here() -> None:
    def work(n: int) -> bytes:
        return bytes(bytearray(n))

    data = aq.op(name="work")(work)(200 << 20)
    runtime, memory = data.system_metric("runtime"), data.system_metric("max_memory")
    assert 0 < runtime.get() < 60
    assert memory.get() > 200 << 20
    assert runtime.get() == runtime.get()


def test_queries_are_answered(tmp_path: Path) -> None:
    warehouse: Any = open_integration("warehouse", "sqlite", {"path": str(tmp_path / "w.db")})
    with warehouse.transaction() as transaction:
        transaction.save(pd.DataFrame({"id": [1, 2]}), "here", "fail")
    query = warehouse.sql("SELECT * FROM here WHERE id > :low", parameters={"low": 1})
    assert query.get()["id"].tolist() == [2]


def test_long_chains_are_computed() -> None:
    add = aq.op(name="add")(lambda x: x + 1)
    value = add(0)
    for _ in range(1_100):
        value = add(value)
    assert value.get() == 1_101


def test_several_threads_may_ask() -> None:
    slow = aq.op(name="slow")(lambda x: [*range(x)])(1_000)
    ends = [aq.op(name="end")(lambda values, n: sum(values) + n)(slow, n) for n in range(8)]
    found: dict[int, int] = {}

    def ask(number: int) -> None:
        found[number] = ends[number].get()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: sum(range(1_000)) + number for number in range(8)}
