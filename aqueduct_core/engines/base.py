"""What an engine is: the contract between the client and whatever runs workflows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from aqueduct_core.dag import Version
from aqueduct_core.runtime import Result

__all__ = ["Engine", "Progress", "RunState", "Trigger"]

RunState: TypeAlias = Literal[
    "pending", "running", "succeeded", "warning", "failed", "canceled", "skipped"
]

Progress: TypeAlias = Callable[[str, Result | None], None]
"""Called with an operator's name when it starts (None), and again with its result."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One request to run a workflow.

    Attributes:
        run: The run key: the engine's id of the run.
        parameters: Other values for some parameters, by name.
        progress: Who wants to know how it goes.
    """

    run: str
    parameters: Mapping[str, Any]
    progress: Progress | None = None


class Engine(Protocol):
    """Runs workflows.

    Attributes:
        kind: What it is: `local`.
    """

    kind: ClassVar[str]

    def deploy(self, version: Version) -> None:
        """Make a version known, so that it can be triggered."""
        ...

    def trigger(self, version: Version, request: Trigger) -> RunState:
        """Start a run; returns its state by then, which is final for an engine that waits."""
        ...
