"""Tasks of Dask, Ray or any other executor, which hand on references instead of data.

    load = by_reference(pd.read_csv, "s3://bucket/prefix")
    reference = client.submit(load, "customers.csv")        # Dask: a future of an ArtifactRef
    reference = ray.remote(load).remote("customers.csv")    # Ray: the same

A task loads what it is given by reference, where it runs, and stores what it returns; the driver and the
scheduler carry some hundred bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from aqueduct_core._annotations import signature_of
from aqueduct_core.adapters._common import annotations_of, open_store, table_class
from aqueduct_core.reference import ArtifactRef

__all__ = ["by_reference"]


def by_reference(
    function: Callable[..., Any],
    url: str,
    *,
    policy: str | None = None,
    allow_pickle: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Callable[..., ArtifactRef]:
    """A function that takes and returns references.

    Each argument that is a reference, or a list, tuple or dict that holds some, is loaded in the task: a
    table as the class that the parameter's annotation names. The result is stored under its digest, so a task
    that is run twice stores it once.

    Args:
        function: What the task does.
        url: The store; for workers on other machines one that they can reach.
        policy: What to optimise: `fast`, `balanced` or `small`.
        allow_pickle: Load pickles that nobody signed.
        storage_options: What the storage takes; secrets had better stand in AQUEDUCT_STORAGE_OPTIONS.

    Raises:
        ArtifactNotFoundError: When the task runs: what a reference names is gone.
    """
    options = {
        "policy": policy,
        "allow_pickle": allow_pickle,
        "storage_options": dict(storage_options or {}),
    }

    @functools.wraps(function)
    def task(*args: Any, **kwargs: Any) -> ArtifactRef:
        store = open_store(url, **options)  # type: ignore[arg-type]  # one type for all options
        asked = annotations_of(function)
        used: list[str] = []

        def loaded(value: Any, annotation: Any) -> Any:
            if isinstance(value, ArtifactRef):
                used.append(value.digest)
                return store.get(value, as_=table_class(annotation))
            if type(value) in (list, tuple):
                return type(value)(loaded(item, None) for item in value)
            if type(value) is dict:
                return {name: loaded(item, None) for name, item in value.items()}
            return value

        given = signature_of(function).bind(*args, **kwargs)
        for name, value in given.arguments.items():
            given.arguments[name] = loaded(value, asked.get(name))
        result = function(*given.args, **given.kwargs)
        title = getattr(function, "__name__", None)
        return store.put(result, name=title, lineage={"function": title, "inputs": used})

    return task
