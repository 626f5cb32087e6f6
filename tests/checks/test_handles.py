"""The metrics and checks that handles have as methods."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.checks import preset
from aqueduct_core.dag import GenericArtifact, Graph, Operator, Parameter
from aqueduct_core.errors import GraphError, OperatorError
from tests.dag.computing import value_of


@aq.op
def table(rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"x": [float(row) for row in range(rows)], "y": "a"})


@aq.op
def unknown():
    return table.local()


@aq.metric
def size(df: pd.DataFrame) -> int:
    return len(df)


def parameter() -> aq.GenericArtifact:
    return GenericArtifact(Operator(name="limit", task=Parameter(1)), "output")


METRICS = [
    (lambda df: df.number_of_rows(), "number_of_rows of table", {"name": "number_of_rows"}, 3),
    (
        lambda df: df.number_of_missing_values(),
        "number_of_missing_values of table",
        {"name": "number_of_missing_values"},
        0,
    ),
    (
        lambda df: df.number_of_missing_values(column="x"),
        "number_of_missing_values(x) of table",
        {"name": "number_of_missing_values", "column": "x"},
        0,
    ),
    (
        lambda df: df.number_of_missing_values(row=0),
        "number_of_missing_values(row 0) of table",
        {"name": "number_of_missing_values", "row": 0},
        0,
    ),
    (lambda df: df.min("x"), "min(x) of table", {"name": "min", "column": "x"}, 0.0),
    (lambda df: df.max("x"), "max(x) of table", {"name": "max", "column": "x"}, 2.0),
    (lambda df: df.mean(column="x"), "mean(x) of table", {"name": "mean", "column": "x"}, 1.0),
    (lambda df: df.std("x"), "std(x) of table", {"name": "std", "column": "x"}, 1.0),
]


@pytest.mark.parametrize(("make", "name", "told", "value"), METRICS, ids=[m[1] for m in METRICS])
def test_preset_metrics_are_steps_of_their_own(make, name, told, value) -> None:
    df = table()
    made = make(df)
    operator = made.operator
    assert isinstance(made, aq.NumericArtifact)
    assert (operator.name, operator.kind) == (name, "metric")
    assert operator.task.preset == told
    assert operator.task.spec() == {"preset": json.loads(json.dumps(told))}
    assert operator.site.file == __file__
    assert value_of(made) == value == preset(**told)(table.local())
    assert operator in Graph.of([df]).operators


def test_what_nothing_is_known_about_may_turn_out_to_be_a_table_or_a_number() -> None:
    assert value_of(unknown().number_of_rows()) == 3
    assert value_of(aq.op(name="number")(lambda: 3)().bound(lower=0)) is True
    with pytest.raises(OperatorError, match="a number, not DataFrame"):
        value_of(unknown().bound(lower=0))


@pytest.mark.parametrize("metric", ["runtime", "max_memory"])
def test_system_metrics_are_there_for_every_artifact(metric: str) -> None:
    for made in (table(), size(table()), size(table()).bound(lower=0)):
        operator = made.system_metric(metric).operator
        assert operator.kind == "metric"
        assert operator.name == f"{metric} of {made.name}"
        assert operator.task.preset == {"name": "system_metric", "metric": metric}
        assert [item.operator for item in operator.args] == [made.operator]


def test_bounds_are_checks_that_a_spec_can_show() -> None:
    rows = table().number_of_rows()
    check = rows.bound(lower=1, upper=np.float64(2.5), severity="error")
    task = check.operator.task
    assert isinstance(check, aq.BoolArtifact)
    assert check.name == "number_of_rows of table >= 1 and <= 2.5"
    assert task.preset == {"name": "bound", "lower": 1, "upper": 2.5}
    assert type(task.preset["upper"]) is float
    assert (task.kind, task.severity) == ("check", "error")
    assert value_of(check) is False
    assert value_of(rows.bound(equal=3)) is True
    assert value_of(rows.bound(not_equal=3)) is False
    assert rows.bound(equal=0).operator.task.severity == "warning"


def test_two_bounds_are_two_checks_and_the_same_bound_is_one() -> None:
    rows = table().number_of_rows()
    rows.bound(upper=10)
    rows.bound(upper=100, severity="error")
    again = rows.bound(upper=10, severity="error")
    checks = list(rows.operator.attached.values())
    assert [item.name for item in checks] == [f"{rows.name} <= 10", f"{rows.name} <= 100"]
    assert checks[0] is again.operator


def test_presets_of_several_tables_have_names_of_their_own() -> None:
    first = table()
    second = table(value_of(first.number_of_rows()))
    other = aq.op(name="other")(table.local)()
    made = [first.min("x"), second.min("x"), other.min("x"), first.min("y")]
    graph = Graph.of(made)
    assert [graph.names[item.operator] for item in made] == [
        "min(x) of table",
        "min(x) of table-2",
        "min(x) of other",
        "min(y) of table",
    ]


@pytest.mark.parametrize(
    ("call", "reason", "way_out"),
    [
        (lambda: table().min(None), "min needs a column", '.min("price")'),
        (lambda: table().min(["x"]), "column=['x'] is no name of a column", "a text"),
        (lambda: table().min(True), "column=True is no name", "a text"),
        (
            lambda: table().number_of_missing_values(row=-1),
            "row=-1 is no row",
            "counted from 0",
        ),
        (
            lambda: table().number_of_missing_values(row=0, column="x"),
            "a column or a row, not both",
            "leave out one",
        ),
        (lambda: table().system_metric("cpu"), "no system metric 'cpu'", "runtime, max_memory"),
        (lambda: parameter().system_metric("runtime"), "'limit' is a parameter", "an operator"),
        (lambda: size(1).bound(), "bound() has no bound", "lower=0"),
        (lambda: size(1).bound(lower=2, upper=1), "nothing lies between", "smaller"),
        (lambda: size(1).bound(lower="1"), "bound(lower='1') is no number", "lower=100"),
        (lambda: size(1).bound(upper=math.inf), "bound(upper=inf) is no number", "upper=100"),
        (lambda: size(1).bound(equal=True), "bound(equal=True) is no number", "equal=100"),
        (lambda: size(1).bound(lower=1, severity="bad"), "severity='bad'", '"warning"'),
        (lambda: table().validate({"x": float}), "a schema of pandera, not dict", "pandera"),
        (lambda: table().validate(pd.DataFrame), "a schema of pandera, not DataFrame", "pandera"),
    ],
)
def test_what_makes_no_sense_is_told_at_the_line_of_the_call(call, reason, way_out) -> None:
    with pytest.raises(GraphError) as caught:
        call()
    message, hint = str(caught.value).split("\nHint: ")
    assert reason in message
    assert "(at checks/test_handles.py:" in message
    assert way_out in hint
