"""Metrics and checks: operators whose results are numbers and verdicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, overload

from aqueduct_core.checks._results import as_number, as_verdict
from aqueduct_core.dag import BoolArtifact, Function, NumericArtifact, OperatorFunction
from aqueduct_core.errors import GraphError

__all__ = ["Severity", "check", "metric"]

P = ParamSpec("P")
R = TypeVar("R")
Severity = Literal["warning", "error"]


@overload
def metric(function: Callable[P, R], /) -> OperatorFunction[P, R]: ...
@overload
def metric(
    *, name: str | None = ..., description: str | None = ...
) -> Callable[[Callable[P, R]], OperatorFunction[P, R]]: ...
def metric(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
) -> Any:
    """Make a function a metric: it returns a number, which is kept for every run.

    Metrics come along with the artifacts that they were called on.

    Args:
        function: The function, when used without brackets.
        name: The metric's name; the function's by default.
        description: A sentence for people; the first line of the docstring by default.
    """

    def wrap(function: Callable[..., Any]) -> OperatorFunction[..., Any]:
        task = Function(function, "metric", finish=as_number)
        return OperatorFunction(task, name=name, description=description, handle=NumericArtifact)

    return wrap if function is None else wrap(function)


@overload
def check(function: Callable[P, R], /) -> OperatorFunction[P, R]: ...
@overload
def check(
    *, severity: Severity = ..., name: str | None = ..., description: str | None = ...
) -> Callable[[Callable[P, R]], OperatorFunction[P, R]]: ...
def check(
    function: Callable[..., Any] | None = None,
    /,
    *,
    severity: Severity = "warning",
    name: str | None = None,
    description: str | None = None,
) -> Any:
    """Make a function a check: it returns a bool, or a boolean column of which all must be true.

    Checks come along with the artifacts that they were called on.

    Args:
        function: The function, when used without brackets.
        severity: `warning` marks a run when the check fails; `error` fails the run and holds back
            every save.
        name: The check's name; the function's by default.
        description: A sentence for people; the first line of the docstring by default.
    """
    if severity not in ("warning", "error"):
        raise GraphError(
            f"severity={severity!r} is not known", hint='severity is "warning" or "error"'
        )

    def wrap(function: Callable[..., Any]) -> OperatorFunction[..., Any]:
        task = Function(function, "check", severity=severity, finish=as_verdict)
        return OperatorFunction(task, name=name, description=description, handle=BoolArtifact)

    return wrap if function is None else wrap(function)
