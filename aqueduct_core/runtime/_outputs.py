"""What an operator gives: checked, and stored."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aqueduct_core.dag import Artifact
from aqueduct_core.errors import OperatorError, StorageError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime._inputs import all_of
from aqueduct_core.runtime._job import Job
from aqueduct_core.runtime._result import is_superseded
from aqueduct_core.store import ArtifactStore

if TYPE_CHECKING:
    from aqueduct_core.runtime._result import Result

__all__ = ["Superseded", "expected_types", "split", "store_outputs"]

# How a nest of values is stored depends on what is in it today: no change of type.
_SAME = {"json": "object", "collection": "object"}


class Superseded(Exception):  # no error: it is how such an attempt ends
    """A later attempt has come to its end: what this one gives is wanted no more."""

    def __init__(self) -> None:
        super().__init__("a later attempt came to its end before")


def split(name: str, outputs: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The outputs by name.

    Args:
        name: The operator's.
        outputs: The names of its outputs.
        value: What its function returned.

    Raises:
        OperatorError: It returned something else than these outputs.
    """
    values = (value,) if len(outputs) == 1 else value
    if len(outputs) > 1:
        listed = ", ".join(outputs)
        if not isinstance(values, tuple | list):
            raise OperatorError(
                f"{name} has the outputs {listed}, and returned {type(value).__name__}",
                hint=f"return a tuple of {len(outputs)} values",
            )
        if len(values) != len(outputs):
            raise OperatorError(
                f"{name} has the outputs {listed}, and returned {len(values)} values",
                hint=f"return {len(outputs)} values, or change outputs=[...]",
            )
    for item in values:
        if isinstance(item, Artifact):
            raise OperatorError(
                f"{name} returned the artifact {item.name!r}, which has no value inside of an "
                "operator",
                hint=f"call the plain function: {item.operator.name}.local(...)",
            )
    return dict(zip(outputs, values, strict=True))


def store_outputs(
    store: ArtifactStore, job: Job, outputs: Mapping[str, Any], inputs: Mapping[str, str]
) -> dict[str, ArtifactRef]:
    """Store the outputs of an operator.

    Args:
        store: Where.
        job: The operator.
        outputs: Its outputs by name.
        inputs: The digests of its inputs, by name.

    Raises:
        Superseded: A later attempt has come to its end.
        AqueductError: An output can't be stored, or is of another type than before.
    """
    lineage = {"operator": job.id, "run": job.run, "inputs": [*inputs.values()]}

    def keep_later() -> None:
        if is_superseded(store, job.id, job.run, job.attempt):
            raise Superseded

    def put(output: str) -> ArtifactRef:
        name = job.spec.output_name(output)
        key = job.output_key(output)
        ref = store.put(outputs[output], key, name=name, lineage=lineage, replacing=keep_later)
        _check_type(job, output, ref)
        return ref

    puts = [partial(put, output) for output in outputs]
    try:
        refs = all_of(puts, parallel=store.storage.profile == "remote")
    except (StorageError, Superseded):
        raise  # a storage that doesn't take one thing can hardly be asked to remove another
    except BaseException:
        with suppress(StorageError):  # nothing refers to them
            for output in outputs:
                store.delete(job.output_key(output))
        raise
    return dict(zip(outputs, refs, strict=True))


def expected_types(result: Result) -> dict[str, str]:
    """The artifact types that the next run's outputs of an operator should have, for `Job.expected`.

    Nothing is expected of an output that was None: it is optional, and may be a value next time.

    Args:
        result: How the operator ended in the last run of the same version that succeeded.
    """
    return {
        name: ref.type for name, ref in result.outputs.items() if ref.digest != _digest_of_none()
    }


def _check_type(job: Job, output: str, ref: ArtifactRef) -> None:
    """Compare an output's type with what it was; one that is None is optional and fits always."""
    before = job.expected.get(output)
    if before is None or _SAME.get(before, before) == _SAME.get(ref.type, ref.type):
        return
    if ref.digest == _digest_of_none():
        return
    raise OperatorError(
        f"{job.spec.output_name(output)!r} is of type {ref.type} now, and was of type {before} in "
        "the run before: what uses it may not understand it any more",
        hint="return the same type each time; if the change is meant, publish the changed code as "
        "a new version",
    )


@cache
def _digest_of_none() -> str:
    return ArtifactStore("memory://", describe=False).put(None, "none").digest
