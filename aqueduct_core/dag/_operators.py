"""Operators: the steps of a workflow, and how they are connected."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aqueduct_core.dag._artifacts import Artifact, GenericArtifact
from aqueduct_core.dag._names import as_name, check_name
from aqueduct_core.dag._sites import CallSite, call_site, refusal
from aqueduct_core.dag._spec import Settings
from aqueduct_core.dag._tasks import Parameter

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = ["OUTPUT", "Operator", "Task", "connect", "find_artifact", "wait_for"]

OUTPUT = "output"  # what a single output is called
_ATTACHED = ("metric", "check", "save")  # kinds that come along with what they look at
_PLAIN = (str, bytes, int, float, bool, type(None), list, tuple, dict, set, frozenset)
_waiting = threading.Lock()  # two orders that contradict each other can't both get in


class Task(Protocol):
    """What an operator does when it runs.

    A task may have an `origin`, a hashable value: what has the same kind, name, origin and inputs
    is the same call made again, as it is when a notebook's cell runs twice.

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
        settings: How it shall be run.
        infer: Whether its requirements are those of its imports, looked up when it is published.
        named: Whether somebody asked for this name; nothing else may have it then.
        owner: The client that it belongs to, as that client is told apart; None for any.
        attached: The metrics, checks and saves that look at its outputs.
        memo: For the engine that computes handles: `computed`, whose `load(output)` gives a copy.
    """

    name: str
    task: Task
    args: tuple[Artifact, ...] = ()
    kwargs: Mapping[str, Artifact] = field(default_factory=dict)
    outputs: tuple[str, ...] = (OUTPUT,)
    description: str = ""
    site: CallSite | None = None
    settings: Settings = field(default_factory=Settings)
    infer: bool = False
    named: bool = False
    owner: str | None = None
    attached: dict[Any, Operator] = field(default_factory=dict, repr=False)
    memo: dict[str, Any] = field(default_factory=dict, repr=False)
    _after: list[Operator] = field(default_factory=list, init=False, repr=False)
    _needed: bool = field(default=False, init=False, repr=False)  # by any other operator

    @property
    def kind(self) -> str:
        """The kind of its task."""
        return self.task.kind

    @property
    def inputs(self) -> tuple[Artifact, ...]:
        """All inputs, those by keyword last."""
        return (*self.args, *self.kwargs.values())

    @property
    def after(self) -> tuple[Operator, ...]:
        """The operators that it waits for without taking anything from them."""
        return tuple(self._after)

    @property
    def needs(self) -> tuple[Operator, ...]:
        """The operators that must have come to an end before this one starts."""
        return (*(item.operator for item in self.inputs), *self._after)

    @property
    def origin(self) -> Hashable:
        """What tells it apart from others of its name."""
        return getattr(self.task, "origin", self.kind)


def connect(
    name: str,
    task: Task,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    labels: Sequence[str] = (),
    outputs: tuple[str, ...] = (OUTPUT,),
    description: str = "",
    settings: Settings | None = None,
    infer: bool = False,
    named: bool = False,
    owner: str | None = None,
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
        settings: How it shall be run.
        infer: Whether its requirements are inferred when it is published.
        named: Whether the user asked for this name.
        owner: The client that it belongs to, in words that tell it from other clients; None to
            leave that to its inputs.

    Raises:
        GraphError: An argument can't be an input, or belongs to another client.
    """
    site = call_site()
    if named:
        check_name(f"a {task.kind}", name, 'name="customers"')
    name = as_name(name)
    names = [*labels, *(str(index) for index in range(len(labels), len(args)))]
    positional = tuple(
        _as_input(name, label, value, site) for label, value in zip(names, args, strict=True)
    )
    by_name = {key: _as_input(name, key, value, site) for key, value in (kwargs or {}).items()}
    inputs = (*positional, *by_name.values())
    if task.kind in ("op", "query"):
        _refuse_checks(name, inputs)
    operator = Operator(
        name=name,
        task=task,
        args=positional,
        kwargs=by_name,
        outputs=outputs,
        description=description,
        site=site,
        settings=settings or Settings(),
        infer=infer,
        named=named,
        owner=common_owner(name, owner, [item.operator for item in inputs]),
    )
    for item in inputs:
        _mark_needed(item.operator)
    if operator.kind in _ATTACHED:
        _attach(operator)
    return operator


def wait_for(operator: Operator, others: Iterable[Any]) -> None:
    """Let an operator start only after others have succeeded; see `Artifact.after`."""
    for other in others:
        if not isinstance(other, Artifact):
            raise refusal(
                f"{operator.name}: after() takes artifacts, not {type(other).__name__}",
                hint="pass what the operator to wait for returned",
            )
        for item in (operator, other.operator):
            if item.kind == "parameter":
                raise refusal(
                    f"{operator.name}: after() has no meaning for the parameter {item.name!r}",
                    hint="a parameter has its value before anything runs",
                )
        common_owner(operator.name, operator.owner, [other.operator])
        with _waiting:
            path = _path(other.operator, operator)
            if path is not None:
                raise refusal(
                    f"{operator.name!r} can't wait for {other.name!r}, which needs it: "
                    f"{_told([*reversed(path), operator])}",
                    hint="a workflow runs from inputs to outputs: leave out one of these steps",
                )
            if other.operator not in operator._after:
                operator._after.append(other.operator)
                _mark_needed(other.operator)


