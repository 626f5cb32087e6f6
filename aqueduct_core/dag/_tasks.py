"""What operators do: call a function, or give the value of a parameter."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag._sites import refusal

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["Function", "Parameter", "plain_function"]


@dataclass(frozen=True, slots=True)
class Function:
    """Calls a function of the user, or one that comes with this package.

    Attributes:
        function: The function.
        kind: `op`, `metric` or `check`.
        severity: What a failing check means: `warning` or `error`.
        finish: Turns what the function returned into what the operator gives, or raises.
        preset: For a metric or check that comes with this package its `name` and arguments, from
            which `checks.preset` makes the function anywhere; None for a function of the user.
    """

    function: Callable[..., Any]
    kind: str
    severity: str | None = None
    finish: Callable[[Any], Any] | None = None
    preset: Mapping[str, JSON] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise refusal(
                f"@{self.kind} takes a function, not {type(self.function).__name__}",
                hint=f"put @{self.kind} above a def; options need their names: "
                f'@{self.kind}(name="...")',
            )
        _check_plain(self.function)

    @property
    def origin(self) -> Hashable:
        """What tells two functions apart; the same function that is defined again has the same."""
        if self.preset is not None:
            return self.kind, json.dumps(self.preset, sort_keys=True)
        return self.kind, _origin(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self.function(*args, **kwargs)
        return value if self.finish is None else self.finish(value)

    def spec(self) -> Mapping[str, JSON]:
        """What makes a preset; a function of the user is captured when it is published."""
        return {} if self.preset is None else {"preset": dict(self.preset)}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Gives a value that every run may override.

    Attributes:
        value: The default.
        implicit: True if it was a plain argument of a call; it is then named after the operator.
    """

    value: Any
    implicit: bool = False

    @property
    def kind(self) -> str:
        return "parameter"

    def __call__(self) -> Any:
        return self.value

    def spec(self) -> Mapping[str, JSON]:
        """Nothing: its value stands among the parameters."""
        return {}


def plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that runs when something callable is called: of a partial, of an instance."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


def _check_plain(function: Callable[..., Any]) -> None:
    """Refuse what returns something to wait for, or to iterate over, instead of a value."""
    called = plain_function(function)
    name = getattr(called, "__name__", repr(function))
    if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
        raise refusal(
            f"{name} is async, and operators are run as plain functions",
            hint="call asyncio.run(...) inside a plain def",
        )
    if inspect.isgeneratorfunction(called):
        raise refusal(
            f"{name} is a generator: it yields, and operators return their values",
            hint="collect what it yields in a plain def: return list(...), or one DataFrame",
        )


def _origin(function: Callable[..., Any]) -> Hashable:
    if isinstance(function, functools.partial):
        bound = [*function.args, *function.keywords.values()]
        return _origin(function.func), tuple(map(id, bound))
    name = getattr(function, "__qualname__", None)
    if name is None:
        return id(function)
    if name.endswith("<lambda>"):
        return getattr(function, "__code__", id(function))  # equal where the text and line are
    return getattr(function, "__module__", None), name
