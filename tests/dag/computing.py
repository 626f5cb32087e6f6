"""The values of handles, computed in the plainest way: without engine, store or copies."""

from __future__ import annotations

from typing import Any

from aqueduct_core.dag import Artifact, Graph

__all__ = ["value_of"]


def value_of(artifact: Artifact) -> Any:
    """What an artifact is, if all of its operators are called in order."""
    values: dict[Any, Any] = {}
    for operator in Graph.behind(artifact).operators:
        args = [values[item.operator][item.output] for item in operator.args]
        kwargs = {key: values[item.operator][item.output] for key, item in operator.kwargs.items()}
        value = operator.task(*args, **kwargs)
        several = value if len(operator.outputs) > 1 else (value,)
        values[operator] = dict(zip(operator.outputs, several, strict=True))
    return values[artifact.operator][artifact.output]
