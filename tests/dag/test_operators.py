"""Decorators, calls and the handles they return."""

from __future__ import annotations

import asyncio
import inspect

import pandas as pd
import pytest

import aqueduct_core as aq
from aqueduct_core.dag import Graph
from aqueduct_core.errors import GraphError


@aq.op
def double(df: pd.DataFrame, times: int = 2) -> pd.DataFrame:
    """Twice the value.

    And more.
    """
    return df * times


def labels(artifact: aq.Artifact) -> list[str]:
    graph = Graph.behind(artifact)
    return [graph.names[operator] for operator in graph.operators]


def test_the_function_stays_what_it_is() -> None:
    assert double.__name__ == "double"
    assert (double.__doc__ or "").startswith("Twice")
    assert list(inspect.signature(double).parameters) == ["df", "times"]
    assert double.local(pd.DataFrame({"a": [1]}), 3)["a"].tolist() == [3]


def test_bare_and_called_make_the_same() -> None:
    def plain(x: int) -> int:
        return x

    assert aq.op(plain)(1).operator.name == aq.op()(plain)(1).operator.name == "plain"
    assert aq.op(name="other")(plain)(1).name == "other"
    assert aq.to_operator(plain, name="third")(1).name == "third"
    assert aq.metric(plain)(1).operator.kind == aq.metric()(plain)(1).operator.kind == "metric"
    assert aq.check(plain)(1).operator.task.severity == "warning"
    assert aq.check(severity="error")(plain)(1).operator.task.severity == "error"


def test_the_description_is_the_first_line_of_the_docstring() -> None:
    assert double(1).operator.description == "Twice the value."


def test_annotations_choose_the_handle_only() -> None:
    @aq.op(outputs=["table", "number"])
    def split(df: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        return df, 1.0

    @aq.op
    def unknown(df) -> NotThere:  # noqa: F821
        return df

    table, number = split(1)
    assert isinstance(double(1), aq.TableArtifact)
    assert isinstance(table, aq.TableArtifact)
    assert isinstance(number, aq.NumericArtifact)
    assert isinstance(unknown(1), aq.GenericArtifact)
    assert (table.name, number.name) == ("split.table", "split.number")


def test_plain_values_become_parameters() -> None:
    artifact = double(double(1), times=3)
    assert labels(artifact) == ["double.df", "double", "double-2.times", "double-2"]


def test_none_is_a_value_and_defaults_stay_with_the_function() -> None:
    @aq.op
    def choose(a: object, b: object = None, *rest: object, last: int = 1, **more: object) -> object:
        return a

    assert labels(choose(None)) == ["choose.a", "choose"]
    made = choose(1, 2, 3, 4, last=5, extra=6)
    names = ["choose.a", "choose.b", "choose.rest[0]", "choose.rest[1]", "choose.last"]
    assert labels(made) == [*names, "choose.extra", "choose"]
    assert made.get() == 1


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: double(), "missing a required argument: 'df'"),
        (lambda: double(1, 2, 3), "too many positional arguments"),
        (lambda: double(1, nope=2), "unexpected keyword argument 'nope'"),
        (lambda: double([double(1)]), "list with artifacts inside"),
        (lambda: double({"a": double(1)}), "dict with artifacts inside"),
        (lambda: double(double), "is the operator 'double' itself"),
        (lambda: aq.op(3), "@op takes a function, not int"),
        (lambda: aq.op(asyncio.sleep), "is async"),
        (lambda: aq.op(outputs=["a", "a"])(print), "does not name the outputs"),
        (lambda: aq.op(outputs=[])(print), "does not name the outputs"),
        (lambda: aq.check(severity="fatal"), "severity='fatal' is not known"),
        (lambda: double(aq.check(name="fine")(lambda x: True)(1)), "the result of the check"),
    ],
)
def test_calls_that_make_no_sense(call, reason: str) -> None:
    with pytest.raises(GraphError) as caught:
        call()
    assert reason in str(caught.value)
    assert "\nHint: " in str(caught.value)


@pytest.mark.parametrize(
    "use", [bool, len, list, lambda artifact: artifact["column"]], ids=["if", "len", "for", "[]"]
)
def test_a_handle_is_no_value(use) -> None:
    with pytest.raises(GraphError, match=r"no value before the workflow runs[\s\S]*\.get\(\)"):
        use(double(1))


def test_a_handle_knows_the_line_that_made_it() -> None:
    artifact = double(1)
    line = inspect.currentframe().f_lineno - 1
    assert artifact.operator.site.file == __file__
    assert artifact.operator.site.line == line
    assert f"test_operators.py:{line}" in repr(artifact)
