"""Handles: values that will exist once the workflow has run."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, get_args, get_origin

from aqueduct_core.dag._tasks import plain_function
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


class _NoAttributeError(GraphError, AttributeError):
    """A handle is no value: it has none of the value's attributes."""


class Artifact:
    """An output of an operator: a value that exists once the workflow has run.

    Handles are passed to further operators, metrics, checks and `save`. They hold no data; `get`
    computes the value here and now.
    """

    __slots__ = ("__weakref__", "_columns", "_operator", "_output")

    def __init__(
        self, operator: Operator, output: str, columns: tuple[str, ...] | None = None
    ) -> None:
        self._operator = operator
        self._output = output
        self._columns = columns

    @property
    def operator(self) -> Operator:
        """The operator whose output this is."""
        return self._operator

    @property
    def output(self) -> str:
        """Which of the operator's outputs this is."""
        return self._output

    @property
    def selected(self) -> tuple[str, ...] | None:
        """The columns of a table that were selected; None for all."""
        return self._columns

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

    def system_metric(self, metric: Literal["runtime", "max_memory"]) -> NumericArtifact:
        """What it took to compute this, as a metric of every run.

        Args:
            metric: `runtime`, the seconds that the operator's function took, or `max_memory`, the
                most bytes of memory that its process had in use.
        """
        from aqueduct_core.checks import system_metric

        return system_metric(self, metric)

    def __repr__(self) -> str:
        site = self._operator.site
        made = f", made at {site}" if site else ""
        some = f" with {', '.join(self._columns)}" if self._columns else ""
        return f"<{type(self).__name__} {self.name!r}{some} of {self._operator.kind}{made}>"

    def _repr_html_(self) -> str:
        from aqueduct_core.dag._display import html_of

        return html_of(self)

    def __reduce__(self) -> NoReturn:
        raise self._refusal(
            "be copied, stored or sent to another process",
            "; a function takes it as an argument rather than from around it",
        )

    if not TYPE_CHECKING:  # a type checker shall go on to know what there is

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):  # what libraries look for
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            told = self._refusal(f"be asked for .{name}")
            raise _NoAttributeError(told.message, hint=told.hint)

    def __bool__(self) -> bool:
        raise self._refusal("be tested for truth")

    def __iter__(self) -> Iterator[Any]:
        raise self._refusal("be iterated over or unpacked", "; @op(outputs=[...]) gives several")

    def __len__(self) -> int:
        raise self._refusal("have a length")

    def __getitem__(self, item: Any) -> Any:
        raise self._refusal(f"be indexed with {item!r}")

    def __array__(self, *_options: Any, **_more: Any) -> NoReturn:
        raise self._refusal("become an array")

    def _calculate(self, *_others: Any) -> NoReturn:
        raise self._refusal("be calculated with")

    def _compare(self, _other: Any) -> NoReturn:
        raise self._refusal("be compared", "; .bound(...) makes a check of a metric")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _calculate
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _calculate
    __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _calculate
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _calculate
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = _calculate
    __int__ = __float__ = __complex__ = _calculate
    __lt__ = __le__ = __gt__ = __ge__ = _compare

    def _refusal(self, what: str, more: str = "") -> GraphError:
        return GraphError(
            f"the artifact {self.name!r} can't {what}: it has no value before the workflow runs",
            hint=f"do it inside an @op, or on the value that .get() computes now{more}",
        )


