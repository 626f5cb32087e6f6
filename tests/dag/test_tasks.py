"""What tells functions apart, and what a parameter is."""

from __future__ import annotations

import functools
import math

import pandas as pd

from aqueduct_core.checks import as_number, preset
from aqueduct_core.dag import Function, Parameter
from aqueduct_core.dag._tasks import plain_function


def define(value: int):
    def function() -> int:
        return value

    return function


class Callable:
    def __call__(self) -> int:
        return 1


def test_a_function_that_is_defined_again_has_the_same_origin() -> None:
    one, two = Function(define(1), "op"), Function(define(2), "op")
    assert one.origin == two.origin
    assert one.origin != Function(define, "op").origin
    assert one.origin != Function(one.function, "metric").origin
    assert Function(len, "op").origin == Function(len, "op").origin
    assert Function(len, "op").origin != Function(math.hypot, "op").origin


def test_lambdas_are_told_apart_by_what_they_do() -> None:
    one, two = (Function(lambda x: x + 1, "op") for _ in range(2))
    other = Function(lambda x: x + 2, "op")
    assert one.origin == two.origin
    assert one.origin != other.origin


def test_partials_are_told_apart_by_what_they_bind() -> None:
    schema = object()
    one, two = (Function(functools.partial(define, value=schema), "op") for _ in range(2))
    assert one.origin == two.origin
    assert one.origin != Function(functools.partial(define, value=object()), "op").origin


def test_instances_are_told_apart_by_themselves() -> None:
    one = Callable()
    assert Function(one, "op").origin == Function(one, "op").origin
    assert Function(one, "op").origin != Function(Callable(), "op").origin


def test_presets_are_told_apart_by_their_arguments() -> None:
    def made(column: str) -> Function:
        arguments = {"name": "mean", "column": column}
        return Function(preset(**arguments), "metric", preset=arguments)

    assert made("a").origin == made("a").origin
    assert made("a").origin != made("b").origin
    assert made("a").spec() == {"preset": {"name": "mean", "column": "a"}}


def test_origins_can_be_keys() -> None:
    functions = [define(1), lambda: 1, functools.partial(len, [1]), Callable(), len, Callable]
    assert len({Function(item, "op").origin for item in functions}) == len(functions)
    assert len({Function(item, "op") for item in functions}) == len(functions)


def test_the_function_that_runs_is_found_behind_what_is_called() -> None:
    function = define(1)
    assert plain_function(functools.partial(functools.partial(function))) is function
    assert plain_function(Callable()) is Callable.__call__
    assert plain_function(Callable) is Callable
    assert plain_function(len) is len


def test_a_task_finishes_what_its_function_returned() -> None:
    assert Function(define(3), "metric", finish=as_number)() == 3
    assert Function(define(3), "op")() == 3


def test_a_parameter_gives_its_value_whatever_it_is() -> None:
    table = pd.DataFrame({"a": [1]})
    assert Parameter(table)() is table
    assert Parameter(None)() is None
