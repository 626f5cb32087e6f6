"""What is told about a run."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from aqueduct_core.runtime import Result

__all__ = ["LEVELS", "Level", "Message", "Problem", "level_of", "one_line"]

Level: TypeAlias = Literal["success", "warning", "error", "never"]
LEVELS: tuple[Level, ...] = ("success", "warning", "error", "never")
"""From which kind of end on somebody is told; `never` for not at all."""

_LONGEST = 300  # characters of an error: what a chat shows of it without a click
_OF_STATE: dict[str, Level] = {
    "succeeded": "success",
    "warning": "warning",
    "canceled": "warning",
    "skipped": "warning",
    "failed": "error",
}
_WORDS = {
    "warning": "succeeded with warnings",
    "canceled": "was canceled",
    "skipped": "was skipped",
}


def level_of(state: str) -> Level:
    """How bad the end of a run is; a canceled one is worth a warning."""
    return _OF_STATE.get(state, "error")


def one_line(text: str) -> str:
    """The first line of a text that says something, not too long."""
    whole = text.encode("utf-8", "replace").decode()  # no half of a surrogate pair
    first = next((line.strip() for line in whole.splitlines() if line.strip()), "")
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"


@dataclass(frozen=True, slots=True)
class Problem:
    """An operator that failed, or a check that did not pass.

    Attributes:
        name: The operator.
        text: What was wrong, in one line.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """How a run ended.

    Attributes:
        flow: The workflow's name.
        run: The run key.
        state: `succeeded`, `warning`, `failed`, `canceled` or `skipped`.
        seconds: How long it took.
        failed: The operators that failed.
        checks: The checks that did not pass.
        reason: Why the run ended as it did, where no operator says it.
        link: Where it can be looked at.
        id: The same for all attempts to deliver it, and to all receivers.
        time: When the message was made.
    """

    flow: str
    run: str
    state: str
    seconds: float | None = None
    failed: tuple[Problem, ...] = ()
    checks: tuple[Problem, ...] = ()
    reason: str | None = None
    link: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def of_results(cls, results: Iterable[Result], **known: Any) -> Message:
        """A message from the results of a run's operators.

        Args:
            results: The last result of each operator.
            known: The other attributes.
        """
        failed, checks = [], []
        for result in results:
            why = one_line(str(result.error or result.reason or result.state))
            if result.kind == "check" and result.passed is False:
                checks.append(Problem(result.name, one_line(result.reason or "it did not pass")))
            elif result.state == "failed":
                failed.append(Problem(result.name, why))
        return cls(failed=tuple(failed), checks=tuple(checks), **known)

    @property
    def level(self) -> Level:
        """How bad it is."""
        return level_of(self.state)

    @property
    def title(self) -> str:
        """The message in one line."""
        return f"{one_line(self.flow)} {_WORDS.get(self.state, self.state)}"

    def facts(self) -> list[tuple[str, str]]:
        """What is known, as labels and lines, the problems first."""
        lines = [("Failed", one_line(f"{item.name}: {item.text}")) for item in self.failed]
        lines += [("Check", one_line(f"{item.name}: {item.text}")) for item in self.checks]
        if self.reason:
            lines.append(("Reason", one_line(self.reason)))
        lines.append(("Run", one_line(self.run)))
        if self.seconds is not None:
            lines.append(("Took", _duration(self.seconds)))
        return lines

    def to_json(self) -> dict[str, Any]:
        """The message as plain JSON."""
        return {
            "flow": self.flow,
            "run": self.run,
            "state": self.state,
            "level": self.level,
            "seconds": self.seconds,
            "failed": [{"name": item.name, "error": item.text} for item in self.failed],
            "checks": [{"name": item.name, "reason": item.text} for item in self.checks],
            "reason": self.reason,
            "link": self.link,
        }


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
