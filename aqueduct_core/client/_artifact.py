"""Artifacts of a run: looked at without loading them, loaded when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aqueduct_core.client._described import artifact_html
from aqueduct_core.reference import ArtifactRef

if TYPE_CHECKING:
    from aqueduct_core.manifest import Manifest
    from aqueduct_core.store import ArtifactStore

__all__ = ["CheckResult", "RunArtifact"]


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
    """An artifact of a run; a preview in a notebook.

    Attributes:
        name: Its name in the workflow.
        ref: The reference to what is stored.
    """

    name: str
    ref: ArtifactRef
    _store: ArtifactStore = field(repr=False)

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

    def _repr_html_(self) -> str:
        return artifact_html(self.name, self.ref.type, self.ref.size, self.preview())
