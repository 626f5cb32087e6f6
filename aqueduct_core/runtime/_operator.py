"""Runs one operator: loads its inputs, calls its task, stores its outputs."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from time import perf_counter
from typing import Any

from aqueduct_core._version import __version__
from aqueduct_core.dag import Artifact, Operator
from aqueduct_core.errors import OperatorError
from aqueduct_core.manifest import ArtifactRef
from aqueduct_core.runtime._result import Failure, OperatorState, Result
from aqueduct_core.store import ArtifactStore

__all__ = ["Clock", "Run", "Stored", "ended", "run_operator"]


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact of a run, and the store that holds it."""

    store: ArtifactStore
    ref: ArtifactRef

    def load(self) -> Any:
        """A new copy of the value; changing it changes nothing else."""
        return self.store.get(self.ref)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What the operators of one run have in common.

    Attributes:
        key: The run key, unique within the engine.
        store: Where outputs go.
        names: The name of each operator in its workflow.
        ids: The UUID of each operator, by name.
        raises: Let what an operator raises pass, instead of making it a result.
        stored: The outputs that are there by now.
    """

    key: str
    store: ArtifactStore
    names: Mapping[Operator, str]
    ids: Mapping[str, str]
    raises: bool = False
    stored: dict[tuple[Operator, str], Stored] = field(default_factory=dict)

    def load(self, artifact: Artifact) -> Any:
        """A new copy of an operator's output."""
        return self.stored[artifact.operator, artifact.output].load()

    def output_key(self, operator: Operator, output: str) -> str:
        """Where an output is stored."""
        return f"operators/{self.ids[self.names[operator]]}/{self.key}/{output}"


def run_operator(operator: Operator, run: Run, task: Callable[..., Any] | None = None) -> Result:
    """Run an operator.

    What the user's code raises becomes the result, unless `run.raises`.

    Args:
        operator: The operator; its inputs are in `run.stored`.
        run: The run; gets the outputs.
        task: What to call instead of the operator's own task: another value of a parameter.
    """
    clock = Clock()
    try:
        with clock.phase("load"):
            # An artifact that is passed twice is one object inside, as it is in plain Python.
            values = {(item.operator, item.output): run.load(item) for item in operator.inputs}
            args = [values[item.operator, item.output] for item in operator.args]
            kwargs = {
                name: values[item.operator, item.output] for name, item in operator.kwargs.items()
            }
        with clock.phase("run"):
            outputs = _split(operator, (task or operator.task)(*args, **kwargs))
        with clock.phase("store"):
            stored = {name: _store(operator, run, name, outputs[name]) for name in outputs}
    except (Exception, SystemExit) as error:
        if run.raises:
            raise
        state = _state_of_failure(operator)
        reason = f"it raised {type(error).__name__}"
        failure = Failure.of(error)
        return ended(operator, run, state, clock, reason=reason, error=failure)
    run.stored.update({(operator, name): item for name, item in stored.items()})
    passed = outputs[operator.outputs[0]] if operator.kind == "check" else None
    state = _state_of_failure(operator) if passed is False else "succeeded"
    return ended(
        operator,
        run,
        state,
        clock,
        outputs={name: item.ref for name, item in stored.items()},
        passed=passed,
        reason="the check did not pass" if passed is False else None,
    )


class Clock:
    """How long each phase of an operator takes."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC).isoformat()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(perf_counter() - start, 6)


def ended(
    operator: Operator,
    run: Run,
    state: OperatorState,
    clock: Clock | None = None,
    **known: Any,
) -> Result:
    """The result of an operator that has come to an end."""
    clock = clock or Clock()
    name = run.names[operator]
    return Result(
        operator=run.ids[name],
        name=name,
        kind=operator.kind,
        run=run.key,
        state=state,
        started=clock.started,
        seconds=clock.seconds,
        severity=getattr(operator.task, "severity", None),
        environment=_environment(),
        **known,
    )


def _state_of_failure(operator: Operator) -> OperatorState:
    return "warning" if getattr(operator.task, "severity", None) == "warning" else "failed"


def _split(operator: Operator, value: Any) -> dict[str, Any]:
    """The outputs by name."""
    names = operator.outputs
    values = (value,) if len(names) == 1 else value
    if len(names) > 1:
        if not isinstance(values, tuple | list):
            raise OperatorError(
                f"{operator.name} has the outputs {', '.join(names)}, and returned "
                f"{type(value).__name__}",
                hint=f"return a tuple of {len(names)} values",
            )
        if len(values) != len(names):
            raise OperatorError(
                f"{operator.name} has the outputs {', '.join(names)}, and returned "
                f"{len(values)} values",
                hint=f"return {len(names)} values, or change outputs=[...]",
            )
    for item in values:
        if isinstance(item, Artifact):
            raise OperatorError(
                f"{operator.name} returned the artifact {item.name!r}, which has no value inside "
                "of an operator",
                hint=f"call the plain function: {item.operator.name}.local(...)",
            )
    return dict(zip(names, values, strict=True))


def _store(operator: Operator, run: Run, output: str, value: Any) -> Stored:
    lineage = {
        "operator": run.ids[run.names[operator]],
        "run": run.key,
        "inputs": [run.stored[item.operator, item.output].ref.digest for item in operator.inputs],
    }
    name = run.names[operator]
    ref = run.store.put(
        value,
        run.output_key(operator, output),
        name=name if len(operator.outputs) == 1 else f"{name}.{output}",
        lineage=lineage,
    )
    return Stored(run.store, ref)


@cache
def _environment() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "aqueduct_core": __version__,
    }