class _TableMethods(Artifact):
    """What can be asked of a table."""

    __slots__ = ()

    def select(self, *columns: str) -> Self:
        """The same table with some of its columns: what takes it loads no others.

        Args:
            columns: Their names, in the order that they shall have.

        Raises:
            GraphError: These are no names of columns, or this is no table.
        """
        names: tuple[object, ...] = columns
        known = self._columns or names
        if not names or not all(isinstance(name, str) and name in known for name in names):
            raise self._unselected(columns, 'their names, each a text: .select("id", "score")')
        if len(set(columns)) < len(columns):
            raise self._unselected(columns, "name each column once")
        if self._operator.kind == "parameter":
            raise self._unselected(columns, "a parameter is given whole; choose inside an @op")
        return type(self)(self._operator, self._output, columns)

    def head(self, rows: int = 5) -> Any:
        """The first rows, computed locally.

        Raises:
            GraphError: It is no table.
        """
        value = self.get()
        for name, arguments in (("head", (rows,)), ("slice", (0, rows))):
            if hasattr(value, name):
                return getattr(value, name)(*arguments)
        raise GraphError(
            f"{self.name!r} has no rows: it is of type {type(value).__name__}",
            hint=".get() gives it",
        )

    def number_of_rows(self) -> NumericArtifact:
        """How many rows the table has, as a metric."""
        from aqueduct_core.checks import table_metric

        return table_metric(self, "number_of_rows")

    def number_of_missing_values(
        self, *, column: str | int | None = None, row: int | None = None
    ) -> NumericArtifact:
        """How many values are null or NaN, as a metric.

        Args:
            column: In this column; by default in all.
            row: In this row, counted from 0; by default in all.
        """
        from aqueduct_core.checks import table_metric

        return table_metric(self, "number_of_missing_values", column=column, row=row)

    def min(self, column: str | int) -> NumericArtifact:
        """The smallest number in a column, as a metric; NaN if there is none."""
        from aqueduct_core.checks import table_metric

        return table_metric(self, "min", column=column)

    def max(self, column: str | int) -> NumericArtifact:
        """The largest number in a column, as a metric; NaN if there is none."""
        from aqueduct_core.checks import table_metric

        return table_metric(self, "max", column=column)

    def mean(self, column: str | int) -> NumericArtifact:
        """The mean of the numbers in a column, as a metric; NaN if there are none."""
        from aqueduct_core.checks import table_metric

        return table_metric(self, "mean", column=column)

    def std(self, column: str | int) -> NumericArtifact:
        """The standard deviation of the numbers in a column (of a sample), as a metric."""
        from aqueduct_core.checks import table_metric

        return table_metric(self, "std", column=column)

    def validate(self, schema: Any, *, severity: Literal["warning", "error"] = "error") -> Any:
        """Check the table against a schema of pandera.

        A failing check lists what doesn't fit.

        Args:
            schema: A `DataFrameSchema` or `DataFrameModel` for pandas or polars; the table may be
                of any library.
            severity: `error` fails the run and holds back every save; `warning` marks it.

        Returns:
            The handle of the check.
        """
        from aqueduct_core.checks import schema_check

        return schema_check(self, schema, severity)

    def _unselected(self, columns: Sequence[object], hint: str) -> GraphError:
        from aqueduct_core.dag._sites import refusal

        told = ", ".join(map(repr, columns))
        return refusal(f"{self.name!r} has no columns .select({told})", hint=hint)


class _NumberMethods(Artifact):
    """What can be asked of a number."""

    __slots__ = ()

    def bound(
        self,
        *,
        lower: float | None = None,
        upper: float | None = None,
        equal: float | None = None,
        not_equal: float | None = None,
        severity: Literal["warning", "error"] = "warning",
    ) -> BoolArtifact:
        """Check that the number stays within bounds, which belong to it.

        Args:
            lower: The smallest that passes.
            upper: The largest that passes.
            equal: The only one that passes.
            not_equal: One that does not pass.
            severity: `error` fails the run and holds back every save; `warning` marks it.

        Returns:
            The handle of the check.
        """
        from aqueduct_core.checks import bound

        bounds = {"lower": lower, "upper": upper, "equal": equal, "not_equal": not_equal}
        return bound(self, bounds, severity)


class TableArtifact(_TableMethods):
    """A handle of a table."""

    __slots__ = ()


class NumericArtifact(_NumberMethods):
    """A handle of a number."""

    __slots__ = ()


class BoolArtifact(Artifact):
    """A handle of a truth value, such as the result of a check."""

    __slots__ = ()


class GenericArtifact(_TableMethods, _NumberMethods):
    """A handle of a value of any other type, or of one that nothing is known about yet.

    It may turn out to be a table or a number, so it has the methods of both.
    """

    __slots__ = ()


_CLASSES: Mapping[str, type[Artifact]] = {
    "pandas.DataFrame": TableArtifact,
    "pandera.DataFrame": TableArtifact,
    "polars.DataFrame": TableArtifact,
    "polars.LazyFrame": TableArtifact,
    "pyarrow.Table": TableArtifact,
    "pyarrow.RecordBatch": TableArtifact,
    "builtins.bool": BoolArtifact,
    "builtins.int": NumericArtifact,
    "builtins.float": NumericArtifact,
    "decimal.Decimal": NumericArtifact,
    "fractions.Fraction": NumericArtifact,
    "numpy.bool": BoolArtifact,
    "numpy.number": NumericArtifact,
}


def handle_classes(function: Callable[..., Any], outputs: int) -> list[type[Artifact]]:
    """The handle class of each output, as far as the return annotation tells.

    It decides on the methods of a handle only: formats are chosen by the value.
    """
    annotation = _return_annotation(function)
    if outputs == 1:
        return [_handle_class(annotation)]
    members = get_args(annotation) if get_origin(annotation) is tuple else ()
    if members[1:] == (...,):
        members = members[:1] * outputs
    if len(members) != outputs:
        members = (None,) * outputs
    return [_handle_class(member) for member in members]


def _return_annotation(function: Callable[..., Any]) -> Any:
    if inspect.isclass(function):
        return function
    try:
        return inspect.get_annotations(plain_function(function), eval_str=True).get("return")
    except Exception:  # noqa: BLE001 - an annotation for type checkers only tells nothing here
        return None


def _handle_class(annotation: Any) -> type[Artifact]:
    kind = get_origin(annotation) or annotation
    for base in kind.__mro__ if isinstance(kind, type) else ():
        package = base.__module__.partition(".")[0]
        if f"{package}.{base.__qualname__}" in _CLASSES:
            return _CLASSES[f"{package}.{base.__qualname__}"]
    return GenericArtifact
