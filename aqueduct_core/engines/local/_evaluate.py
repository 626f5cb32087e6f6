"""Computes a single artifact here and now, for `artifact.get()`."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.dag import Artifact, Function, Graph, Operator, Parameter, own_traceback
from aqueduct_core.errors import AqueductError, OperatorError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime import Clock, Failure
from aqueduct_core.runtime._outputs import split
from aqueduct_core.runtime._usage import PeakMemory
from aqueduct_core.store import ArtifactStore

__all__ = ["evaluate"]

_MEMO = "computed"


@dataclass(frozen=True, slots=True)
class _Computed:
    """What an operator gave, and what it took; a system metric looks at it as at a result.

    Attributes:
        name: The operator's name.
        store: Where the outputs are.
        outputs: The outputs.
        seconds: How long each phase took.
        peak_memory: The most resident memory of this process while it ran.
    """

    name: str
    store: ArtifactStore
    outputs: Mapping[str, ArtifactRef]
    seconds: Mapping[str, float]
    peak_memory: int

    def load(self, output: str, columns: Sequence[str] | None = None) -> Any:
        """A new copy of an output, or of some columns; changing it changes nothing else."""
        return self.store.get(self.outputs[output], columns=columns)


def evaluate(artifact: Artifact, parameters: Mapping[str, Any]) -> Any:
    """The value of an artifact; see `Artifact.get`."""
    graph = Graph.behind(artifact)
    other = graph.override(parameters)
    # In memory, signed with a key that nobody else has: what is read is what was just written.
    store = ArtifactStore("memory://", signing_key=os.urandom(32), describe=False)
    affected = set(other)
    done: dict[Operator, _Computed] = {}
    for operator in graph.operators:
        if not affected.isdisjoint(operator.needs):
            affected.add(operator)
        known = None if operator in affected else operator.memo.get(_MEMO)
        done[operator] = known or _compute(graph.names[operator], operator, other, done, store)
        if operator not in affected:
            # One assignment: another thread that computes the same sees all of it or nothing.
            operator.memo[_MEMO] = done[operator]
    return done[artifact.operator].load(artifact.output, artifact.selected)


def _compute(
    name: str,
    operator: Operator,
    other: Mapping[Operator, Any],
    done: Mapping[Operator, _Computed],
    store: ArtifactStore,
) -> _Computed:
    clock, peak = Clock(), PeakMemory()
    try:
        with clock.phase("load"):
            call = _call(operator, other, done)
        with clock.phase("run"):
            value = call()
        outputs = split(name, operator.outputs, value)
        with clock.phase("store"):
            refs = {output: store.put(item, f"{name}/{output}") for output, item in outputs.items()}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - raised again, told in full
        own = error.with_traceback(own_traceback(error.__traceback__))
        made = f" (made at {operator.site})" if operator.site else ""
        failure = Failure.of(own)
        # What this package says of what the function gave needs no name of a class.
        said = isinstance(error, AqueductError) and not failure.frames
        told = str(error) if said else str(failure)
        raise OperatorError(f"{operator.kind} {name!r}{made} failed: {told}") from own
    return _Computed(name, store, refs, clock.seconds, peak.read())


def _call(
    operator: Operator, other: Mapping[Operator, Any], done: Mapping[Operator, _Computed]
) -> Callable[[], Any]:
    """What an operator does, with its arguments."""
    if operator in other:
        assert isinstance(operator.task, Parameter)
        return lambda: other[operator]
    task = operator.task
    if isinstance(task, Function) and (task.preset or {}).get("name") == "system_metric":
        return lambda: task(done[operator.args[0].operator])
    # An artifact that is passed twice is one object inside, as it is in plain Python.
    values = {
        _key(item): done[item.operator].load(item.output, item.selected) for item in operator.inputs
    }
    args = [values[_key(item)] for item in operator.args]
    kwargs = {key: values[_key(item)] for key, item in operator.kwargs.items()}
    return lambda: task(*args, **kwargs)


def _key(item: Artifact) -> Hashable:
    return item.operator, item.output, item.selected
