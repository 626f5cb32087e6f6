"""The arguments of an operator: artifacts of the run, and values of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aqueduct_core.errors import ArtifactNotFoundError, ParameterError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime._job import Job, Workspace, artifact_key
from aqueduct_core.runtime._result import Result, read_result

if TYPE_CHECKING:
    from aqueduct_core.dag._spec import Input
    from aqueduct_core.store import ArtifactStore

__all__ = [
    "Arguments",
    "Unavailable",
    "all_of",
    "artifact_name",
    "input_digests",
    "load_arguments",
    "no_result",
    "parameter_record",
    "parameter_value",
]

T = TypeVar("T")
_CONCURRENCY = 8


class Unavailable(Exception):
    """An input isn't there because of how an operator before it ended; the text says how."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What an operator is called with.

    Attributes:
        args: In order.
        kwargs: By keyword.
        digests: The digests of the artifacts among them, by the artifacts' names.
    """

    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    digests: Mapping[str, str]


def load_arguments(workspace: Workspace, job: Job) -> Arguments:
    """Load what an operator takes: a copy of its own, which it may change.

    What is passed twice is one object inside, as it is in plain Python.

    Raises:
        Unavailable: An operator before it failed, or hasn't run.
        AqueductError: An input is gone or can't be loaded.
    """
    spec = job.spec
    artifacts = [item for item in dict.fromkeys(spec.inputs) if not item.is_parameter]
    loads = [partial(_load, workspace.store, job, item) for item in artifacts]
    # Local inputs are mapped, or decoded on all cores anyway; remote ones are waited for.
    loaded = all_of(loads, parallel=workspace.store.storage.profile == "remote")
    values = {item: value for item, (value, _) in zip(artifacts, loaded, strict=True)}
    for item in spec.inputs:
        if item not in values:
            values[item] = parameter_value(workspace.store, job, item.source)
    return Arguments(
        args=[values[item] for item in spec.args],
        kwargs={name: values[item] for name, item in spec.kwargs.items()},
        digests={
            artifact_name(job, item): digest
            for item, (_, digest) in zip(artifacts, loaded, strict=True)
        },
    )


def input_digests(workspace: Workspace, job: Job) -> dict[Input, str]:
    """The digests of the artifacts that an operator takes, without loading them.

    Raises:
        Unavailable: An operator before it failed, or hasn't run.
        AqueductError: An input is gone.
    """
    store = workspace.store
    artifacts = [item for item in dict.fromkeys(job.spec.inputs) if not item.is_parameter]
    looks = [partial(_found, store, job, item, store.manifest) for item in artifacts]
    found = all_of(looks, parallel=store.storage.profile == "remote")
    return {item: manifest.digest for item, manifest in zip(artifacts, found, strict=True)}


def artifact_name(job: Job, item: Input) -> str:
    """What an input is called in its workflow."""
    return job.version.spec.operators[item.source].output_name(str(item.output))


def parameter_value(store: ArtifactStore, job: Job, name: str) -> Any:
    """The value of a parameter: the run's, or the default."""
    from aqueduct_core.serializers import tagged

    value = parameter_record(job, name)
    if "artifact" in value:
        return store.get(ArtifactRef.deserialize(value["artifact"]))
    return tagged.from_json(value["value"])


def parameter_record(job: Job, name: str) -> Mapping[str, Any]:
    """A parameter's value as the run, or else the spec, holds it."""
    if name in job.parameters:
        return job.parameters[name]
    if name not in job.version.spec.parameters:
        raise ParameterError(
            f"there is no parameter {name!r}", hint="publish the workflow again: its spec is broken"
        )
    return job.version.spec.parameters[name].value


def all_of(tasks: Sequence[Callable[[], T]], *, parallel: bool) -> list[T]:
    """The results of some tasks, in order; the first error is raised."""
    if not parallel or len(tasks) < 2:
        return [task() for task in tasks]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(_CONCURRENCY, len(tasks))) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]


def _load(store: ArtifactStore, job: Job, item: Input) -> tuple[Any, str]:
    value, manifest = _found(store, job, item, partial(store.fetch, columns=item.columns))
    return value, manifest.digest


def no_result(name: str, result: Result | None) -> str:
    """Why nothing of an operator can be used."""
    if result is None:
        return f"{name!r} has no result: it did not run"
    how = "failed" if result.state in ("failed", "warning") else f"was {result.state}"
    return f"{name!r} has no result: it {how}"


def _found(store: ArtifactStore, job: Job, item: Input, look: Callable[[str], T]) -> T:
    operator = job.version.ids[item.source]
    try:
        return look(artifact_key(operator, job.run, str(item.output)))
    except ArtifactNotFoundError as error:
        result = read_result(store, operator, job.run)
        if result is None or item.output not in result.outputs:
            raise Unavailable(no_result(item.source, result)) from error
        raise ArtifactNotFoundError(
            f"{artifact_name(job, item)!r} was made by this run and is not in the store any more",
            hint="run it again: retention, gc or somebody else has removed the artifact",
        ) from error
