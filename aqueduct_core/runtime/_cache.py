"""Outputs of earlier runs that are taken over when nothing has changed: `cache=True`.

    cache/<digest>.json    the outputs for one function, its settings and its inputs

The digest is made of digests and of JSON, never of Python objects, so that it is the same in every
process. Entries are written whole, and two workers that write the same one write equal outputs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aqueduct_core.digest import digest_of
from aqueduct_core.errors import AqueductError, StorageError, StorageNotFoundError
from aqueduct_core.reference import ArtifactRef
from aqueduct_core.runtime._inputs import artifact_name, input_digests, parameter_record
from aqueduct_core.runtime._job import Job, Workspace

if TYPE_CHECKING:
    from aqueduct_core.dag._spec import Input

__all__ = ["CacheKey", "Hit", "cache_key", "look_up", "remember"]


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What the outputs of an operator depend on.

    Attributes:
        path: The storage key of the entry.
        inputs: The digests of the input artifacts, by their names.
    """

    path: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hit:
    """Outputs of an earlier run, which are this run's by now.

    Attributes:
        run: The run that made them.
        outputs: This run's references to them.
    """

    run: str
    outputs: Mapping[str, ArtifactRef]


def cache_key(workspace: Workspace, job: Job) -> CacheKey | None:
    """Where the outputs of an operator are remembered; None if it wants to run each time.

    Raises:
        Unavailable: An operator before it failed, or hasn't run.
        AqueductError: An input is gone.
    """
    spec = job.spec
    if not spec.settings.cache or spec.kind != "op" or "digest" not in spec.task:
        return None
    digests = input_digests(workspace, job)

    def told(item: Input) -> Any:
        if item.is_parameter:
            return _parameter(parameter_record(job, item.source))
        return digests[item] if item.columns is None else [digests[item], list(item.columns)]

    settings = spec.settings
    record = {
        "function": spec.task["digest"],
        "args": [told(item) for item in spec.args],
        "kwargs": {name: told(item) for name, item in spec.kwargs.items()},
        "outputs": list(spec.outputs),
        "python": "{}.{}".format(*sys.version_info),
        "requirements": None if settings.requirements is None else list(settings.requirements),
        "image": settings.image,
    }
    document = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = digest_of(document.encode("utf-8", "surrogatepass")).partition(":")[2]
    inputs = {artifact_name(job, item): found for item, found in digests.items()}
    return CacheKey(f"cache/{digest}.json", inputs)


def look_up(workspace: Workspace, job: Job, key: CacheKey) -> Hit | None:
    """Take over the outputs that are remembered; None if there are none, or not all of them."""
    store = workspace.store
    try:
        entry = json.loads(bytes(store.storage.get(key.path)))
        found = {name: ArtifactRef.deserialize(ref) for name, ref in entry["outputs"].items()}
        run = str(entry["run"])
        outputs = {name: store.copy(found[name], job.output_key(name)) for name in job.spec.outputs}
    except StorageNotFoundError:
        return None
    except (AqueductError, ValueError, KeyError, TypeError, AttributeError):
        return None  # deleted, damaged or replaced since: it is computed again
    # Later runs take these copies: those of the older run may be deleted before.
    remember(workspace, job, key, outputs, run)
    return Hit(run, outputs)


def remember(
    workspace: Workspace,
    job: Job,
    key: CacheKey,
    outputs: Mapping[str, ArtifactRef],
    run: str | None = None,
) -> None:
    """Let later runs take these outputs, as far as the storage takes the entry.

    Args:
        workspace: Where they are.
        job: What has them now.
        key: What they depend on.
        outputs: References to them.
        run: The run that made them, if it was another one.
    """
    entry = {
        "operator": job.id,
        "run": run or job.run,
        "outputs": {name: ref.serialize() for name, ref in outputs.items()},
    }
    with suppress(StorageError):  # it is no failure that it will run again
        workspace.store.storage.put(key.path, json.dumps(entry, separators=(",", ":")).encode())


def _parameter(value: Mapping[str, Any]) -> Any:
    """What of a parameter's value decides: its content, not the artifact that happens to hold it."""
    if "artifact" not in value:
        return dict(value)
    artifact = value["artifact"]
    if artifact["serializer"] == "pickle" and "digest" in value:
        return {"digest": value["digest"]}  # equal values may have different pickles
    return {"artifact": artifact["digest"]}
