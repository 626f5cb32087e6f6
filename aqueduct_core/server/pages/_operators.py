"""The operators of a run as pages show them: in the graph, in the list, on the time line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aqueduct_core.server.draw import Card, Row, fits, key_of
from aqueduct_core.server.draw._places import MOST_ROWS, Places
from aqueduct_core.server.pages._reading import flow_path, part, run_path, state_of
from aqueduct_core.server.pages._words import file_size, icon_name, number, took

if TYPE_CHECKING:
    from aqueduct_core.dag import FlowSpec, OperatorSpec, ParameterSpec
    from aqueduct_core.reference import ArtifactRef
    from aqueduct_core.runtime import Result
    from aqueduct_core.tracking import RunRecord

__all__ = ["Output", "Step", "cards_of", "default_of", "steps_of", "value_words"]


@dataclass(frozen=True, slots=True)
class Output:
    """An artifact of a run.

    Attributes:
        name: Its name in the workflow.
        ref: What is stored; None as long as there is nothing.
        shape: How large it is, in words.
        href: The path of its page.
    """

    name: str
    ref: ArtifactRef | None
    shape: str
    href: str


@dataclass(frozen=True, slots=True)
class Step:
    """An operator in a run.

    Attributes:
        spec: The operator.
        result: What became of it; None as long as nothing is known.
        state: Its state; `cached` where the outputs of another run were taken.
        href: The path of its page.
        outputs: Its artifacts.
    """

    spec: OperatorSpec
    result: Result | None
    state: str
    href: str
    outputs: list[Output] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long it took, if it came to an end by itself."""
        if self.result is None or not self.result.seconds or self.state == "running":
            return None
        return self.result.duration

    @property
    def verdict(self) -> tuple[str, str]:
        """What a check found, as a state and in words."""
        if self.result is None or self.result.passed is None:
            return "", "–"
        if self.result.passed:
            return "succeeded", "passed"
        return ("failed" if self.spec.severity == "error" else "warning"), "not passed"

    @property
    def finding(self) -> str:
        """What came out, in a few words."""
        if self.spec.kind == "metric":
            return (
                ""
                if self.result is None or self.result.value is None
                else number(self.result.value)
            )
        if self.spec.kind == "check":
            return self.verdict[1] if self.verdict[0] else ""
        if self.spec.kind == "save":
            return saved_words(self)
        return ", ".join(item.shape for item in self.outputs if item.ref is not None)


def steps_of(
    spec: FlowSpec, run: RunRecord, results: Iterable[Result], shapes: Mapping[str, str]
) -> list[Step]:
    """The operators of a run, each after those that it needs."""
    by_name = {item.name: item for item in results}
    here = run_path(run.flow, run.id)
    found = []
    for name, operator in spec.operators.items():
        result = by_name.get(name)
        refs = {} if result is None else result.outputs
        outputs = [
            Output(
                operator.output_name(output),
                refs.get(output),
                shapes.get(refs[output].key, file_size(refs[output].size))
                if output in refs
                else "–",
                f"{here}/artifacts/{part(operator.output_name(output))}",
            )
            for output in operator.outputs
        ]
        href = f"{here}/operators/{part(name)}"
        found.append(Step(operator, result, state_of(result), href, outputs))
    return found


def cards_of(
    spec: FlowSpec,
    flow: str,
    steps: Iterable[Step],
    places: Places,
    values: Mapping[str, str],
    here: str,
    opened: Sequence[str] = (),
) -> dict[str, Card]:
    """The nodes of the graph.

    Args:
        spec: The workflow.
        flow: Its id.
        steps: Its operators.
        places: Where they stand.
        values: What parameters have as their values, in words.
        here: The page of the run.
        opened: The boxes that are unfolded.
    """
    cards = {
        key_of(name, parameter=True): Card(name, "parameter", values.get(name, default_of(item)))
        for name, item in spec.parameters.items()
        if not item.implicit
    }
    by_name = {step.spec.name: step for step in steps}
    hidden = {name for names in places.stacks.values() for name in names}
    for key, names in places.stacks.items():
        # Its place is held while it unfolds: that is where its first operator is looked for.
        unfolded = f"{here}?{urlencode({'open': [*opened, key]}, doseq=True)}#at-{part(names[0])}"
        href = unfolded if fits(places, names) else None
        cards[key] = _stack([by_name[name] for name in names], href, f"{here}?view=list")
    for name, step in by_name.items():
        if name not in hidden:
            cards[key_of(name)] = _card(step, flow)
    return cards


def default_of(parameter: ParameterSpec) -> str:
    """The default of a parameter, in words."""
    return value_words(parameter.value)


def value_words(value: Mapping[str, object]) -> str:
    """A parameter's value as it is kept, in words."""
    if "value" in value:
        plain = value["value"]
        if isinstance(plain, (int, float)) and not isinstance(plain, bool):
            return number(plain) if isinstance(plain, float) else str(plain)
        return str(plain)
    artifact = value.get("artifact")
    return str(artifact.get("type", "object")) if isinstance(artifact, Mapping) else "object"


def saved_words(step: Step) -> str:
    """What a save wrote."""
    detail = {} if step.result is None else step.result.detail
    if "rows" in detail:
        return f"{detail['rows']:,} rows"
    return "saved" if step.state == "succeeded" else ""


def _card(step: Step, flow: str) -> Card:
    seconds = step.seconds
    note = step.spec.kind
    if step.state == "cached":
        note += " · from cache"
    elif step.state in ("skipped", "canceled", "running"):
        note += f" · {step.state}"
    elif seconds is not None:
        note += f" · {took(seconds)}"
    return Card(step.spec.name, step.spec.kind, note, step.state, step.href, _rows(step, flow))


def _rows(step: Step, flow: str) -> list[Row]:
    if step.spec.kind == "metric":
        return [
            Row("numeric", "value", step.finding or "–", flow_path(flow, "metrics", step.spec.name))
        ]
    if step.spec.kind == "check":
        tone, words = step.verdict
        href = flow_path(flow, "checks", step.spec.name)
        return [Row("check", step.spec.severity or "check", words, href, tone)]
    if step.spec.kind == "save":
        target = step.spec.task.get("table") or step.spec.task.get("path") or "saved"
        return [Row("save", str(target), step.finding or "–")]
    several = len(step.outputs) > 1
    rows = []
    for output in step.outputs[:MOST_ROWS]:
        if output.ref is None:
            rows.append(Row("object", output.name.rpartition(".")[2] if several else "output", "–"))
        else:
            label = output.name.rpartition(".")[2] if several else output.ref.type
            rows.append(Row(icon_name(output.ref.type), label, output.shape, output.href))
    if len(step.outputs) > MOST_ROWS:
        rows[-1] = Row("collection", f"{len(step.outputs) - MOST_ROWS + 1} more", "", step.href)
    return rows


_URGENT = ("failed", "running", "warning", "canceled", "pending", "skipped", "succeeded", "cached")


def _stack(steps: list[Step], unfold: str | None, listed: str) -> Card:
    """Operators that do the same to the same, in one box."""
    states = [step.state for step in steps]
    state = min(set(states), key=_URGENT.index)
    first = steps[0].spec
    told = ", ".join(f"{states.count(item)} {item}" for item in _URGENT if item in states)
    return Card(
        f"{len(steps)} × {first.name}",
        first.kind,
        f"{first.kind} · unfold" if unfold else first.kind,
        state,
        unfold or listed,
        [Row("collection", told, "", listed)],
    )
