"""Operators: the steps of a workflow, and the calls that make them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, overload

from aqueduct_core.dag._artifacts import Artifact, GenericArtifact, handle_classes
from aqueduct_core.dag._sites import CallSite, call_site
from aqueduct_core.dag._tasks import Function, Parameter
from aqueduct_core.errors import GraphError

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["OUTPUT", "Operator", "OperatorFunction", "Task", "connect", "op", "to_operator"]

P = ParamSpec("P")
R = TypeVar("R")

OUTPUT = "output"  # what a single output is called
_ATTACHED = ("metric", "check", "save")  # kinds that come along with what they look at


class Task(Protocol):
    """What an operator does when it runs.

    Attributes:
        kind: `op`, `metric`, `check`, `query`, `save` or `parameter`.
    """

    @property
    def kind(self) -> str: ...

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from the values of the inputs."""
        ...

    def spec(self) -> Mapping[str, JSON]:
        """What makes this task different from others, as plain JSON."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One step of a workflow.

    Attributes:
        name: What it is called; a workflow numbers those that share a name.
        task: What it does.
        args: Its inputs, in order.
        kwargs: Its inputs by keyword.
        outputs: The names of its outputs; none for a save.
        description: A sentence for people.
        site: Where in the user's code it was made.
        attached: The metrics, checks and saves that look at its outputs.
        memo: What its outputs were when they were computed interactively; for the engine's use.
    """

    name: str
    task: Task
    args: tuple[Artifact, ...] = ()
    kwargs: Mapping[str, Artifact] = field(default_factory=dict)
    outputs: tuple[str, ...] = (OUTPUT,)
    description: str = ""
    site: CallSite | None = None
    attached: dict[Any, Operator] = field(default_factory=dict, repr=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> str:
        """The kind of its task."""
        return self.task.kind

    @property
    def inputs(self) -> tuple[Artifact, ...]:
        """All inputs, those by keyword last."""
        return (*self.args, *self.kwargs.values())


def connect(
    name: str,
    task: Task,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    labels: Sequence[str] = (),
    outputs: tuple[str, ...] = (OUTPUT,),
    description: str = "",
) -> Operator:
    """Make an operator from values and handles; plain values become its parameters.

    Args:
        name: The operator's name.
        task: What it does.
        args: Values and handles, in the task's order.
        kwargs: Values and handles by keyword.
        labels: What `args` are called, for the names of parameters.
        outputs: The names of the outputs.
        description: A sentence for people.
    """
    site = call_site()
    names = [*labels, *(str(index) for index in range(len(labels), len(args)))]
    operator = Operator(
        name=name,
        task=task,
        args=tuple(
            _as_input(name, label, value, site) for label, value in zip(names, args, strict=True)
        ),
        kwargs={key: _as_input(name, key, value, site) for key, value in (kwargs or {}).items()},
        outputs=outputs,
        description=description,
        site=site,
    )
    if operator.kind in _ATTACHED:
        _attach(operator)
    return operator


def _as_input(operator: str, label: str, value: Any, site: CallSite | None) -> Artifact:
    if isinstance(value, Artifact):
        return value
    if isinstance(value, OperatorFunction):
        raise GraphError(
            f"{operator}: the argument {label!r} is the operator {value.name!r} itself",
            hint=f"pass what it returns: {value.name}(...)",
        )
    members: Sequence[Any] = ()
    if type(value) in (list, tuple, set, frozenset):
        members = tuple(value)
    elif type(value) is dict:
        members = tuple(value.values())
    if any(isinstance(member, Artifact) for member in members):
        raise GraphError(
            f"{operator}: the argument {label!r} is a {type(value).__name__} with artifacts inside",
            hint="pass each artifact as an argument of its own; *args in the function takes many",
        )
    parameter = Operator(name=label, task=Parameter(value, implicit=True), site=site)
    return GenericArtifact(parameter, OUTPUT)


def _attach(operator: Operator) -> None:
    # One key for the same call made again, as a notebook's cell does: the later one counts.
    inputs = tuple(
        (id(item.operator), item.output)
        for item in operator.inputs
        if item.operator.kind != "parameter"
    )
    key = (operator.kind, operator.name, inputs)
    for item in operator.inputs:
        if item.operator.kind != "parameter":
            item.operator.attached[key] = operator


class OperatorFunction(Generic[P, R]):
    """A function whose calls become steps of a workflow.

    Attributes:
        name: The name of the operators it makes.
        local: The plain function.
    """

    def __init__(
        self,
        task: Function,
        *,
        name: str | None = None,
        description: str | None = None,
        outputs: Sequence[str] | None = None,
        handle: type[Artifact] | None = None,
    ) -> None:
        function = task.function
        functools.update_wrapper(self, function)
        self.local: Callable[P, R] = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.description = description if description is not None else _first_line(function)
        self.outputs = _output_names(self.name, outputs)
        self._task = task
        self._handle = handle

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a step to the graph; returns the handle of its output, or a tuple of handles.

        Raises:
            GraphError: The function can't be called like this.
        """
        labels, args, kwargs = self._bind(args, kwargs)
        operator = connect(
            self.name,
            self._task,
            args,
            kwargs,
            labels=labels,
            outputs=self.outputs,
            description=self.description,
        )
        self._check_inputs(operator)
        if self._handle is not None:
            return self._handle(operator, OUTPUT)
        classes = handle_classes(self.local, len(self.outputs))
        handles = [make(operator, out) for make, out in zip(classes, self.outputs, strict=True)]
        return handles[0] if len(handles) == 1 else tuple(handles)

    def __repr__(self) -> str:
        return f"<{self._task.kind} {self.name!r}>"

    def _bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[list[str], tuple[Any, ...], dict[str, Any]]:
        try:
            signature = inspect.signature(self.local)
        except (TypeError, ValueError):  # some builtins have none; they judge their arguments
            return [], args, kwargs
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise GraphError(
                f"{self.name}{signature} can't be called like this: {error}",
                hint=f"the call is at {call_site()}",
            ) from None
        labels = []
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                labels += [f"{name}[{index}]" for index in range(len(value))]
            elif kind in (
                inspect.Parameter.POSITIONAL_ONLY,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
            ):
                labels.append(name)
        return labels, bound.args, bound.kwargs

    def _check_inputs(self, operator: Operator) -> None:
        if operator.kind != "op":
            return
        for item in operator.inputs:
            if item.operator.kind == "check":
                raise GraphError(
                    f"{self.name}: the result of the check {item.name!r} can't be an input of an "
                    "operator",
                    hint='a check of severity "error" holds back every save when it fails; compute '
                    "the value in an @op if other steps need it",
                )


def _output_names(operator: str, outputs: Sequence[str] | None) -> tuple[str, ...]:
    if outputs is None:
        return (OUTPUT,)
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    if not names or len(set(names)) != len(names) or not all(_is_name(name) for name in names):
        raise GraphError(
            f"{operator}: outputs={outputs!r} does not name the outputs",
            hint='give each output a name of its own: outputs=["train", "test"]',
        )
    return names


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


@overload
def op(function: Callable[P, R], /) -> OperatorFunction[P, R]: ...
@overload
def op(
    *, name: str | None = ..., description: str | None = ..., outputs: Sequence[str] | None = ...
) -> Callable[[Callable[P, R]], OperatorFunction[P, R]]: ...
def op(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    outputs: Sequence[str] | None = None,
) -> Any:
    """Make a function an operator: calling it adds a step to a workflow.

    Args:
        function: The function, when used without brackets.
        name: The operator's name; the function's by default.
        description: A sentence for people; the first line of the docstring by default.
        outputs: Names for several outputs; the function then returns a tuple of as many values,
            and a call returns a tuple of as many handles.
    """

    def wrap(function: Callable[..., Any]) -> OperatorFunction[..., Any]:
        task = Function(function, "op")
        return OperatorFunction(task, name=name, description=description, outputs=outputs)

    return wrap if function is None else wrap(function)


def to_operator(
    function: Callable[P, R],
    *,
    name: str | None = None,
    description: str | None = None,
    outputs: Sequence[str] | None = None,
) -> OperatorFunction[P, R]:
    """Make an operator of a function that can't be decorated; the options are those of `op`."""
    wrapped: OperatorFunction[P, R] = op(name=name, description=description, outputs=outputs)(
        function
    )
    return wrapped