def common_owner(name: str, owner: str | None, operators: Iterable[Operator]) -> str | None:
    """The client that operators belong to; `owner` is the one of what uses them, called `name`."""
    first: Operator | None = None
    for operator in operators:
        if operator.owner is None or operator.owner == owner:
            continue
        if owner is not None:
            other = f"{first.name!r} is of {owner}" if first else f"it is used with {owner}"
            raise refusal(
                f"{name}: {operator.name!r} is of {operator.owner}, and {other}",
                hint="a workflow belongs to one client: make all of its queries and parameters "
                "with the same one, or .get() the value and pass that",
            )
        owner, first = operator.owner, operator
    return owner


def find_artifact(value: Any) -> bool:
    """Whether a handle is somewhere inside of plain lists, tuples, sets and dicts."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, Artifact):
            return True
        if type(item) in (list, tuple, set, frozenset, dict) and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(item.values() if type(item) is dict else item)
    return False


def _as_input(operator: str, label: str, value: Any, site: CallSite | None) -> Artifact:
    if isinstance(value, Artifact):
        return value
    if type(value).__module__.startswith("aqueduct_core."):
        _refuse_own(operator, label, value)
    if find_artifact(value):
        raise refusal(
            f"{operator}: the argument {label!r} is a {type(value).__name__} with artifacts inside",
            hint="pass each artifact as an argument of its own; *args in the function takes many",
        )
    parameter = Operator(name=as_name(label), task=Parameter(value, implicit=True), site=site)
    return GenericArtifact(parameter, OUTPUT)


def _refuse_own(operator: str, label: str, value: Any) -> None:
    """Refuse what belongs around a workflow, not into it."""
    kind = type(value)
    room = kind.__module__.split(".")[1]
    if room == "dag" and hasattr(value, "local"):
        raise refusal(
            f"{operator}: the argument {label!r} is the operator {value.name!r} itself",
            hint=f"pass what it returns: {value.name}(...)",
        )
    if room not in ("client", "integrations"):
        return
    if _is_stored(kind):
        raise refusal(
            f"{operator}: the argument {label!r} is an artifact of a run that is over, {value!r}",
            hint=".get() loads its value, which may be passed: it becomes a parameter",
        )
    raise refusal(
        f"{operator}: the argument {label!r} is a {kind.__name__}, which is no value",
        hint="pass what a query returns, or plain values",
    )


def _is_stored(kind: Callable[..., Any]) -> bool:
    return hasattr(kind, "get") and hasattr(kind, "preview")


def _refuse_checks(name: str, inputs: Iterable[Artifact]) -> None:
    for item in inputs:
        if item.operator.kind == "check":
            raise refusal(
                f"{name}: the result of the check {item.name!r} can't be an input of an operator",
                hint='a check of severity "error" holds back every save when it fails; .after() '
                "waits for a check, and an @op computes a value that other steps need",
            )


def _mark_needed(operator: Operator) -> None:
    object.__setattr__(operator, "_needed", True)


def _path(start: Operator, end: Operator) -> list[Operator] | None:
    """The operators from `start` down to `end`, each needing the next; None if there's no way."""
    if start is not end and not end._needed:
        return None
    stack = [(start, iter(start.needs))]
    seen = {start}
    while stack:
        if stack[-1][0] is end:
            return [operator for operator, _ in stack]
        following = next((item for item in stack[-1][1] if item not in seen), None)
        if following is None:
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(following.needs)))
    return None


def _told(path: Sequence[Operator]) -> str:
    """Operators in the order in which they'd run, with their lines where names don't suffice."""
    names = [operator.name for operator in path]
    alike = len(set(names)) < len(set(path))
    steps = (f"{item.name} ({item.site})" if alike else item.name for item in path)
    return " -> ".join(steps)


def _attach(operator: Operator) -> None:
    # One key for the same call made again, as a notebook's cell does: the later one counts.
    key = (operator.kind, operator.name, operator.origin, tuple(map(_input_key, operator.inputs)))
    looked_at = [item.operator for item in operator.inputs]
    computed = [item for item in looked_at if item.kind != "parameter"]
    # What looks at parameters alone comes along with each workflow that has them.
    for item in computed or looked_at:
        item.attached[key] = operator


def _input_key(item: Artifact) -> Hashable:
    """What tells an input from others: values that can be written down by what they are."""
    task = item.operator.task
    if isinstance(task, Parameter) and task.implicit:
        plain = type(task.value) in _PLAIN
        return item.operator.name, repr(task.value) if plain else id(task.value)
    return id(item.operator), item.output, item.selected
