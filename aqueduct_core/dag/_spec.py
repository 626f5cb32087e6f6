"""The spec of a workflow: what its versions consist of, as plain JSON (docs/spec.md).

A spec holds names, sources and values, and no object of the user: whoever reads one, a worker, a
scheduler or a server, needs neither the user's code nor its libraries.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aqueduct_core._version import newer
from aqueduct_core.digest import digest_of
from aqueduct_core.errors import FormatVersionError

if TYPE_CHECKING:
    from aqueduct_core.abc import JSON

__all__ = [
    "FORMAT",
    "FlowSpec",
    "Input",
    "OperatorSpec",
    "ParameterSpec",
    "Settings",
    "python_minor",
    "spec_digest",
]

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an operator shall be run; see `op`.

    Attributes:
        requirements: What its environment needs, as pip writes it; None for the one it is run in.
        python: The Python of its environment, `3.12`; None for the one of the workflow.
        resources: `cpu`, `memory`, `gpu` and whatever else the engine knows.
        retries: How often it is tried again after a failure.
        retry_delay: Seconds to wait before that.
        timeout: Seconds after which an attempt is stopped; None for no limit.
        cache: Whether it may be skipped when nothing changed.
        engine_options: What one engine alone understands.
        image: A container image, for engines that start containers.
    """

    requirements: tuple[str, ...] | None = None
    python: str | None = None
    resources: Mapping[str, JSON] = field(default_factory=dict)
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None
    cache: bool = False
    engine_options: Mapping[str, JSON] = field(default_factory=dict)
    image: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Only what differs from the defaults, so that new settings change no digest."""
        found = {name: getattr(self, name) for name in _DEFAULTS}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value != _DEFAULTS[name]
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        known = {name: value for name, value in data.items() if name in _DEFAULTS}
        if known.get("requirements") is not None:
            known["requirements"] = tuple(known["requirements"])
        return cls(**known)


_DEFAULTS = asdict(Settings())


@dataclass(frozen=True, slots=True)
class Input:
    """Where an argument of an operator comes from.

    Attributes:
        source: The name of an operator, or of a parameter.
        output: Which output of the operator; None for a parameter.
        columns: The columns of it that are loaded; None for all.
    """

    source: str
    output: str | None
    columns: tuple[str, ...] | None = None

    @property
    def is_parameter(self) -> bool:
        """Whether it is a parameter's value."""
        return self.output is None

    def to_json(self) -> dict[str, Any]:
        if self.output is None:
            return {"parameter": self.source}
        found = {"operator": self.source, "output": self.output}
        # Only where some are chosen, so that this changes no digest.
        return found if self.columns is None else {**found, "columns": list(self.columns)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Input:
        if "parameter" in data:
            return cls(data["parameter"], None)
        columns = data.get("columns")
        return cls(data["operator"], data["output"], None if columns is None else tuple(columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSpec:
    """A named value that every run may override.

    Attributes:
        name: Its name.
        value: The default: `{"value": ...}` in tagged JSON, or `{"artifact": ...}`, the reference
            to one in the version's store, for what JSON can't hold.
        type: The artifact type of the default: `text`, `numeric`, `table`, ...
        implicit: True for a plain argument of a call, which nobody gave a name.
        description: A sentence for people.
    """

    name: str
    value: Mapping[str, Any]
    type: str
    implicit: bool = False
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in self.__slots__}, "value": dict(self.value)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ParameterSpec:
        return cls(**{name: data[name] for name in cls.__slots__ if name in data})


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSpec:
    """One step.

    Attributes:
        name: Its name, unique in the workflow.
        kind: `op`, `metric`, `check`, `query` or `save`.
        task: What it does. For functions: `source`, `helpers` (the sources of functions and classes
            of the user that it refers to, by qualified name), `values` (digests of other globals)
            and `digest` of all of these; `preset` and its arguments for metrics that come with
            this package; for others what their integration needs.
        args: Inputs in order.
        kwargs: Inputs by keyword.
        outputs: The names of its outputs; none for a save.
        after: Operators that it waits for without taking anything from them.
        severity: What a failing check means: `warning` or `error`.
        settings: How it shall be run.
        description: A sentence for people.
    """

    name: str
    kind: str
    task: Mapping[str, Any]
    args: tuple[Input, ...] = ()
    kwargs: Mapping[str, Input] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("output",)
    after: tuple[str, ...] = ()
    severity: str | None = None
    settings: Settings = field(default_factory=Settings)
    description: str = ""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """All inputs, those by keyword last."""
        return (*self.args, *self.kwargs.values())

    @property
    def needs(self) -> frozenset[str]:
        """The operators that must have come to an end before this one starts."""
        return frozenset(
            [*self.after, *(item.source for item in self.inputs if not item.is_parameter)]
        )

    def output_name(self, output: str) -> str:
        """The name of one of its artifacts: with the output's name where there are several."""
        return self.name if len(self.outputs) == 1 else f"{self.name}.{output}"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "description": self.description,
            "args": [item.to_json() for item in self.args],
            "kwargs": {name: item.to_json() for name, item in self.kwargs.items()},
            "outputs": list(self.outputs),
            "after": list(self.after),
            "severity": self.severity,
            "settings": self.settings.to_json(),
            "task": dict(self.task),
        }

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], functions: Sequence[Mapping[str, Any]] = ()
    ) -> OperatorSpec:
        """An operator from what `to_json` returned, or from a flow with shared `functions`."""
        return cls(
            name=data["name"],
            kind=data["kind"],
            description=data.get("description", ""),
            args=tuple(Input.from_json(item) for item in data["args"]),
            kwargs={name: Input.from_json(item) for name, item in data["kwargs"].items()},
            outputs=tuple(data["outputs"]),
            after=tuple(data.get("after", ())),
            severity=data.get("severity"),
            settings=Settings.from_json(data.get("settings", {})),
            task=functions[data["function"]] if "function" in data else data["task"],
        )


