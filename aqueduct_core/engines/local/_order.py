"""What is to be run: all of a version, or what is left of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag import Version
from aqueduct_core.runtime import OperatorState, Result

if TYPE_CHECKING:
    from aqueduct_core.tracking import RunRecord

__all__ = ["Order", "may_try_again", "rest_after_death", "rest_after_failure"]

_KEPT = ("succeeded", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run.

    Attributes:
        version: The version.
        run: The run key.
        parameters: The values that the run overrides.
        kept: How operators ended that don't run again.
        attempts: The number of the next attempt, of operators that were tried before.
        expected: The artifact types of the last successful run, by operator and output.
        connections: The data systems that the version uses.
    """

    version: Version
    run: str
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kept: Mapping[str, OperatorState] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


def rest_after_failure(version: Version, record: RunRecord, results: Iterable[Result]) -> Order:
    """All that did not succeed.

    Args:
        version: The version that ran.
        record: The run.
        results: What is known of its operators.
    """
    kept: dict[str, OperatorState] = {}
    attempts: dict[str, int] = {}
    for result in results:
        if result.state in _KEPT:
            kept[result.name] = result.state
        else:
            attempts[result.name] = result.attempt + 1
    return Order(
        version=version, run=record.id, parameters=record.parameters, kept=kept, attempts=attempts
    )


def rest_after_death(
    version: Version, record: RunRecord, planned: Iterable[Result], written: Iterable[Result]
) -> Order:
    """All that hasn't come to its end.

    Args:
        version: The version that ran.
        record: The run.
        planned: What the process that was killed has recorded: also what it was going to do.
        written: The results that are in the store.
    """
    last = {result.name: result for result in planned}
    last |= {
        result.name: result
        for result in written
        if result.name not in last or last[result.name].attempt <= result.attempt
    }
    kept: dict[str, OperatorState] = {}
    attempts: dict[str, int] = {}
    for name, result in last.items():
        if result.state in ("pending", "running", "canceled"):
            attempts[name] = result.attempt
        elif may_try_again(version, result):
            attempts[name] = result.attempt + 1
        else:
            kept[name] = result.state
    return Order(
        version=version, run=record.id, parameters=record.parameters, kept=kept, attempts=attempts
    )


def may_try_again(version: Version, result: Result, first: int = 1) -> bool:
    """Whether an operator that ended like this has attempts left.

    Args:
        version: The version that runs.
        result: How it ended.
        first: The number of its first attempt.
    """
    failed = result.state in ("failed", "warning") and result.passed is None and result.reason
    retries = version.spec.operators[result.name].settings.retries
    return bool(failed) and result.attempt - first < retries
