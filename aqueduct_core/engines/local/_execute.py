"""Runs a graph: every operator whose inputs are there, and the saves at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from aqueduct_core.dag import Graph, Operator, Parameter
from aqueduct_core.engines.base import RunState
from aqueduct_core.integrations import Save, Target, Transaction
from aqueduct_core.runtime import Clock, Failure, Result, Run, ended, run_operator

__all__ = ["execute", "outcome"]


def execute(
    graph: Graph, run: Run, parameters: Mapping[Operator, Any]
) -> Iterator[tuple[Operator, Result | None]]:
    """Run a graph in this thread.

    A failed operator doesn't stop those that don't need it; those that do are skipped. Saves come
    last, and only after every check of severity `error` has passed.

    Args:
        graph: What to run.
        run: The run; outputs that it has already are not computed again.
        parameters: Other values for some parameters.

    Yields:
        Each operator when it starts, with None, and again with its result.
    """
    results: dict[Operator, Result] = {}
    for operator in graph.operators:
        if operator.kind == "save" or _is_there(operator, run):
            continue
        yield operator, None
        results[operator] = _run_one(operator, run, parameters)
        yield operator, results[operator]
    yield from _run_saves(graph, run, results)


def outcome(results: Mapping[Operator, Result]) -> RunState:
    """The state of a run whose operators have these results."""
    states = {result.state for result in results.values()}
    if "failed" in states:
        return "failed"
    return "warning" if "warning" in states else "succeeded"


def _is_there(operator: Operator, run: Run) -> bool:
    return all((operator, output) in run.stored for output in operator.outputs)


def _run_one(operator: Operator, run: Run, parameters: Mapping[Operator, Any]) -> Result:
    missing = _missing(operator, run)
    if missing is not None:
        return ended(operator, run, "skipped", reason=f"{missing!r} has no result")
    task = None
    if operator in parameters:
        assert isinstance(operator.task, Parameter)
        task = replace(operator.task, value=parameters[operator])
    return run_operator(operator, run, task)


def _missing(operator: Operator, run: Run) -> str | None:
    for item in operator.inputs:
        if (item.operator, item.output) not in run.stored:
            return run.names[item.operator]
    return None


def _run_saves(
    graph: Graph, run: Run, results: Mapping[Operator, Result]
) -> Iterator[tuple[Operator, Result | None]]:
    by_target: dict[Target, list[Operator]] = {}
    for operator in graph.operators:
        if isinstance(operator.task, Save):
            by_target.setdefault(operator.task.target, []).append(operator)
    blocking = [
        result.name
        for result in results.values()
        if result.kind == "check" and result.severity == "error" and result.passed is not True
    ]
    for target, saves in by_target.items():
        if blocking:
            reason = f"held back: the check {blocking[0]!r} did not pass"
            for operator in saves:
                yield operator, ended(operator, run, "skipped", reason=reason)
        else:
            yield from _run_transaction(target, saves, run)


def _run_transaction(
    target: Target, saves: list[Operator], run: Run
) -> Iterator[tuple[Operator, Result | None]]:
    """All saves into one data system: together, or not at all."""
    ready = []
    for operator in saves:
        missing = _missing(operator, run)
        if missing is None:
            ready.append(operator)
        else:
            yield operator, ended(operator, run, "skipped", reason=f"{missing!r} has no result")
    if not ready:
        return
    written: dict[Operator, Result] = {}
    current = ready[0]
    try:
        with target.transaction() as transaction:
            for current in ready:
                yield current, None
                written[current] = _write(current, transaction, run)
    except Exception as error:  # noqa: BLE001 - whatever it is becomes the result
        failure = Failure.of(error)
        undone = f"taken back, because {run.names[current]!r} failed"
        for operator in ready:
            if operator is current:
                reason = f"it raised {type(error).__name__}"
                yield operator, ended(operator, run, "failed", reason=reason, error=failure)
            else:
                yield operator, ended(operator, run, "skipped", reason=undone)
    else:
        yield from written.items()


def _write(operator: Operator, transaction: Transaction, run: Run) -> Result:
    save = operator.task
    assert isinstance(save, Save)
    clock = Clock()
    with clock.phase("load"):
        value = run.load(operator.inputs[0])
    with clock.phase("run"):
        detail = transaction.save(value, save.table_name, save.mode)
    return ended(operator, run, "succeeded", clock, detail=detail)
