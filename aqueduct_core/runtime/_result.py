"""What is known about an operator after it ran, and `result.json`, where that is kept.

operators/<operator UUID>/<run key>/result.json
operators/<operator UUID>/<run key>/attempts/<n>/result.json    of attempts before the last
operators/<operator UUID>/<run key>/attempts/<n>/stdout.log     and stderr.log
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from aqueduct_core._version import newer
from aqueduct_core.errors import CorruptArtifactError, FormatVersionError, StorageNotFoundError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime._failure import Failure
from aqueduct_core.runtime._usage import host
from aqueduct_core.storage._create import create

if TYPE_CHECKING:
    from aqueduct_core.dag import Version
    from aqueduct_core.store import ArtifactStore

__all__ = [
    "OperatorState",
    "Result",
    "attempt_folder",
    "ended",
    "is_superseded",
    "read_result",
    "result_key",
    "state_of_failure",
    "write_result",
]

FORMAT = 1

OperatorState: TypeAlias = Literal[
    "pending", "running", "succeeded", "warning", "failed", "canceled", "skipped"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One operator in one run.

    Attributes:
        operator: The operator's UUID.
        name: Its name in the workflow.
        kind: `op`, `metric`, `check`, `query` or `save`.
        run: The run key.
        state: `succeeded`, `warning`, `failed`, `canceled` or `skipped`; `pending` and `running`
            stand in no `result.json`.
        started: When it started, ISO 8601 in UTC.
        seconds: How long each phase took: `environment` (its code and what that imports), `load`
            (inputs), `run` (the function), `store` (outputs).
        outputs: The stored outputs by name.
        inputs: The digests of the artifacts that it took, by their names.
        reason: Why it was skipped, or what the warning or failure is, in a sentence.
        error: What it raised, if it did.
        severity: What a failing check means.
        passed: What a check found.
        value: A metric's number.
        detail: What a save wrote.
        environment: Python, platform, host and process, and the versions of the libraries that the
            function uses, as `packages`.
        attempt: Counts from 1.
        peak_memory: The most resident memory of its process while it ran, in bytes: the interpreter
            and the libraries included; or that of a child process, if that had more.
        logs: The storage keys of what it printed, by stream: `stdout`, `stderr`.
        cached: The run that its outputs were taken from, if it didn't have to run.
    """

    operator: str
    name: str
    kind: str
    run: str
    state: OperatorState
    started: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    outputs: Mapping[str, ArtifactRef] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    error: Failure | None = None
    severity: str | None = None
    passed: bool | None = None
    value: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    peak_memory: int | None = None
    logs: Mapping[str, str] = field(default_factory=dict)
    cached: str | None = None

    def __repr__(self) -> str:
        why = f", {self.reason}" if self.reason else ""
        return f"<Result of {self.kind} {self.name!r}: {self.state}{why}>"

    @property
    def duration(self) -> float:
        """Seconds of all phases together."""
        return sum(self.seconds.values())

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON."""
        return {
            "format": FORMAT,
            "operator": self.operator,
            "name": self.name,
            "kind": self.kind,
            "run": self.run,
            "state": self.state,
            "attempt": self.attempt,
            "started": self.started,
            "seconds": dict(self.seconds),
            "outputs": {name: ref.serialize() for name, ref in self.outputs.items()},
            "inputs": dict(self.inputs),
            "reason": self.reason,
            "error": None if self.error is None else self.error.to_json(),
            "severity": self.severity,
            "passed": self.passed,
            "value": _number_to_json(self.value),
            "detail": dict(self.detail),
            "environment": dict(self.environment),
            "peak_memory": self.peak_memory,
            "logs": dict(self.logs),
            "cached": self.cached,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Result:
        """A result from what `to_json` returned; unknown fields are ignored.

        Raises:
            FormatVersionError: A newer version wrote it.
        """
        if data["format"] > FORMAT:
            raise FormatVersionError(
                f"the result of {data.get('name')!r} has format {data['format']}; {FORMAT} is the "
                "newest known here",
                hint=newer(),
            )
        known = {name: data[name] for name in cls.__slots__ if name in data}
        known["outputs"] = {
            name: ArtifactRef.deserialize(ref) for name, ref in data["outputs"].items()
        }
        if known.get("error") is not None:
            known["error"] = Failure.from_json(known["error"])
        if known.get("value") is not None:
            known["value"] = float(known["value"])
        return cls(**known)


def ended(
    version: Version,
    operator_name: str,
    run: str,
    state: OperatorState,
    *,
    attempt: int = 1,
    reason: str | None = None,
    error: Failure | None = None,
    **known: Any,
) -> Result:
    """A result for an operator that came to no end of its own: skipped, killed, canceled.

    Args:
        version: The version it belongs to.
        operator_name: Its name.
        run: The run key.
        state: What became of it. A check of severity `warning` that failed is a `warning`.
        attempt: Which attempt it was.
        reason: Why, in a sentence.
        error: What was raised, if anything was.
        known: Other fields of the result: `started`, `seconds`, `logs`, `peak_memory`, ...
    """
    spec = version.spec.operators[operator_name]
    return Result(
        operator=version.ids[operator_name],
        name=operator_name,
        kind=spec.kind,
        run=run,
        state=state_of_failure(spec.severity) if state == "failed" else state,
        attempt=attempt,
        reason=reason,
        error=error,
        severity=spec.severity,
        started=known.pop("started", None) or datetime.now(UTC).isoformat(),
        environment=known.pop("environment", None) or host(),
        **known,
    )


def state_of_failure(severity: str | None) -> OperatorState:
    """The state of an operator that failed: a check of severity `warning` fails nothing."""
    return "warning" if severity == "warning" else "failed"


def result_key(operator: str, run: str) -> str:
    """The storage key of an operator's result."""
    return f"operators/{operator}/{run}/result.json"


