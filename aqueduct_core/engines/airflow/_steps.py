"""The tasks that a workflow becomes, and what they wait for."""

from __future__ import annotations

from dataclasses import dataclass

from aqueduct_core.dag import FlowSpec, OperatorSpec
from aqueduct_core.engines.airflow._names import task_ids

__all__ = ["Step", "steps"]


@dataclass(frozen=True, slots=True)
class Step:
    """One task.

    Attributes:
        task: Its id.
        operators: The names of the operators that it runs: one; or all saves into the same data
            system, since they come true together.
        needs: The ids of the tasks that it waits for.
        tolerant: Whether it starts however those end, because a part of it may be able to run.
    """

    task: str
    operators: tuple[str, ...]
    needs: tuple[str, ...]
    tolerant: bool = False


def steps(spec: FlowSpec) -> tuple[Step, ...]:
    """The tasks of a workflow, each after those that it waits for."""
    groups = _groups(spec)
    ids = task_ids(groups)
    at = {name: ids[label] for label, members in groups.items() for name in members}
    order = {task: place for place, task in enumerate(ids.values())}
    checks = [item.name for item in spec.of_kind("check") if item.severity == "error"]
    found = []
    for label, members in groups.items():
        is_save = spec.operators[members[0]].kind == "save"
        needs = [spec.operators[name].needs for name in members]
        waits = {at[name] for names in needs for name in names}
        waits |= {at[name] for name in checks if is_save}
        found.append(
            Step(
                task=ids[label],
                operators=members,
                needs=tuple(sorted(waits - {ids[label]}, key=order.__getitem__)),
                tolerant=len(set(needs)) > 1,
            )
        )
    return tuple(found)


def _groups(spec: FlowSpec) -> dict[str, tuple[str, ...]]:
    """The operators of each task, by what the task is called; saves come last."""
    groups: dict[str, tuple[str, ...]] = {
        item.name: (item.name,) for item in spec.operators.values() if item.kind != "save"
    }
    saves: dict[str, list[OperatorSpec]] = {}
    for item in spec.of_kind("save"):
        saves.setdefault(str(item.task["integration"]), []).append(item)
    for integration, members in saves.items():
        label = members[0].name if len(members) == 1 else f"save to {integration}"
        while label in groups:
            label += " (saves)"
        groups[label] = tuple(item.name for item in members)
    return groups