@dataclass(frozen=True, kw_only=True)
class FlowSpec:
    """A workflow as it was published.

    Attributes:
        name: The workflow's name.
        parameters: Its parameters by name.
        operators: Its operators by name, each after those that it needs.
        description: A sentence for people.
        engine: The name of the engine: `local`, or that of an integration.
        schedule: When it runs by itself: a schedule's fields and its `kind`; or None.
        after: The name of the workflow whose success starts this one; or None.
        python: The Python that its functions were captured with, `3.12`.
    """

    name: str
    parameters: Mapping[str, ParameterSpec]
    operators: Mapping[str, OperatorSpec]
    python: str
    description: str = ""
    engine: str = "local"
    schedule: Mapping[str, Any] | None = None
    after: str | None = None

    @cached_property
    def digest(self) -> str:
        """The digest that names a version; see `spec_digest`."""
        return spec_digest(self.to_json())

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """For each operator those that need it, in order."""
        found: dict[str, list[str]] = {name: [] for name in self.operators}
        for operator in self.operators.values():
            for name in operator.needs:
                found[name].append(operator.name)
        return {name: tuple(names) for name, names in found.items()}

    def of_kind(self, *kinds: str) -> Iterator[OperatorSpec]:
        """The operators of some kinds, in order."""
        return (item for item in self.operators.values() if item.kind in kinds)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "description": self.description,
            "engine": self.engine,
            "schedule": None if self.schedule is None else dict(self.schedule),
            "after": self.after,
            "python": self.python,
            "parameters": [item.to_json() for item in self.parameters.values()],
            **_shared([*self.operators.values()]),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FlowSpec:
        """A spec from what `to_json` returned; unknown fields are ignored.

        Raises:
            FormatVersionError: A newer version of this package wrote it.
        """
        if data["format"] > FORMAT:
            raise FormatVersionError(
                f"the spec of {data.get('name')!r} has format {data['format']}; {FORMAT} is the "
                "newest known here",
                hint=newer(),
            )
        parameters = [ParameterSpec.from_json(item) for item in data["parameters"]]
        functions = data.get("functions", ())
        operators = [OperatorSpec.from_json(item, functions) for item in data["operators"]]
        return cls(
            name=data["name"],
            description=data.get("description", ""),
            engine=data["engine"],
            schedule=data["schedule"],
            after=data.get("after"),
            python=data["python"],
            parameters={item.name: item for item in parameters},
            operators={item.name: item for item in operators},
        )


def python_minor() -> str:
    """The Python of this process as specs name it: `3.12`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def spec_digest(spec: Mapping[str, Any]) -> str:
    """The digest of a spec as JSON: of its canonical form, with sorted keys, no spaces, in UTF-8.

    Where a parameter's value is an artifact, its own digest of the value stands for it: the bytes
    of a pickled value are others in each process.
    """
    parameters = [
        {**item, "value": {"digest": item["value"]["digest"]}}
        if "artifact" in item["value"]
        else item
        for item in spec["parameters"]
    ]
    text = json.dumps(
        {**spec, "parameters": parameters},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
        ensure_ascii=False,
    )
    return digest_of(text.encode("utf-8", "surrogatepass"))


def _shared(operators: Sequence[OperatorSpec]) -> dict[str, Any]:
    """Operators whose functions stand apart, each once: a fan-out can use one a thousand times."""
    functions: list[Any] = []
    numbers: dict[str, int] = {}
    seen: dict[int, int] = {}
    records = []
    for operator in operators:
        record = operator.to_json()
        if "source" in operator.task:
            del record["task"]
            if id(operator.task) not in seen:
                text = json.dumps(operator.task, sort_keys=True)
                if text not in numbers:
                    numbers[text] = len(functions)
                    functions.append(dict(operator.task))
                seen[id(operator.task)] = numbers[text]
            record["function"] = seen[id(operator.task)]
        records.append(record)
    return {"functions": functions, "operators": records}
