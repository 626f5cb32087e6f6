"""`@metric` and `@check`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar, Unpack, overload

from aqueduct_core.checks._results import as_number, as_verdict
from aqueduct_core.dag import (
    BoolArtifact,
    Function,
    NumericArtifact,
    OperatorFunction,
    RunOptions,
    refusal,
)

__all__ = ["Severity", "check", "check_severity", "metric"]

P = ParamSpec("P")
R = TypeVar("R")
Severity = Literal["warning", "error"]


@overload
def metric(function: Callable[P, R], /) -> OperatorFunction[P, R]: ...
@overload
def metric(
    *, name: str | None = ..., description: str | None = ..., **settings: Unpack[RunOptions]
) -> Callable[[Callable[P, R]], OperatorFunction[P, R]]: ...
def metric(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **settings: Unpack[RunOptions],
) -> Any:
    """Make a function a metric: it returns a number, which is kept for every run.

    Metrics come along with the artifacts that they were called on; those of parameters alone, with
    each workflow that has the parameters.

    Args:
        function: The function, when used without brackets.
        name: The metric's name; the function's by default.
        description: A sentence for people; the first line of the docstring by default.
        **settings: How it shall be run, as for `op`.
    """

    def wrap(function: Callable[..., Any]) -> OperatorFunction[..., Any]:
        return OperatorFunction(
            Function(function, "metric", finish=as_number),
            name=name,
            description=description,
            handle=NumericArtifact,
            **settings,
        )

    return wrap if function is None else wrap(function)


@overload
def check(function: Callable[P, R], /) -> OperatorFunction[P, R]: ...
@overload
def check(
    *,
    severity: Severity = ...,
    name: str | None = ...,
    description: str | None = ...,
    **settings: Unpack[RunOptions],
) -> Callable[[Callable[P, R]], OperatorFunction[P, R]]: ...
def check(
    function: Callable[..., Any] | None = None,
    /,
    *,
    severity: Severity = "warning",
    name: str | None = None,
    description: str | None = None,
    **settings: Unpack[RunOptions],
) -> Any:
    """Make a function a check: it returns a bool, or a boolean column of which all must be true.

    To say why a check fails it may return a `Verdict`. Checks come along with the artifacts that
    they were called on; those of parameters alone, with each workflow that has the parameters.

    Args:
        function: The function, when used without brackets.
        severity: `warning` marks a run when the check fails; `error` fails the run and holds back
            every save.
        name: The check's name; the function's by default.
        description: A sentence for people; the first line of the docstring by default.
        **settings: How it shall be run, as for `op`.
    """
    check_severity(severity)

    def wrap(function: Callable[..., Any]) -> OperatorFunction[..., Any]:
        return OperatorFunction(
            Function(function, "check", severity=severity, finish=as_verdict),
            name=name,
            description=description,
            handle=BoolArtifact,
            **settings,
        )

    return wrap if function is None else wrap(function)


def check_severity(severity: Any) -> None:
    """Refuse what is no severity."""
    if severity not in ("warning", "error"):
        raise refusal(
            f"severity={severity!r} is not known", hint='severity is "warning" or "error"'
        )
