"""What an operator does with its arguments: a function of the user, a preset, or a query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aqueduct_core.checks import Verdict, as_number, preset
from aqueduct_core.dag._spec import OperatorSpec, python_minor
from aqueduct_core.errors import CorruptArtifactError
from aqueduct_core.runtime._inputs import Unavailable, no_result
from aqueduct_core.runtime._job import Job, Workspace
from aqueduct_core.runtime._outputs import split
from aqueduct_core.runtime._result import OperatorState, read_result, state_of_failure
from aqueduct_core.runtime._usage import packages
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.dag._pickled import PickledFunction

__all__ = ["Finding", "Task", "judge", "load_task"]

_SYSTEM_METRIC = "system_metric"
_MOST_FUNCTIONS = 64
_LARGEST = 1 << 20  # bytes of a function that is kept
_functions: WeakKeyDictionary[ArtifactStore, dict[str, _Pickled]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Task:
    """What is called.

    Attributes:
        function: It is given the arguments.
        packages: The versions of the libraries that it uses.
        takes_inputs: Whether its arguments are the operator's inputs; `function` has all it needs
            otherwise.
    """

    function: Callable[..., Any]
    packages: Mapping[str, str] = field(default_factory=dict)
    takes_inputs: bool = True


@dataclass(slots=True)
class _Pickled:
    """A function that was read, and what was found out about it."""

    function: PickledFunction
    packages: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the value that a function returned means.

    Attributes:
        outputs: The operator's outputs by name.
        state: How it ended.
        reason: Why a check did not pass.
        passed: What a check found.
        value: A metric's number.
    """

    outputs: Mapping[str, Any]
    state: OperatorState = "succeeded"
    reason: str | None = None
    passed: bool | None = None
    value: float | None = None


def load_task(workspace: Workspace, job: Job) -> Task:
    """Get ready what an operator calls; imports what that needs.

    Raises:
        IncompatibleEnvironmentError: This Python can't run the function.
        Unavailable: A system metric looks at an operator that did not run.
    """
    spec = job.spec
    if spec.kind == "query":
        return Task(partial(_read, workspace, spec))
    if "preset" in spec.task:
        called = dict(spec.task["preset"])
        function = preset(**called)
        if called["name"] == _SYSTEM_METRIC:
            return Task(partial(_look_at, workspace, job, function), takes_inputs=False)
        return Task(function)
    pickled = _pickled(workspace, job)
    # Anew each time: what a function changes of its surroundings must not depend on which worker
    # has run it before.
    function = pickled.function.load()
    if pickled.packages is None:
        pickled.packages = packages(function)
    return Task(function, pickled.packages)


def judge(spec: OperatorSpec, value: Any) -> Finding:
    """What a returned value means for this kind of operator.

    Raises:
        OperatorError: A metric returned no number, a check no verdict, another operator not as
            many values as it has outputs.
    """
    if spec.kind == "check":
        verdict = Verdict.of(value)
        outputs = {spec.outputs[0]: verdict.passed}
        if verdict.passed:
            return Finding(outputs, passed=True)
        reason = verdict.reason or "it returned False"
        return Finding(outputs, state_of_failure(spec.severity), reason, passed=False)
    if spec.kind == "metric":
        number = as_number(value)
        return Finding({spec.outputs[0]: number}, value=_as_float(number))
    return Finding(split(spec.name, spec.outputs, value))


def _pickled(workspace: Workspace, job: Job) -> _Pickled:
    """The function of an operator; small ones are kept, since what their key names never changes."""
    from aqueduct_core.dag._pickled import PickledFunction  # not before something is run

    version, store = job.version, workspace.store
    key = version.code.get(job.operator)
    if key is None or version.spec.python != python_minor():
        version.function(store, job.operator)  # raises what tells why there is none for here
        raise AssertionError(job.operator)
    kept = _functions.setdefault(store, {})
    found = kept.pop(key, None)
    if found is None:
        function = workspace.constant(lambda store: store.get(key))
        if not isinstance(function, PickledFunction):
            raise CorruptArtifactError("it holds no function", key=key)
        found = _Pickled(function)
    # Its buffers are memory that the function may change, and must find unchanged next time.
    if not found.function.buffers and len(found.function.head) <= _LARGEST:
        kept[key] = found  # the latest last
    if len(kept) > _MOST_FUNCTIONS:
        kept.pop(next(iter(kept)), None)
    return found


def _read(workspace: Workspace, spec: OperatorSpec, **parameters: Any) -> Any:
    source: Any = workspace.integration(spec.task["integration"])
    if "query" not in spec.task:
        answer = getattr(source, "extract", source.answer)
        return answer(spec.task, parameters)
    from aqueduct_core.integrations._statement import Statement

    read = getattr(source, "extract", source.read)
    return read(Statement.of(spec.task["query"]), parameters)


def _look_at(workspace: Workspace, job: Job, function: Callable[..., Any]) -> Any:
    [item] = job.spec.inputs
    result = read_result(workspace.store, job.version.ids[item.source], job.run)
    if result is None or item.output not in result.outputs:
        raise Unavailable(no_result(item.source, result))
    return function(result)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer beyond all floats
        return float("inf") if number > 0 else float("-inf")
