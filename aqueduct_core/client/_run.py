"""Runs: snapshots of what happened, never computed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueduct_core.errors import NotFoundError
from aqueduct_core.manifest import ArtifactRef, Manifest
from aqueduct_core.runtime import Failure, Result
from aqueduct_core.store import ArtifactStore
from aqueduct_core.tracking import Records

__all__ = ["CheckResult", "Run", "RunArtifact"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found.

    Attributes:
        name: The check.
        severity: `warning` or `error`.
        passed: Whether it passed; None if it came to no verdict.
        reason: Why not.
    """

    name: str
    severity: str
    passed: bool | None
    reason: str | None

    def __bool__(self) -> bool:
        return self.passed is True


@dataclass(frozen=True, slots=True, eq=False)
class RunArtifact:
    """An artifact of a run.

    Attributes:
        name: Its name in the workflow.
        ref: The reference to what is stored.
    """

    name: str
    ref: ArtifactRef
    _store: ArtifactStore

    def get(self, *, as_: type | None = None, columns: Sequence[Any] | None = None) -> Any:
        """Load the value; the options are those of `ArtifactStore.get`."""
        return self._store.get(self.ref, as_=as_, columns=columns)

    def preview(self) -> Mapping[str, Any]:
        """Schema, statistics and first rows, as they were computed when it was stored."""
        return self.manifest().description

    def manifest(self) -> Manifest:
        """Everything that is known about it without loading it."""
        return self._store.manifest(self.ref)

    @property
    def type(self) -> str:
        """The artifact type: `table`, `numeric`, ..."""
        return self.ref.type

    def __repr__(self) -> str:
        return f"<RunArtifact {self.name!r}: {self.ref.type}, {self.ref.size:,} bytes>"


class Run:
    """One run of a workflow.

    Attributes:
        id: The run key.
    """

    def __init__(self, data: Mapping[str, Any], store: ArtifactStore, records: Records) -> None:
        self.id: str = data["id"]
        self._data = data
        self._store = store
        self._records = records

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self._data['name']!r}: {self.status}>"

    @property
    def status(self) -> str:
        """`running`, `succeeded`, `warning`, `failed`, ... as it is by now."""
        return str(self._fresh()["status"])

    @property
    def version(self) -> str:
        """The digest of the version that ran."""
        return str(self._data["version"])

    @property
    def started(self) -> str:
        """When it was started, ISO 8601 in UTC."""
        return str(self._data["started"])

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        seconds = self._fresh()["seconds"]
        return None if seconds is None else float(seconds)

    def operators(self) -> list[Result]:
        """The results of all operators that have come to an end, in the order of the graph."""
        found = [self._records.result(item["id"], self.id) for item in self._data["operators"]]
        return [result for result in found if result is not None]

    def operator(self, name: str) -> Result:
        """The result of one operator.

        Raises:
            NotFoundError: There is none of this name, or it hasn't come to an end.
        """
        for item in self._data["operators"]:
            if item["name"] == name:
                result = self._records.result(item["id"], self.id)
                if result is not None:
                    return result
                raise NotFoundError(
                    f"the operator {name!r} has no result in run {self.id}",
                    hint=f"the run is {self.status}",
                )
        raise _not_found("operator", name, [item["name"] for item in self._data["operators"]])

    def artifacts(self) -> dict[str, RunArtifact]:
        """All stored artifacts by name."""
        return {
            name: RunArtifact(name, ref, self._store)
            for result in self.operators()
            for name, ref in _outputs(result).items()
        }

    def artifact(self, name: str) -> RunArtifact:
        """One stored artifact.

        Args:
            name: The operator's name; where it has several outputs, `operator.output`, or the
                output's name alone if only one operator has it.

        Raises:
            NotFoundError: There is none; the text says why, if the operator did not succeed.
        """
        found = self.artifacts()
        if name in found:
            return found[name]
        short = [item for full, item in found.items() if full.endswith(f".{name}")]
        if len(short) == 1:
            return short[0]
        for result in self.operators():
            if result.name == name and result.state != "succeeded":
                raise NotFoundError(
                    f"{name!r} has no artifact in run {self.id}: it {result.state}"
                    + (f", {result.reason}" if result.reason else ""),
                    hint=f"run.error({name!r}) shows what it raised",
                )
        raise _not_found("artifact", name, list(found))

    def metrics(self) -> dict[str, Any]:
        """The value of each metric that was computed."""
        return self._values("metric")

    def parameters(self) -> dict[str, Any]:
        """The value that each parameter had."""
        return self._values("parameter")

    def checks(self) -> dict[str, CheckResult]:
        """What each check found."""
        return {
            result.name: CheckResult(
                result.name, result.severity or "warning", result.passed, result.reason
            )
            for result in self.operators()
            if result.kind == "check"
        }

    def error(self, operator: str) -> Failure | None:
        """What an operator raised, or None."""
        return self.operator(operator).error

    def errors(self) -> dict[str, Failure]:
        """What operators raised, by their names."""
        return {result.name: result.error for result in self.operators() if result.error}

    def _fresh(self) -> Mapping[str, Any]:
        if self._data["status"] == "running":
            self._data = self._records.run(self._data["flow"], self.id) or self._data
        return self._data

    def _values(self, kind: str) -> dict[str, Any]:
        return {
            result.name: self._store.get(ref)
            for result in self.operators()
            if result.kind == kind
            for ref in result.outputs.values()
        }


def _outputs(result: Result) -> dict[str, ArtifactRef]:
    several = len(result.outputs) > 1
    return {
        f"{result.name}.{output}" if several else result.name: ref
        for output, ref in result.outputs.items()
    }


def _not_found(what: str, name: str, there: Sequence[str]) -> NotFoundError:
    listed = ", ".join(map(repr, there)) or "none"
    return NotFoundError(f"there is no {what} {name!r} in this run", hint=f"there is: {listed}")
