"""What of a run can start next, given how the rest has ended. No clock, no process, no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aqueduct_core.dag import FlowSpec, OperatorSpec
    from aqueduct_core.runtime import OperatorState

__all__ = ["Lane", "Plan", "lane_of"]


@dataclass(frozen=True, slots=True)
class Lane:
    """What operators must have in common to be run by one worker, one after the other.

    Attributes:
        requirements: What their environment needs; None for that of the engine.
        python: The Python of their environment; None for that of the engine.
        slots: How many of the engine's workers each of them counts for.
    """

    requirements: tuple[str, ...] | None
    python: str | None
    slots: int


def lane_of(operator: OperatorSpec, slots: int) -> Lane:
    """The lane of an operator, on an engine with so many slots."""
    settings = operator.settings
    wanted = settings.resources.get("cpu") or 1
    cpu = -(-wanted // 1) if isinstance(wanted, int | float) else 1  # half a core is a slot, too
    return Lane(settings.requirements, settings.python, max(1, min(int(cpu), slots)))


class Plan:
    """The order of a run's operators, except its saves.

    Args:
        spec: The workflow.
        states: The operators that have ended already, in a run that goes on.
        slots: How many slots the engine has.

    Attributes:
        skipped: What can't run from the start, with the reasons.
    """

    def __init__(self, spec: FlowSpec, states: Mapping[str, OperatorState], slots: int) -> None:
        self._spec = spec
        self._states: dict[str, OperatorState] = {}
        todo = [item for item in spec.operators.values() if item.kind != "save"]
        self._lanes = {item.name: lane_of(item, slots) for item in todo}
        self._open = dict.fromkeys(self._lanes)
        self._taken: set[str] = set()
        self._missing = {item.name: set(item.needs) for item in todo}
        self._ready: dict[Lane, dict[str, None]] = {}
        skipped: dict[str, str] = {}
        for name in [name for name in self._open if name in states]:
            if name in self._open:
                skipped |= self.end(name, states[name])
        self.skipped = {name: why for name, why in skipped.items() if name not in states}
        for name in self._open:
            self._offer(name)

    @property
    def states(self) -> Mapping[str, OperatorState]:
        """How operators ended."""
        return self._states

    @property
    def is_done(self) -> bool:
        """Whether every operator has ended."""
        return not self._open

    @property
    def open(self) -> tuple[str, ...]:
        """The operators that haven't ended, in order."""
        return tuple(self._open)

    def lanes(self) -> list[Lane]:
        """The lanes in which something can start."""
        return [lane for lane, ready in self._ready.items() if ready]

    def ready(self, lane: Lane) -> int:
        """How many operators of a lane can start."""
        return len(self._ready.get(lane, ()))

    def take(self, lane: Lane, limit: int, *, chain: int = 0) -> list[str]:
        """Take operators that can start.

        Args:
            lane: Of which lane.
            limit: How many that are ready.
            chain: Go on with operators that need nothing but those taken, up to so many in all.
        """
        ready = self._ready[lane]
        taken = dict.fromkeys(list(ready)[:limit])
        for name in taken:
            del ready[name]
        self._taken.update(taken)
        queue = [*taken] if chain > len(taken) else []
        for name in queue:
            for other in self._spec.consumers[name]:
                fits = self._lanes.get(other) == lane and self._missing[other] <= taken.keys()
                if fits and other not in self._taken and len(taken) < chain:
                    self._taken.add(other)
                    taken[other] = None
                    queue.append(other)
        return list(taken)

    def give_back(self, names: Iterable[str]) -> None:
        """Operators that were taken have not been started after all, or start again."""
        for name in names:
            self._taken.discard(name)
            if name in self._open:
                self._offer(name)

    def end(self, name: str, state: OperatorState) -> dict[str, str]:
        """An operator has ended.

        Returns:
            The operators that can't run now, in order, with the reason of each. They have ended, too.
        """
        skipped: dict[str, str] = {}
        queue = [(name, state, f"it needs {name!r}, which {told(state)}")]
        for ended, how, reason in queue:
            self._states[ended] = how
            del self._open[ended]
            self._ready.get(self._lanes[ended], {}).pop(ended, None)
            for other in self._spec.consumers[ended]:
                if other not in self._open:
                    continue  # a save, or skipped for another reason
                if usable(how):
                    self._missing[other].discard(ended)
                    self._offer(other)
                elif other not in skipped:
                    skipped[other] = reason
                    queue.append((other, "skipped", reason))
        return skipped

    def _offer(self, name: str) -> None:
        if not self._missing[name] and name not in self._taken:
            self._ready.setdefault(self._lanes[name], {})[name] = None


def usable(state: OperatorState) -> bool:
    """Whether an operator that ended so has outputs."""
    return state in ("succeeded", "warning")


def told(state: OperatorState) -> str:
    """A state as the end of a sentence."""
    return state if state in ("succeeded", "failed") else f"was {state}"
