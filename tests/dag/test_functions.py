"""Decorators, and what a call of a decorated function makes."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aqueduct_core as aq
from aqueduct_core.dag import Graph
from aqueduct_core.errors import GraphError
from tests.dag.computing import value_of


@aq.op
def double(df: pd.DataFrame, times: int = 2) -> pd.DataFrame:
    """Twice the value.

    And more.
    """
    return df * times


@aq.op
def every(a, b=2, /, c=3, *rest, d=4, e=5, **more):
    return a, b, c, rest, d, e, more


class Scaler:
    """Scales by a factor."""

    def __init__(self, factor: float = 2) -> None:
        self.factor = factor
        self.name = "an attribute that an operator has, too"

    def __call__(self, value: float) -> float:
        return value * self.factor


class Waiter:
    async def __call__(self, value: object) -> object:
        return value


async def stream():
    yield 1


def count():
    yield 1


def plain(x: int) -> int:
    return x


def labels(artifact: aq.Artifact) -> list[str]:
    graph = Graph.behind(artifact)
    return [graph.names[operator] for operator in graph.operators]


def test_the_function_stays_what_it_is() -> None:
    assert double.__name__ == "double"
    assert (double.__doc__ or "").startswith("Twice")
    assert double.__wrapped__ is double.local
    assert list(inspect.signature(double).parameters) == ["df", "times"]
    assert double.local(pd.DataFrame({"a": [1]}), 3)["a"].tolist() == [3]
    assert repr(double) == "<op 'double'>"


def test_bare_and_called_make_the_same() -> None:
    assert aq.op(plain)(1).operator.name == aq.op()(plain)(1).operator.name == "plain"
    assert aq.op(name="other")(plain)(1).name == "other"
    assert aq.to_operator(plain, name="third")(1).name == "third"
    assert aq.metric(plain)(1).operator.kind == aq.metric()(plain)(1).operator.kind == "metric"
    assert aq.check(plain)(1).operator.task.severity == "warning"
    assert aq.check(severity="error")(plain)(1).operator.task.severity == "error"


@pytest.mark.parametrize("decorator", [aq.op, aq.metric, aq.check], ids=["op", "metric", "check"])
def test_all_decorators_take_the_same_settings(decorator) -> None:
    made = decorator(
        name="n",
        description="d",
        retries=2,
        cache=True,
        python="3.12",
        requirements=["pandas>=3"],
    )(plain)
    assert (made.name, made.description) == ("n", "d")
    operator = made(1).operator
    assert operator.settings is made.settings
    assert (operator.settings.retries, operator.settings.cache) == (2, True)
    assert operator.settings.requirements == ("pandas>=3",)
    assert operator.named
    assert not decorator(plain)(1).operator.named


def test_requirements_that_are_inferred_are_left_to_publishing() -> None:
    operator = aq.op(requirements="infer")(plain)(1).operator
    assert operator.infer
    assert operator.settings.requirements is None
    assert not aq.op(plain)(1).operator.infer


def test_the_description_is_the_first_line_of_the_docstring() -> None:
    assert double(1).operator.description == "Twice the value."
    assert aq.op(plain)(1).operator.description == ""
    assert aq.op(description="")(double.local)(1).operator.description == ""
    assert aq.to_operator(functools.partial(double.local, times=3))(1).operator.description == (
        "Twice the value."
    )


def test_plain_values_become_parameters() -> None:
    artifact = double(double(1), times=3)
    assert labels(artifact) == ["double.df", "double", "double-2.times", "double-2"]
    table = pd.DataFrame({"a": [1]})
    assert double(table).operator.args[0].operator.task.value is table


def test_none_is_a_value_and_defaults_stay_with_the_function() -> None:
    assert labels(every(None)) == ["every.a", "every"]
    made = every(1, 2, 3, 4, d=5, extra=6)
    names = ["every.a", "every.b", "every.c", "every.rest[0]", "every.d", "every.extra"]
    assert labels(made) == [*names, "every"]


def test_an_argument_that_is_left_out_moves_no_other() -> None:
    """The arguments after it are passed by keyword."""
    made = every(1, e=7)
    assert labels(made) == ["every.a", "every.e", "every"]
    assert value_of(double(1)) == 2

    @aq.op
    def three(a, b=2, c=3):
        return a, b, c

    assert labels(three(1, c=4)) == ["three.a", "three.c", "three"]
    assert value_of(three(1, c=4)) == (1, 2, 4)


VALUES = st.integers() | st.none() | st.text(max_size=3)


# Not a and b by keyword: before Python 3.13 inspect refuses them where **more would take them.
@given(
    st.lists(VALUES, max_size=5),
    st.dictionaries(st.sampled_from(["c", "d", "e", "f", "g"]), VALUES),
)
def test_a_call_means_what_it_means_in_python(args, kwargs) -> None:
    try:
        expected = every.local(*args, **kwargs)
    except TypeError:
        with pytest.raises(GraphError, match="can't be called like this"):
            every(*args, **kwargs)
        return
    made = every(*args, **kwargs)
    assert value_of(made) == expected
    assert len(set(labels(made))) == len(labels(made))


def test_several_outputs_are_several_handles() -> None:
    @aq.op(outputs=["quotient", "rest"])
    def divide(a: int, b: int) -> tuple[int, int]:
        return divmod(a, b)

    quotient, rest = divide(7, 2)
    assert (quotient.name, rest.name) == ("divide.quotient", "divide.rest")
    assert quotient.operator is rest.operator
    assert value_of(double(rest, times=quotient)) == 3
    single = aq.op(outputs="only")(plain)(1)
    assert (single.name, single.output) == ("plain", "only")


def test_what_can_be_called_can_be_an_operator() -> None:
    assert value_of(aq.to_operator(Scaler(3))(2)) == 6
    made = aq.to_operator(Scaler(3))
    assert (made.name, made.description) == ("Scaler", "Scales by a factor.")
    assert value_of(aq.to_operator(functools.partial(plain, 5))()) == 5
    assert aq.to_operator(functools.partial(functools.partial(plain), 5)).name == "plain"
    assert value_of(aq.to_operator(Scaler)(4)).factor == 4
    assert value_of(aq.to_operator(math.hypot)(3, 4)) == 5
    assert value_of(aq.to_operator(max, name="largest")(3, 4)) == 4
    assert value_of(aq.to_operator(np.sqrt)(4.0)) == 2
    assert value_of(aq.to_operator(str.upper)("a")) == "A"
    assert value_of(aq.op(name="add")(lambda x: x + 1)(1)) == 2


@pytest.mark.parametrize(
    ("make", "reason", "way_out"),
    [
        (lambda: aq.op(3), "@op takes a function, not int", "above a def"),
        (lambda: aq.op("name"), "@op takes a function, not str", '@op(name="...")'),
        (lambda: aq.check(True), "@check takes a function, not bool", "above a def"),
        (lambda: aq.op(asyncio.sleep), "sleep is async", "asyncio.run"),
        (lambda: aq.op(functools.partial(asyncio.sleep, 1)), "sleep is async", "asyncio.run"),
        (lambda: aq.to_operator(Waiter()), "__call__ is async", "asyncio.run"),
        (lambda: aq.op(stream), "stream is async", "asyncio.run"),
        (lambda: aq.metric(count), "count is a generator", "return list(...)"),
        (lambda: aq.op(Scaler), "not the class Scaler", "to_operator(Scaler)"),
        (lambda: aq.op(lambda: 1), "a lambda has no name", 'name="double"'),
        (lambda: aq.op(name="")(plain), "name='' is no name", "one line of text"),
        (lambda: aq.op(name="a\nb")(plain), "is no name", "one line of text"),
        (lambda: aq.op(name=" a")(plain), "is no name", "one line of text"),
        (lambda: aq.op(name=3)(plain), "name=3 is no name", "one line of text"),
        (lambda: aq.op(name="x" * 300)(plain), "has 300 characters", "description="),
        (lambda: aq.op(outputs=["a", "a"])(plain), "does not name the outputs", "of its own"),
        (lambda: aq.op(outputs=[])(plain), "does not name the outputs", "of its own"),
        (lambda: aq.op(outputs=["a b"])(plain), "does not name the outputs", "of its own"),
        (lambda: aq.op(retires=3)(plain), "no option 'retires'", "did you mean retries=?"),
        (lambda: aq.op(description=3)(plain), "description=3 is no text", "a sentence"),
        (lambda: aq.check(severity="fatal"), "severity='fatal' is not known", "warning"),
        (lambda: aq.to_operator(functools.partial(plain, double(1))), "default value", "call it"),
    ],
)
def test_what_can_not_be_an_operator(make, reason: str, way_out: str) -> None:
    with pytest.raises(GraphError) as caught:
        make()
    message, hint = str(caught.value).split("\nHint: ")
    assert reason in message
    assert "test_functions.py:" in message
    assert way_out in hint


def test_an_artifact_as_a_default_value_would_be_computed_by_nobody() -> None:
    artifact = double(1)

    def late(a: object, b: object = artifact) -> object:
        return b

    with pytest.raises(GraphError, match="late has an artifact as a default value"):
        aq.op(late)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: double(), "double(df, times=2) can't be called like this: missing a required"),
        (lambda: double(1, 2, 3), "too many positional arguments"),
        (lambda: double(1, nope=2), "unexpected keyword argument 'nope'"),
        (lambda: double(1, df=2), "multiple values for argument 'df'"),
    ],
)
def test_wrong_arguments_name_the_function_and_the_line(call, reason: str) -> None:
    with pytest.raises(GraphError) as caught:
        call()
    assert reason in str(caught.value)
    assert "(at dag/test_functions.py:" in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_annotation_may_name_what_is_defined_later() -> None:
    @aq.op
    def make() -> Later:
        return Later()

    class Later(pd.DataFrame):
        pass

    make.local.__globals__["Later"] = Later
    try:
        assert isinstance(make(), aq.TableArtifact)
    finally:
        del make.local.__globals__["Later"]
