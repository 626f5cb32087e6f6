"""Handles: values that will exist once the workflow has run."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self, get_args, get_origin

from aqueduct_core.errors import GraphError

if TYPE_CHECKING:
    from aqueduct_core.dag._operators import Operator

__all__ = [
    "Artifact",
    "BoolArtifact",
    "GenericArtifact",
    "NumericArtifact",
    "TableArtifact",
    "handle_classes",
]

# Found by name when it is first needed: the graph must not depend on the engines above it.
_EVALUATOR = "aqueduct_core.engines.local"


class Artifact:
    """An output of an operator: a value that exists once the workflow has run.

    Handles are passed to further operators, metrics, checks and `save`. They hold no data; `get`
    computes the value here and now.
    """

    __slots__ = ("__weakref__", "_operator", "_output")

    def __init__(self, operator: Operator, output: str) -> None:
        self._operator = operator
        self._output = output

    @property
    def operator(self) -> Operator:
        """The operator whose output this is."""
        return self._operator

    @property
    def output(self) -> str:
        """Which of the operator's outputs this is."""
        return self._output

    @property
    def name(self) -> str:
        """The operator's name, with the output's name where there are several."""
        if len(self._operator.outputs) == 1:
            return self._operator.name
        return f"{self._operator.name}.{self._output}"

    def get(self, parameters: Mapping[str, Any] | None = None) -> Any:
        """Compute the value locally, with everything it needs.

        What was computed with the default parameters is remembered, here and in every handle on
        the way. Each call returns a new copy, so that changing it changes nothing else.

        Args:
            parameters: Other values for some parameters of the workflow, by name.

        Raises:
            OperatorError: An operator failed; what it raised is the cause.
            ParameterError: There is no such parameter.
        """
        return importlib.import_module(_EVALUATOR).evaluate(self, parameters or {})

    def after(self, *others: Artifact) -> Self:
        """Let the operator that computes this start only after others have succeeded.

        For an order that no data shows, such as a step that fills a table which a query reads:
        `warehouse.sql("SELECT ...").after(filled)`.

        Args:
            others: What to wait for, also the results of checks.

        Returns:
            This handle.

        Raises:
            GraphError: One of the others needs this one.
        """
        from aqueduct_core.dag._operators import wait_for

        wait_for(self._operator, others)
        return self

    def __repr__(self) -> str:
        site = self._operator.site
        made = f", made at {site}" if site else ""
        return f"<{type(self).__name__} {self.name!r} of {self._operator.kind}{made}>"

    def __bool__(self) -> bool:
        raise self._refusal("be tested for truth")

    def __iter__(self) -> Iterator[Any]:
        raise self._refusal("be iterated over or unpacked", "; @op(outputs=[...]) gives several")

    def __len__(self) -> int:
        raise self._refusal("have a length")

    def __getitem__(self, item: Any) -> Any:
        raise self._refusal(f"be indexed with {item!r}")

    def _refusal(self, what: str, more: str = "") -> GraphError:
        return GraphError(
            f"the artifact {self.name!r} can't {what}: it has no value before the workflow runs",
            hint=f"do it inside an @op, or on the value that .get() computes now{more}",
        )


class TableArtifact(Artifact):
    """A handle of a table."""

    __slots__ = ()

    def head(self, rows: int = 5) -> Any:
        """The first rows, computed locally."""
        return self.get().head(rows)


class NumericArtifact(Artifact):
    """A handle of a number."""

    __slots__ = ()


class BoolArtifact(Artifact):
    """A handle of a truth value, such as the result of a check."""

    __slots__ = ()


class GenericArtifact(Artifact):
    """A handle of a value of any other type, or of one that nothing is known about yet."""

    __slots__ = ()


_CLASSES: Mapping[str, type[Artifact]] = {
    "pandas.DataFrame": TableArtifact,
    "polars.DataFrame": TableArtifact,
    "polars.LazyFrame": TableArtifact,
    "pyarrow.Table": TableArtifact,
    "pyarrow.RecordBatch": TableArtifact,
    "builtins.bool": BoolArtifact,
    "builtins.int": NumericArtifact,
    "builtins.float": NumericArtifact,
}


def handle_classes(function: Callable[..., Any], outputs: int) -> list[type[Artifact]]:
    """The handle class of each output, as far as the return annotation tells.

    It decides on the methods of a handle only: formats are chosen by the value.
    """
    annotation = _return_annotation(function)
    if outputs == 1:
        return [_handle_class(annotation)]
    members = get_args(annotation) if get_origin(annotation) is tuple else ()
    if len(members) != outputs:
        members = (None,) * outputs
    return [_handle_class(member) for member in members]


def _return_annotation(function: Callable[..., Any]) -> Any:
    try:
        return inspect.get_annotations(function, eval_str=True).get("return")
    except (AttributeError, NameError, SyntaxError, TypeError):
        return None  # an annotation for type checkers only; it tells nothing at run time


def _handle_class(annotation: Any) -> type[Artifact]:
    if not isinstance(annotation, type):
        return GenericArtifact
    package = annotation.__module__.partition(".")[0]
    return _CLASSES.get(f"{package}.{annotation.__qualname__}", GenericArtifact)
