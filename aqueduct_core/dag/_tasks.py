"""What operators do: call a function, or give the value of a parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aqueduct_core.errors import GraphError, UnserializableError
from aqueduct_core.manifest import digest_of

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["Function", "Parameter"]


@dataclass(frozen=True, slots=True)
class Function:
    """Calls a function of the user.

    Attributes:
        function: The function.
        kind: `op`, `metric` or `check`.
        severity: What a failing check means: `warning` or `error`.
        finish: Turns what the function returned into what the operator gives, or raises.
    """

    function: Callable[..., Any]
    kind: str
    severity: str | None = None
    finish: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise GraphError(
                f"@{self.kind} takes a function, not {type(self.function).__name__}",
                hint=f"put @{self.kind} above a def",
            )
        if inspect.iscoroutinefunction(self.function):
            raise GraphError(
                f"{self.function.__name__} is async, and operators are run as plain functions",
                hint="call asyncio.run(...) inside a plain def",
            )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        value = self.function(*args, **kwargs)
        return value if self.finish is None else self.finish(value)

    def spec(self) -> Mapping[str, JSON]:
        source = source_of(self.function)
        spec: dict[str, JSON] = {"source": source, "digest": _code_digest(self.function, source)}
        if self.severity is not None:
            spec["severity"] = self.severity
        return spec


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
        from aqueduct_core.serializers import tagged

        try:
            return {"value": tagged.to_json(self.value)}
        except UnserializableError:  # no JSON: a table, a model; what counts is that it changed
            return {"type": type(self.value).__qualname__, "digest": _value_digest(self.value)}


def source_of(function: Callable[..., Any]) -> str | None:
    """The text of a function as it was written, or None where there is none, as for builtins."""
    try:
        return inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError):
        return None


def _code_digest(function: Callable[..., Any], source: str | None) -> str:
    if source is not None:
        return digest_of(source.encode())
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None:
        constants = [repr(item) for item in code.co_consts if not hasattr(item, "co_code")]
        return digest_of(repr((code.co_code, code.co_names, constants)).encode())
    return digest_of(f"{function.__module__}.{function!r}".encode())


def _value_digest(value: Any) -> str:
    from aqueduct_core.store import ArtifactStore

    return ArtifactStore("memory://").put(value, "value").digest
