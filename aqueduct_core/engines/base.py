"""What an engine is: the contract between the client and whatever runs workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from aqueduct_core.dag import Version
from aqueduct_core.runtime import Result

__all__ = ["Engine", "Handle", "Listener", "RunState", "Silent"]

RunState: TypeAlias = Literal[
    "pending", "running", "succeeded", "warning", "failed", "canceled", "skipped"
]


class Listener(Protocol):
    """Is told how a run goes, in whatever thread that happens; it shouldn't take long."""

    def run_started(self, run: str) -> None:
        """The run has started, or goes on."""
        ...

    def operator_started(self, name: str, attempt: int) -> None:
        """An operator is running now."""
        ...

    def operator_finished(self, result: Result) -> None:
        """An attempt of an operator has ended, or the operator is skipped or canceled."""
        ...

    def environment(self, message: str) -> None:
        """An environment for some operators is being made."""
        ...

    def run_finished(self, state: RunState) -> None:
        """The run has ended."""
        ...


class Silent:
    """A listener that nothing interests; for others to inherit what doesn't interest them."""

    def run_started(self, run: str) -> None:
        pass

    def operator_started(self, name: str, attempt: int) -> None:
        pass

    def operator_finished(self, result: Result) -> None:
        pass

    def environment(self, message: str) -> None:
        pass

    def run_finished(self, state: RunState) -> None:
        pass


class Handle(Protocol):
    """A run that was started.

    Attributes:
        run: The run key.
    """

    run: str

    @property
    def state(self) -> RunState:
        """Where it stands."""
        ...

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait for its end; returns the state that it has by then."""
        ...

    def cancel(self) -> None:
        """Stop it; its state is `canceled` as soon as everything has ended."""
        ...


class Engine(Protocol):
    """Runs workflows.

    Attributes:
        kind: What it is: `local`.
    """

    kind: ClassVar[str]

    def deploy(self, version: Version) -> None:
        """Make a version known, so that it can be triggered."""
        ...

    def trigger(
        self,
        version: Version,
        run: str,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        listener: Listener | None = None,
    ) -> Handle:
        """Start a run.

        Args:
            version: What to run; it is saved.
            run: The run key, unique in the workflow.
            parameters: Other values for some parameters, in the form of `ParameterSpec.value`.
            listener: Who wants to know how it goes.
        """
        ...

    def cancel(self, run: str) -> None:
        """Stop a run, whoever started it."""
        ...

    def retry(self, run: str, listener: Listener | None = None) -> Handle:
        """Run again what failed, was skipped or canceled in a run; what succeeded is kept."""
        ...
