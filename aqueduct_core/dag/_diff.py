"""What is different in another version of a workflow."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag._spec import FlowSpec, Input, OperatorSpec, ParameterSpec, Settings

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON
    from aqueduct_core.dag._version import Version

__all__ = ["Change", "OperatorDiff", "TextDiff", "VersionDiff", "diff"]

_FLOW = ("name", "description", "engine", "schedule", "after", "python")
_OPERATOR = ("kind", "description", "outputs", "severity")
_APART = ("digest", "source", "helpers", "values")  # of a function; shown in ways of their own


@dataclass(frozen=True, slots=True)
class Change:
    """A field that has another value.

    Attributes:
        field: What: `schedule`, `settings.retries`, `input df`, `value THRESHOLD`, a parameter's name.
        before: Its value before, as plain JSON; None also if it wasn't there.
        after: Its value after, as plain JSON; None also if it isn't there any more.
    """

    field: str
    before: JSON
    after: JSON

    @property
    def reverse(self) -> Change:
        """The same, seen from the other version."""
        return Change(self.field, self.after, self.before)


@dataclass(frozen=True, slots=True)
class TextDiff:
    """A text that is different: a function's source, a helper's, a query.

    Attributes:
        name: What it is the text of.
        before: The text before; None if it wasn't there.
        after: The text after; None if it isn't there any more.
    """

    name: str
    before: str | None
    after: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        """A unified diff, without line breaks."""
        found = difflib.unified_diff(
            (self.before or "").splitlines(),
            (self.after or "").splitlines(),
            "/dev/null" if self.before is None else self.name,
            "/dev/null" if self.after is None else self.name,
            lineterm="",
        )
        return tuple(found)

    @property
    def reverse(self) -> TextDiff:
        """The same, seen from the other version."""
        return TextDiff(self.name, self.after, self.before)


@dataclass(frozen=True, slots=True)
class OperatorDiff:
    """An operator that is different, new, or gone.

    Attributes:
        before: Its name before; None if it is new.
        after: Its name now; None if it is gone.
        kind: `op`, `metric`, `check`, `query` or `save`.
        changes: Fields that have other values.
        texts: Sources that are different.
    """

    before: str | None
    after: str | None
    kind: str
    changes: tuple[Change, ...] = ()
    texts: tuple[TextDiff, ...] = ()

    @property
    def name(self) -> str:
        """Its name now, or the last that it had."""
        return self.after or self.before or ""


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """The differences of two versions; true if there are any.

    Attributes:
        before: The digest of the one.
        after: The digest of the other.
        flow: What changed of the workflow: `schedule`, `engine`, `description`, ...
        parameters: Parameters that are new, gone, or have another default.
        added: Operators that are new.
        removed: Operators that are gone.
        changed: Operators that are different, or have another name.
    """

    before: str
    after: str
    flow: tuple[Change, ...] = ()
    parameters: tuple[Change, ...] = ()
    added: tuple[OperatorDiff, ...] = ()
    removed: tuple[OperatorDiff, ...] = ()
    changed: tuple[OperatorDiff, ...] = ()

    def __bool__(self) -> bool:
        return any((self.flow, self.parameters, self.added, self.removed, self.changed))

    def __repr__(self) -> str:
        from aqueduct_core.dag._diff_text import short

        counts = {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "of parameters": len(self.parameters),
            "of the workflow": len(self.flow),
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        versions = f"{short(self.before)} -> {short(self.after)}"
        return f"<VersionDiff {versions}: {told or 'nothing is different'}>"

    def __str__(self) -> str:
        return self.text() or "Nothing is different."

    def _repr_html_(self) -> str:
        """For notebooks: the text."""
        from aqueduct_core.dag._diff_text import html_of

        return html_of(self)

    def to_json(self) -> dict[str, Any]:
        """The differences as plain JSON: docs/spec.md."""
        return {
            "before": self.before,
            "after": self.after,
            "flow": [asdict(item) for item in self.flow],
            "parameters": [asdict(item) for item in self.parameters],
            "added": [_operator_json(item) for item in self.added],
            "removed": [_operator_json(item) for item in self.removed],
            "changed": [_operator_json(item) for item in self.changed],
        }

    def text(self) -> str:
        """The differences as people read them: lines that begin with `+`, `-`, `~`; unified diffs."""
        from aqueduct_core.dag._diff_text import text_of

        return text_of(self)


def diff(before: Version, after: Version) -> VersionDiff:
    """What is different in `after`, seen from `before`."""
    one, other = before.spec, after.spec
    renamed = _renames(one, other)
    gone = [name for name in one.operators if name not in other.operators and name not in renamed]
    kept = {**{name: name for name in one.operators if name in other.operators}, **renamed}
    back = {new: old for old, new in kept.items()}
    changed = (
        _compare(one.operators[back[name]], operator, renamed)
        for name, operator in other.operators.items()
        if name in back
    )
    return VersionDiff(
        before=before.digest,
        after=after.digest,
        flow=tuple(_flow_changes(one, other)),
        parameters=tuple(_parameter_changes(one, other, renamed)),
        added=tuple(
            _alone(operator, new=True)
            for name, operator in other.operators.items()
            if name not in back
        ),
        removed=tuple(_alone(one.operators[name], new=False) for name in gone),
        changed=tuple(item for item in changed if item is not None),
    )


def _renames(one: FlowSpec, other: FlowSpec) -> dict[str, str]:
    """Operators that do the same under another name, from the old name to the new."""
    gone = [item for name, item in one.operators.items() if name not in other.operators]
    new = [item for name, item in other.operators.items() if name not in one.operators]
    found: dict[str, str] = {}
    # Those with the same inputs first: a fan-out consists of many that do the same.
    for key in (_whole_key, _task_key):
        waiting: dict[str, list[str]] = {}
        taken = {*found.values()}
        for item in new:
            if item.name not in taken:
                waiting.setdefault(key(item), []).append(item.name)
        for item in gone:
            if item.name not in found and waiting.get(key(item)):
                found[item.name] = waiting[key(item)].pop(0)
    return found


def _task_key(item: OperatorSpec) -> str:
    task = item.task if "source" not in item.task else {"digest": item.task["digest"]}
    return json.dumps([item.kind, task], sort_keys=True)


def _whole_key(item: OperatorSpec) -> str:
    inputs = sorted(_inputs(item, {}, item.name).items())
    return json.dumps([_task_key(item), inputs], sort_keys=True)


def _flow_changes(one: FlowSpec, other: FlowSpec) -> Iterator[Change]:
    for name in _FLOW:
        before, after = _plain(getattr(one, name)), _plain(getattr(other, name))
        if before != after:
            yield Change(name, before, after)


def _parameter_changes(
    one: FlowSpec, other: FlowSpec, renamed: Mapping[str, str]
) -> Iterator[Change]:
    """Changes of parameters; the plain arguments of an operator go along with its name."""
    names = {
        old.source: new.source
        for before, after in renamed.items()
        for old, new in _places(one.operators[before], other.operators[after])
        if _is_implicit(one, old) and _is_implicit(other, new)
    }
    before = {names.get(name, name): item for name, item in one.parameters.items()}
    for name in {**before, **other.parameters}:
        old, new = before.get(name), other.parameters.get(name)
        if old is None or new is None or _content(old) != _content(new):
            yield Change(name, _default(old), _default(new))
        elif old.description != new.description:
            yield Change(f"{name}.description", old.description, new.description)


def _places(one: OperatorSpec, other: OperatorSpec) -> Iterator[tuple[Input, Input]]:
    """The inputs of two operators that stand in the same place."""
    yield from zip(one.args, other.args, strict=False)
    yield from (
        (item, other.kwargs[key]) for key, item in one.kwargs.items() if key in other.kwargs
    )


def _is_implicit(spec: FlowSpec, item: Input) -> bool:
    return item.is_parameter and spec.parameters[item.source].implicit


def _content(item: ParameterSpec) -> Any:
    return item.type, item.value.get("digest") or item.value


def _default(item: ParameterSpec | None) -> JSON:
    return None if item is None else dict(item.value)


def _compare(
    one: OperatorSpec, other: OperatorSpec, renamed: Mapping[str, str]
) -> OperatorDiff | None:
    changes = tuple(_changes(one, other, renamed))
    texts = tuple(_texts(one.task, other.task, other.name))
    if not changes and not texts and one.name == other.name:
        return None
    return OperatorDiff(one.name, other.name, other.kind, changes, texts)


def _alone(item: OperatorSpec, *, new: bool) -> OperatorDiff:
    texts = tuple(_texts({}, item.task, item.name))
    if new:
        return OperatorDiff(None, item.name, item.kind, texts=texts)
    return OperatorDiff(item.name, None, item.kind, texts=tuple(text.reverse for text in texts))


def _changes(
    one: OperatorSpec, other: OperatorSpec, renamed: Mapping[str, str]
) -> Iterator[Change]:
    for name in _OPERATOR:
        yield from _change(name, getattr(one, name), getattr(other, name))
    own = {**renamed, one.name: other.name}
    yield from _each("input ", _inputs(one, own, one.name), _inputs(other, {}, other.name))
    waits = sorted(renamed.get(name, name) for name in one.after), sorted(other.after)
    yield from _change("after", *waits)
    for item in fields(Settings):
        values = getattr(one.settings, item.name), getattr(other.settings, item.name)
        yield from _change(f"settings.{item.name}", *values)
    yield from _each("value ", one.task.get("values", {}), other.task.get("values", {}))
    rest = (
        {name: value for name, value in task.items() if name not in _APART and name != "query"}
        for task in (one.task, other.task)
    )
    yield from _each("", *rest)


def _change(name: str, before: Any, after: Any) -> Iterator[Change]:
    before, after = _plain(before), _plain(after)
    if before != after:
        yield Change(name, before, after)


def _each(prefix: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in {**before, **after}:
        yield from _change(f"{prefix}{name}", before.get(name), after.get(name))


def _inputs(item: OperatorSpec, renamed: Mapping[str, str], name: str) -> dict[str, str]:
    """Where each argument comes from, in words; plain arguments by their place alone."""

    def told(source: Input) -> str:
        if source.is_parameter:
            own = source.source.startswith(f"{name}.")
            return "a value" if own else f"parameter {source.source}"
        some = f" with {', '.join(source.columns)}" if source.columns else ""
        return f"{renamed.get(source.source, source.source)}.{source.output}{some}"

    found = {str(number): told(source) for number, source in enumerate(item.args, start=1)}
    return found | {key: told(source) for key, source in item.kwargs.items()}


def _texts(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> Iterator[TextDiff]:
    for text in ("source", "query"):
        if one.get(text) != other.get(text):
            yield TextDiff(name, one.get(text), other.get(text))
    before, after = one.get("helpers", {}), other.get("helpers", {})
    for helper in {**before, **after}:
        if before.get(helper) != after.get(helper):
            yield TextDiff(helper, before.get(helper), after.get(helper))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _operator_json(item: OperatorDiff) -> dict[str, Any]:
    return {
        "name": item.name,
        "before": item.before,
        "after": item.after,
        "kind": item.kind,
        "changes": [asdict(change) for change in item.changes],
        "texts": [{"name": text.name, "diff": list(text.lines)} for text in item.texts],
    }