def attempt_folder(operator: str, run: str, attempt: int) -> str:
    """The folder of what belongs to one attempt."""
    return f"operators/{operator}/{run}/attempts/{attempt}"


def write_result(store: ArtifactStore, result: Result) -> bool:
    """Write an operator's result; everything that it names is stored by now.

    The result of an earlier attempt is kept as one of that attempt. A result of an earlier attempt
    than the one that is there, of a process that was thought dead, never replaces it, and its
    outputs don't stay where the later one has none. Storages have no comparing write: where there
    is a result already, or they can't create (`Creates`), the earlier one of two attempts that end
    within the same few milliseconds can win.

    Returns:
        Whether it is the operator's result now; False if there is one of a later attempt.
    """
    key, storage = result_key(result.operator, result.run), store.storage
    document = _document(result)
    if result.attempt == 1 and create(storage, key, document):
        return True
    there = _replaceable(store, result)
    if there is not None and there.attempt != result.attempt:
        older = min(there, result, key=lambda item: item.attempt)
        folder = attempt_folder(older.operator, older.run, older.attempt)
        storage.put(f"{folder}/result.json", _document(older))
        if older is result:
            for name in result.outputs.keys() - there.outputs.keys():
                store.delete(result.outputs[name].key)
            return False
    storage.put(key, document)
    return True


def is_superseded(store: ArtifactStore, operator: str, run: str, attempt: int) -> bool:
    """Whether a later attempt has come to its end."""
    is_near = store.storage.profile != "remote"  # elsewhere, a look costs as much as the result
    if is_near and store.storage.stat(result_key(operator, run)) is None:
        return False
    there = read_result(store, operator, run)
    return there is not None and there.attempt > attempt


def read_result(
    store: ArtifactStore, operator: str, run: str, attempt: int | None = None
) -> Result | None:
    """The result of an operator, or None if it hasn't come to an end.

    Args:
        store: The store.
        operator: The operator's UUID.
        run: The run key.
        attempt: An attempt before the last; the last one by default.

    Raises:
        CorruptArtifactError: What is there is no result.
    """
    key = result_key(operator, run)
    if attempt is not None:
        key = f"{attempt_folder(operator, run, attempt)}/result.json"
    try:
        data = bytes(store.storage.get(key))
    except StorageNotFoundError:
        return None
    try:
        return Result.from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FormatVersionError):
            raise
        raise CorruptArtifactError(
            f"it can't be read as the result of an operator: {error}", key=key
        ) from error


def _replaceable(store: ArtifactStore, result: Result) -> Result | None:
    try:
        return read_result(store, result.operator, result.run)
    except CorruptArtifactError:  # nobody can use it
        return None


def _document(result: Result) -> bytes:
    return json.dumps(result.to_json(), allow_nan=False, separators=(",", ":")).encode()


def _number_to_json(value: float | None) -> float | str | None:
    """JSON has no NaN and no infinity: they are kept as text."""
    return value if value is None or math.isfinite(value) else str(value)
