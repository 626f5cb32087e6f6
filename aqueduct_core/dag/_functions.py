"""Functions as operators: the decorator, and what a call of a decorated function does."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, TypeVar, Unpack, overload

from aqueduct_core._annotations import signature_of
from aqueduct_core.dag._artifacts import Artifact, GenericArtifact, handle_classes
from aqueduct_core.dag._names import as_name, check_name
from aqueduct_core.dag._operators import OUTPUT, connect, find_artifact
from aqueduct_core.dag._settings import RunOptions, settings_of
from aqueduct_core.dag._sites import refusal
from aqueduct_core.dag._tasks import Function

__all__ = ["OperatorFunction", "op", "to_operator"]

P = ParamSpec("P")
R = TypeVar("R")

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class OperatorFunction(Generic[P, R]):
    """A function whose calls become steps of a workflow.

    Attributes:
        name: The name of the operators it makes.
        description: A sentence for people.
        outputs: The names of the outputs.
        settings: How the operators shall be run.
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
        **settings: Unpack[RunOptions],
    ) -> None:
        function = task.function
        # What an instance holds is its own business: only a function's attributes are taken over.
        updated = ("__dict__",) if inspect.isfunction(function) else ()
        functools.update_wrapper(self, function, updated=updated)
        self.local: Callable[P, R] = function
        self.name = _name(task.kind, function, name)
        self.description = _description(function) if description is None else description
        if not isinstance(self.description, str):
            raise refusal(
                f"@{task.kind} {self.name}: description={description!r} is no text",
                hint='a sentence for people: description="Who is going to leave"',
            )
        self.outputs = _output_names(self.name, outputs)
        self.settings, self._infer = settings_of(f"@{task.kind} {self.name}", function, **settings)
        self._task = task
        self._named = name is not None
        self._handle = handle
        self._signature = _signature(function)
        self._refuse_bound_artifacts()

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
            settings=self.settings,
            infer=self._infer,
            named=self._named,
        )
        if self._handle is not None:
            return self._handle(operator, OUTPUT)
        classes = self._handle_classes
        handles = [make(operator, out) for make, out in zip(classes, self.outputs, strict=True)]
        return handles[0] if len(handles) == 1 else tuple(handles)

    def __repr__(self) -> str:
        return f"<{self._task.kind} {self.name!r}>"

    if not TYPE_CHECKING:  # a type checker shall go on to know what there is

        def __getattr__(self, name: str) -> NoReturn:
            told = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_") and hasattr(GenericArtifact, name):
                told = f"{self!r} was not called yet: it is {self.name}(...) that has .{name}"
            raise AttributeError(told, name=name, obj=self)

    @functools.cached_property
    def _handle_classes(self) -> list[type[Artifact]]:
        # At the first call, not at the definition: an annotation may name what is defined below.
        return handle_classes(self.local, len(self.outputs))

    def _bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[list[str], tuple[Any, ...], dict[str, Any]]:
        """The arguments as the function gets them, and the names of the positional ones."""
        signature = self._signature
        if signature is None:  # some builtins have none; they judge their arguments
            return [], args, kwargs
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise refusal(
                f"{self.name}{_without_annotations(signature)} can't be called like this: {error}",
                hint="the call takes the function's own arguments, each a value or an artifact",
            ) from None
        labels: list[str] = []
        for name, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                rest = bound.arguments.get(name, ())
                labels += [f"{name}[{index}]" for index in range(len(rest))]
            elif parameter.kind in _POSITIONAL and name in bound.arguments:
                labels.append(name)
        return labels[: len(bound.args)], bound.args, bound.kwargs

    def _refuse_bound_artifacts(self) -> None:
        """Refuse artifacts that are no arguments: nobody would compute them."""
        bound: list[Any] = []
        if isinstance(self.local, functools.partial):
            bound = [*self.local.args, *self.local.keywords.values()]
        if self._signature is not None:
            bound += [item.default for item in self._signature.parameters.values()]
        if any(map(find_artifact, bound)):
            raise refusal(
                f"{self.name} has an artifact as a default value",
                hint="pass the artifact when you call it",
            )


@overload
def op(function: Callable[P, R], /) -> OperatorFunction[P, R]: ...
@overload
def op(
    *,
    name: str | None = ...,
    description: str | None = ...,
    outputs: Sequence[str] | None = ...,
    **settings: Unpack[RunOptions],
) -> Callable[[Callable[P, R]], OperatorFunction[P, R]]: ...
def op(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    outputs: Sequence[str] | None = None,
    **settings: Unpack[RunOptions],
) -> Any:
    """Make a function an operator: calling it adds a step to a workflow.

    Args:
        function: The function, when used without brackets.
        name: The operator's name; the function's by default.
        description: A sentence for people; the first line of the docstring by default.
        outputs: Names for several outputs; the function then returns a tuple of as many values,
            and a call returns a tuple of as many handles.
        **settings: How it shall be run: `requirements`, `python`, `resources`, `retries`,
            `retry_delay`, `timeout`, `cache`, `engine_options`, `image`; see `RunOptions`.
    """

    def wrap(function: Callable[..., Any]) -> OperatorFunction[..., Any]:
        if inspect.isclass(function):
            raise refusal(
                f"@op takes a function, not the class {function.__name__}",
                hint="decorate a def that makes the object and works with it; "
                f"to_operator({function.__name__}) makes a step of creating one",
            )
        return to_operator(
            function, name=name, description=description, outputs=outputs, **settings
        )

    return wrap if function is None else wrap(function)


def to_operator(
    function: Callable[P, R],
    *,
    name: str | None = None,
    description: str | None = None,
    outputs: Sequence[str] | None = None,
    **settings: Unpack[RunOptions],
) -> OperatorFunction[P, R]:
    """Make an operator of anything that can be called and not be decorated.

    Functions of other packages, builtins, classes, instances with `__call__` and `partial` objects
    are all fine. The options are those of `op`.
    """
    task = Function(function, "op")
    return OperatorFunction(task, name=name, description=description, outputs=outputs, **settings)


def _name(kind: str, function: Callable[..., Any], name: str | None) -> str:
    if name is None:
        while isinstance(function, functools.partial):
            function = function.func
        name = str(getattr(function, "__name__", type(function).__name__))
        if name == "<lambda>":
            raise refusal(
                f"@{kind}: a lambda has no name that a workflow could show",
                hint=f'give it one: name="double", or put @{kind} above a def',
            )
        return as_name(name)
    check_name(f"@{kind}", name, 'name="predict churn"')
    return name


def _description(function: Callable[..., Any]) -> str:
    """The first line of the docstring, where there is one of its own."""
    if isinstance(function, functools.partial):
        return _description(function.func)
    documented = inspect.isroutine(function) or inspect.isclass(function)
    text = inspect.getdoc(function if documented else type(function))
    return (text or "").partition("\n")[0].strip()


def _output_names(operator: str, outputs: Sequence[str] | None) -> tuple[str, ...]:
    if outputs is None:
        return (OUTPUT,)
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    if not names or len(set(names)) != len(names) or not all(_is_name(name) for name in names):
        raise refusal(
            f"{operator}: outputs={outputs!r} does not name the outputs",
            hint='give each output a name of its own: outputs=["train", "test"]',
        )
    return names


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return signature_of(function)
    except (TypeError, ValueError):
        return None


def _without_annotations(signature: inspect.Signature) -> str:
    plain = [item.replace(annotation=item.empty) for item in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))
